"""Decisions as the page sends them: on the disk when they are answered, and seen so by whoever reads the logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.review import ReviewSettings, open_review
from anime_whisper_ct2.reviews import Reviews
from tests.support.hostile import ESCAPES, FORMULA, MARKUP
from tests.support.refusing import FULL
from tests.support.reviewing import Json, Page, effective, elsewhere, lines, problem, reviewing, said, seen, shown
from tests.support.runs import segment, short, transcript, write_run

TALK = transcript(
    "b/長い.ogg",
    segment(0.5, 3.0, "一つ目"),
    segment(4.0, 6.0, "二つ目", -1.5, "fast"),
    segment(6.5, 20.0, "三つ目", -0.3, "repetition"),
    duration=25.0,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of five segments, three of them of one recording."""
    return write_run(tmp_path / "run", short("a/1.ogg", "おはよう"), TALK, short("c/2.ogg", "さよなら"))


@pytest.fixture
def page(run: Path) -> Iterator[Page]:
    """The page on it, with a queue of all in the order of ids."""
    with reviewing(run) as page:
        page.freeze()
        yield page


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Path]]:
    """A page that takes nothing, and its run."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWCT2_CACHE", str(folder / "cache"))
        run = write_run(folder / "run", short("a/1.ogg", "おはよう"), TALK)
        with reviewing(run) as page:
            page.freeze()
            yield page, run


def row_of(page: Page, text: str) -> Json:
    """Find a row by its text."""
    return next(row for row in page.rows() if row["text"] == text)


def test_a_fresh_run_says_how_much_there_is_to_do(page: Page) -> None:
    state = page.get("state")
    assert (state["run"], state["kind"], state["reviewer"], state["ready"]) == ("run", "run", "花子", True)
    assert (state["total"], state["counts"]["open"], state["seconds"]) == (5, 5, 21.0)
    assert (state["can_undo"], state["can_redo"], state["stale"], state["problem"]) == (False, False, 0, None)
    assert state["flags"] == ["fast", "repetition"]


@pytest.mark.parametrize(
    ("action", "value", "text", "verdict"),
    [
        ("accept", None, "おはよう", "accepted"),
        ("reject", None, "おはよう", "rejected"),
        ("correct", "おはよー", "おはよー", "corrected"),
        ("correct", "おはよう", "おはよう", "accepted"),
    ],
)
def test_a_decision_is_in_the_log_when_it_is_answered(
    run: Path, page: Page, action: str, value: str | None, text: str, verdict: str
) -> None:
    decided = page.decide(page.rows()[0], action, value)
    (row,) = decided["rows"]
    assert (row["text"], row["status"], row["by"], row["heard"]) == (text, verdict, "花子", 1.0)
    assert (decided["position"], decided["queue"], decided["count"]) == (0, None, 1)
    assert (decided["counts"]["open"], decided["counts"][verdict], decided["can_undo"]) == (4, 1, True)
    (line,) = lines(run)
    assert (line.action, line.value, line.batch) == (action, value, None)
    assert (line.heard, line.rate, line.ms) == (1.0, 1.5, 1200)
    assert effective(run)["a/1.ogg"].segments[0].verdict == verdict


def test_deciding_moves_no_row_of_a_frozen_queue(page: Page) -> None:
    assert page.freeze("risk", descending=True, status="open")["count"] == 5
    before = [row["row"] for row in page.rows()]
    page.decide(page.rows()[2], "accept")
    assert [row["row"] for row in page.rows()] == before
    assert page.rows()[2]["status"] == "accepted"
    assert page.freeze("risk", descending=True, status="open")["count"] == 4


def test_tags_are_put_on_and_taken_off_without_another_version(page: Page) -> None:
    row = page.rows()[0]
    (tagged,) = page.decide(row, "tag", {"add": ["息", "笑い"], "remove": []})["rows"]
    assert (tagged["tags"], tagged["status"], tagged["seen"]) == (["息", "笑い"], "open", row["seen"])
    (tagged,) = page.decide(row, "tag", {"add": [], "remove": ["息"]})["rows"]
    assert tagged["tags"] == ["笑い"]
    assert page.get("state")["tags"] == ["笑い"]
    assert page.freeze(tag="笑い")["count"] == 1


def test_a_trim_keeps_what_was_decided(run: Path, page: Page) -> None:
    row = page.decide(row_of(page, "二つ目"), "accept")["rows"][0]
    (trimmed,) = page.decide(row, "trim", {"start": 3.5, "end": 6.2})["rows"]
    assert (trimmed["start"], trimmed["end"], trimmed["status"], trimmed["row"]) == (3.5, 6.2, "accepted", row["row"])
    assert (effective(run)["b/長い.ogg"].segments[1].start, page.get("state")["stale"]) == (3.5, 0)


def test_a_split_puts_a_row_into_the_queue_and_undoing_takes_it_out(run: Path, page: Page) -> None:
    row = row_of(page, "三つ目")
    decided = page.decide(row, "split", {"texts": ["三つ", "目"], "at": 10.0}, position=3)
    assert [(each["start"], each["end"], each["text"], each["status"]) for each in decided["rows"]] == [
        (6.5, 10.0, "三つ", "open"),
        (10.0, 20.0, "目", "open"),
    ]
    assert (decided["queue"], decided["position"]) == ({"count": 6, "from": 4}, 3)
    assert [each["text"] for each in page.rows()] == ["おはよう", "一つ目", "二つ目", "三つ", "目", "さよなら"]
    assert [each.text for each in effective(run)["b/長い.ogg"].segments[2:]] == ["三つ", "目"]
    undone = page.post("undo")
    assert (undone["rows"][0]["text"], undone["queue"], undone["position"]) == ("三つ目", {"count": 5, "from": 4}, 3)
    redone = page.post("redo")
    assert (redone["queue"]["count"], [each["text"] for each in redone["rows"]]) == (6, ["三つ", "目"])
    assert [each["text"] for each in page.rows()] == ["おはよう", "一つ目", "二つ目", "三つ", "目", "さよなら"]


def test_a_merge_takes_a_row_out_of_the_queue_and_undoing_puts_it_back_in_its_place(run: Path, page: Page) -> None:
    page.freeze("length", descending=True)
    order = [row["text"] for row in page.rows()]
    assert order == ["三つ目", "一つ目", "二つ目", "おはよう", "さよなら"]
    decided = page.decide(row_of(page, "二つ目"), "merge")
    assert [(row["start"], row["end"], row["text"]) for row in decided["rows"]] == [(4.0, 20.0, "二つ目三つ目")]
    assert (decided["queue"], decided["position"]) == ({"count": 4, "from": 0}, 1)
    assert [row["text"] for row in page.rows()] == ["一つ目", "二つ目三つ目", "おはよう", "さよなら"]
    assert len(effective(run)["b/長い.ogg"].segments) == 2
    assert page.post("undo")["queue"] == {"count": 5, "from": 0}
    assert [row["text"] for row in page.rows()] == order


@pytest.mark.parametrize(
    ("text", "action", "value", "code"),
    [
        ("二つ目", "trim", {"start": 2.9, "end": 6.0}, "bad_times"),
        ("二つ目", "trim", {"start": 4.0, "end": 6.6}, "bad_times"),
        ("三つ目", "trim", {"start": 6.5, "end": 25.1}, "bad_times"),
        ("一つ目", "trim", {"start": -0.1, "end": 3.0}, "bad_times"),
        ("一つ目", "trim", {"start": 2.0, "end": 2.0}, "bad_times"),
        ("一つ目", "trim", {"start": 3.0, "end": 0.5}, "bad_times"),
        ("一つ目", "split", {"texts": ["一", "目"], "at": 3.0}, "bad_times"),
        ("一つ目", "split", {"texts": ["一", "目"], "at": 0.505}, "bad_times"),
        ("一つ目", "split", {"texts": ["一", " "], "at": 1.0}, "bad_text"),
        ("三つ目", "merge", None, "bad_times"),
        ("一つ目", "correct", "", "bad_text"),
        ("一つ目", "correct", "\u3000", "bad_text"),
        ("一つ目", "correct", "一\n二", "bad_text"),
        ("一つ目", "correct", "一\u2028二", "bad_text"),
        ("一つ目", "correct", ESCAPES, "bad_text"),
        ("一つ目", "tag", {"add": [], "remove": []}, "bad_request"),
        ("一つ目", "accept", "text", "bad_request"),
        ("一つ目", "correct", 7, "bad_request"),
        ("一つ目", "delete", None, "bad_request"),
    ],
)
def test_what_cannot_be_done_is_refused_and_leaves_no_line(
    asked: tuple[Page, Path], text: str, action: str, value: Any, code: str
) -> None:
    page, run = asked
    page.refused("decide", 400, code, **page.wish(row_of(page, text), action, value))
    assert lines(run) == []
    assert page.get("state")["counts"]["open"] == 4


def test_half_a_character_is_no_text(asked: tuple[Page, Path]) -> None:
    page, run = asked
    raw = page.client.post(
        "/api/decide",
        content=(
            f'{{"queue": {page.queue}, "position": 0, "row": 0, "seen": "{page.rows()[0]["seen"]}", '
            '"action": "correct", "value": "a\\ud83d", "heard": 1, "rate": 1, "ms": 5}'
        ),
    )
    problem(raw, 400, "bad_text")
    assert lines(run) == []


@pytest.mark.parametrize("text", [MARKUP, FORMULA, "\u202eabc", "か\u3099", "👩‍👧", '"><script>'])
def test_a_text_stays_as_it_was_typed(run: Path, page: Page, text: str) -> None:
    (row,) = page.decide(page.rows()[0], "correct", text)["rows"]
    assert row["text"] == text
    assert effective(run)["a/1.ogg"].text == text


def test_who_has_not_seen_what_stands_there_is_shown_it(run: Path, page: Page) -> None:
    row = page.rows()[0]
    page.decide(row, "correct", "おは")
    told = page.refused("decide", 409, "stale", **page.wish(row, "reject"))
    assert (told["row"]["row"], told["row"]["text"], told["row"]["status"]) == (row["row"], "おは", "corrected")
    assert len(lines(run)) == 1
    assert page.decide(told["row"], "reject")["rows"][0]["status"] == "rejected"


def test_a_decision_on_what_was_merged_away_is_refused(page: Page) -> None:
    gone = row_of(page, "三つ目")
    page.decide(row_of(page, "二つ目"), "merge")
    assert "row" not in page.refused("decide", 409, "stale", **page.wish(gone, "accept"))


def test_a_full_disk_leaves_everything_as_it_was(run: Path, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = page.rows()[:2]
    page.decide(first, "accept")
    log = run / "review" / "edits-花子.jsonl"
    before = log.read_bytes()

    def full(_: int) -> NoReturn:
        raise FULL

    with monkeypatch.context() as patched:
        patched.setattr("anime_whisper_ct2.reviews.log.os.fsync", full)
        page.refused("decide", 507, "disk_full", **page.wish(second, "correct", "別"))
        page.refused("undo", 507, "disk_full")
        page.refused("batch", 507, "disk_full", queue=page.queue, action="accept", only_undecided=True)
    assert log.read_bytes() == before
    assert page.rows()[1] == second
    assert page.decide(second, "correct", "別")["rows"][0]["text"] == "別"
    assert len(lines(run)) == 2


def test_undo_and_redo_go_over_restarts_and_return_to_the_clip(run: Path) -> None:
    with reviewing(run) as page:
        page.freeze()
        page.decide(page.rows()[0], "accept")
        page.decide(row_of(page, "三つ目"), "split", {"texts": ["三", "つ目"], "at": 9.0})
        page.decide(row_of(page, "つ目"), "correct", "つめ")
    after = said(run)
    with reviewing(run) as page:
        page.freeze()
        assert page.get("state")["can_undo"]
        undone = [page.post("undo") for _ in range(3)]
        assert [(each["what"], each["rows"][0]["text"], each["position"]) for each in undone] == [
            ("correct", "つ目", 4),
            ("split", "三つ目", 3),
            ("accept", "おはよう", 0),
        ]
        assert (undone[-1]["can_undo"], undone[-1]["can_redo"]) == (False, True)
        assert page.post("undo") | {"counts": {}} == {
            **{"rows": [], "count": 0, "what": None, "queue": None, "position": None, "counts": {}},
            **{"can_undo": False, "can_redo": True},
        }
        assert (
            said(run)
            == shown(page)
            == [
                (one.id, each.start, each.end, each.text, None)
                for one in RunFolder(run).values()
                for each in one.segments
            ]
        )
    with reviewing(run) as page:
        assert [page.post("redo")["what"] for _ in range(3)] == ["accept", "split", "correct"]
        assert not page.post("redo")["rows"]
        assert said(run) == shown(page) == after


def test_a_new_decision_ends_what_could_be_done_again(page: Page) -> None:
    page.decide(page.rows()[0], "accept")
    assert page.post("undo")["can_redo"]
    assert not page.decide(page.rows()[1], "accept")["can_redo"]
    assert not page.post("redo")["rows"]


def test_only_this_reviewers_steps_are_undone(run: Path, page: Page) -> None:
    elsewhere(run, "太郎", seen(TALK, 0, "reject"))
    page.decide(page.rows()[0], "accept")
    page.post("undo")
    assert not page.post("undo")["rows"]
    assert page.get("state")["counts"]["rejected"] == 1


def test_others_decisions_are_taken_in_with_the_next_queue(run: Path, page: Page) -> None:
    elsewhere(run, "太郎", seen(TALK, 1, "correct", "ふたつ目", heard=0.5))
    assert page.freeze(by="太郎")["count"] == 1
    (row,) = page.rows()
    assert (row["text"], row["by"], row["status"], row["heard"]) == ("ふたつ目", "太郎", "corrected", 0.5)
    assert page.get("state")["reviewers"] == ["太郎"]


def test_a_conflict_shows_both_and_whoever_has_seen_both_ends_it(run: Path, page: Page) -> None:
    row = row_of(page, "二つ目")
    elsewhere(run, "太郎", seen(TALK, 1, "correct", "ふたつめ"))
    page.decide(row, "correct", "二つめ")
    page.freeze(status="conflict")
    (row,) = page.rows()
    detail = page.get(f"row/{row['row']}")
    assert sorted((rival["reviewer"], rival["text"], rival["rejected"]) for rival in detail["rivals"]) == [
        ("太郎", "ふたつめ", False),
        ("花子", "二つめ", False),
    ]
    assert {event["reviewer"] for event in detail["history"]} == {"太郎", "花子"}
    assert page.batch("accept", only_undecided=False, dry=True)["count"] == 0
    page.refused("batch", 400, "nothing_to_do", queue=page.queue, action="reject", only_undecided=False)
    page.refused("decide", 400, "conflict", **page.wish(row, "merge"))
    (row,) = page.decide(row, "correct", "二つ目。")["rows"]
    assert (row["text"], row["status"]) == ("二つ目。", "corrected")
    assert not list(Reviews(run / "transcripts.jsonl").unresolved(RunFolder(run)))


def test_a_later_line_of_the_run_makes_decisions_stale_and_they_are_counted(run: Path) -> None:
    with reviewing(run) as page:
        page.freeze()
        page.decide(page.rows()[0], "accept")
    write_run(run, short("a/1.ogg", "おはよ"))
    with reviewing(run) as page:
        assert page.get("state")["stale"] == 1
        assert page.get("state")["counts"]["accepted"] == 0
    for action, stale in (("accept", 1), ("undo", 0)):
        # The index knows of it from before.
        with reviewing(run) as page:
            assert page.get("state")["stale"] == 1
            page.freeze()
            if action == "undo":
                page.post("undo")
                page.post("undo")
            else:
                page.decide(page.rows()[0], "accept")
            assert page.get("state")["stale"] == stale


def test_details_tell_all_about_a_segment(run: Path, page: Page) -> None:
    row = page.decide(row_of(page, "二つ目"), "correct", "ふたつ")["rows"][0]
    detail = page.get(f"row/{row['row']}")
    assert {key: detail[key] for key in row} == row
    assert (detail["original"], detail["duration"], detail["words"], detail["refused"]) == ("二つ目", 25.0, [], [])
    assert (detail["other"], detail["diff"], detail["meta"]) == (None, [], {})
    assert (detail["previous"], detail["next"]) == (row["row"] - 1, row["row"] + 1)
    (event,) = detail["history"]
    assert (event["action"], event["value"], event["reviewer"], event["undone"]) == ("correct", "ふたつ", "花子", False)
    page.post("undo")
    assert page.get(f"row/{row['row']}")["history"][0]["undone"]


def test_a_recording_in_which_times_go_backwards_is_decided_on_all_the_same(tmp_path: Path) -> None:
    turned = transcript("x.ogg", segment(5.0, 6.0, "後"), segment(0.0, 1.0, "前"), duration=7.0)
    run = write_run(tmp_path / "turned", turned)
    with reviewing(run) as page:
        page.freeze()
        page.decide(row_of(page, "前"), "correct", "まえ")
        page.decide(row_of(page, "後"), "reject")
        assert (
            sorted(shown(page))
            == said(run)
            == [
                ("x.ogg", 0.0, 1.0, "まえ", "corrected"),
                ("x.ogg", 5.0, 6.0, "後", "rejected"),
            ]
        )


def test_a_part_of_a_run_is_all_that_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "many", *(short(f"{n}.ogg") for n in range(20)))
    parts = []
    for part in range(2):
        with reviewing(run, f"{part}", slice_=(part, 2)) as page:
            page.freeze()
            parts.append([row["id"] for row in page.rows()])
            page.batch("accept")
    assert sorted(parts[0] + parts[1]) == sorted(RunFolder(run).ids)
    assert all(parts)
    assert {one.segments[0].verdict for one in effective(run).values()} == {"accepted"}


def test_a_second_review_by_the_same_reviewer_is_refused(run: Path, page: Page) -> None:
    with pytest.raises(OutputError, match="is open in another review"), open_review(ReviewSettings(run, "花子")):
        pass
    with reviewing(run, "太郎") as other:
        other.freeze()
        other.decide(other.rows()[0], "accept")
    assert page.freeze(status="accepted")["count"] == 1


@pytest.mark.parametrize("name", ["nothing", "file.ogg"])
def test_what_is_no_run_is_said_before_anything_is_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.ogg").touch()
    with pytest.raises(InputError, match=name), open_review(ReviewSettings(tmp_path / name, "花子")):
        pass
    assert not list(tmp_path.rglob("edits-*"))


def test_a_second_run_that_is_not_there_is_said_at_once(run: Path, tmp_path: Path) -> None:
    settings = ReviewSettings(run, "花子", against=tmp_path / "nothing")
    with pytest.raises(InputError, match="nothing"), open_review(settings):
        pass


def test_a_log_that_was_taken_away_is_no_longer_in_the_index(run: Path) -> None:
    with reviewing(run) as page:
        page.freeze()
        page.batch("accept")
    (run / "review" / "edits-花子.jsonl").unlink()
    with reviewing(run) as page:
        assert page.get("state")["counts"]["open"] == 5
