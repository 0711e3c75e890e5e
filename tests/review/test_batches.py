"""Many segments at once: decided on, sampled and replaced in, each in one step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from anime_whisper_ct2.review.index.queries import Filters
from anime_whisper_ct2.review.opening import opened
from anime_whisper_ct2.review.patterns import BLOCK
from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.replacing import Replacing
from anime_whisper_ct2.review.requests import ReplaceRequest, Rule
from anime_whisper_ct2.review.settings import ReviewSettings
from anime_whisper_ct2.reviews import Logs
from anime_whisper_ct2.reviews.samples import Sample
from tests.support.reviewing import Page, elsewhere, lines, problem, reviewing, said, seen, shown
from tests.support.runs import segment, transcript, write_run

# 30 recordings of two segments.
MANY = tuple(
    transcript(f"{n:02}.ogg", segment(0.0, 1.5, f"はい、{n}"), segment(2.0, 3.0 + n / 10, "ええ", -0.5, "fast"))
    for n in range(30)
)


def tags_of(page: Page) -> list[set[str]]:
    """Give the tags of all segments, in the order of ids."""
    page.freeze()
    return [set(row["tags"]) for row in page.rows()]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", *MANY)


@pytest.fixture
def page(run: Path) -> Iterator[Page]:
    with reviewing(run) as page:
        page.freeze()
        yield page


class TestBatch:
    def test_a_preview_says_how_much_it_is_with_the_same_five_examples(self, page: Page) -> None:
        page.freeze(flag="fast")
        page.decide(page.rows()[3], "reject")
        first, second = (page.batch("accept", dry=True) for _ in range(2))
        assert (first["count"], len(first["examples"])) == (29, 5)
        assert first["seconds"] == pytest.approx(sum(1.0 + n / 10 for n in range(30) if n != 3))
        assert first == second
        assert all(row["status"] == "open" and row["flags"] == ["fast"] for row in first["examples"])
        assert page.batch("accept", only_undecided=False, dry=True)["count"] == 30

    def test_a_batch_is_one_step_and_names_each_segment(self, run: Path, page: Page) -> None:
        before = said(run)
        page.freeze(flag="fast")
        done = page.batch("reject")
        assert (done["count"], done["position"], done["rows"][0]["status"]) == (30, 0, "rejected")
        assert done["counts"] == {"open": 30, "accepted": 0, "corrected": 0, "rejected": 30, "conflict": 0}
        made = lines(run)
        assert {line.id for line in made} == {one.id for one in MANY}
        assert len({line.batch for line in made}) == 1
        assert {(line.action, line.heard, line.ms) for line in made} == {("reject", 0.0, None)}
        assert shown(page) == said(run)
        undone = page.post("undo")
        assert (undone["what"], undone["count"], undone["rows"][0]["status"]) == ("reject", 30, "open")
        assert shown(page) == said(run) == before
        assert page.post("redo")["counts"]["rejected"] == 30
        assert shown(page) == said(run)

    def test_what_was_heard_and_decided_is_not_decided_so_again(self, run: Path, page: Page) -> None:
        for row, action, value in zip(
            page.rows(0, 3), ("accept", "correct", "reject"), (None, "いいえ", None), strict=True
        ):
            page.decide(row, action, value)
        assert page.batch("accept", only_undecided=False)["count"] == 58
        assert sum(line.batch is not None for line in lines(run)) == 58
        assert shown(page) == said(run)
        assert page.freeze(status="unheard")["count"] == 58
        page.freeze()
        page.refused("batch", 400, "nothing_to_do", queue=page.queue, action="accept", only_undecided=False)

    def test_a_corrected_text_that_was_rejected_is_corrected_again_when_it_is_accepted(
        self, run: Path, page: Page
    ) -> None:
        (row,) = page.decide(page.rows()[0], "correct", "いいえ")["rows"]
        page.decide(row, "reject")
        page.batch("accept", only_undecided=False)
        assert shown(page) == said(run)
        assert said(run)[0][3:] == ("いいえ", "corrected")

    def test_parts_of_a_split_are_decided_on_like_others(self, run: Path, page: Page) -> None:
        page.decide(page.rows()[1], "split", {"texts": ["え", "え?"], "at": 2.5})
        assert page.batch("accept")["count"] == 61
        assert shown(page) == said(run)
        for _ in range(2):
            page.post("undo")
        assert shown(page) == said(run)

    def test_tags_go_on_all_and_off_again(self, page: Page) -> None:
        page.decide(page.rows()[0], "tag", {"add": ["息"], "remove": []})
        page.batch("tag", {"add": ["BGM"], "remove": ["息"]})
        assert {tuple(row["tags"]) for row in page.rows()} == {("BGM",)}
        page.post("undo")
        assert [row["tags"] for row in page.rows()[:2]] == [["息"], []]
        page.refused("batch", 400, "bad_request", queue=page.queue, action="tag", value={"add": [], "remove": []})

    def test_others_decisions_of_the_meantime_are_no_part_of_it(self, run: Path, page: Page) -> None:
        elsewhere(run, "太郎", seen(MANY[3], 0, "correct", "いや"))
        # The page has not seen that; the batch was made of what stands in the index.
        page.batch("reject")
        elsewhere(run, "太郎", seen(MANY[4], 1, "correct", "うん"))
        page.post("undo")
        assert shown(page) == said(run)
        page.post("redo")
        assert shown(page) == said(run)

    def test_more_batches_than_the_index_can_put_back_are_undone_all_the_same(self, run: Path, page: Page) -> None:
        before = said(run)
        for n in range(5):
            page.batch("tag", {"add": [f"{n}"], "remove": []}, only_undecided=False)
            page.batch("reject" if n % 2 else "accept", only_undecided=False)
        assert {tuple(row["tags"]) for row in page.rows()} == {tuple(map(str, range(5)))}
        for _ in range(10):
            page.post("undo")
            assert shown(page) == said(run)
        assert said(run) == before
        assert {tuple(row["tags"]) for row in page.rows()} == {()}

    def test_each_segment_is_shown_with_the_time_of_its_line(self, run: Path, page: Page) -> None:
        page.batch("accept")
        at = {(line.id, line.start): line.at for line in lines(run)}
        assert len(set(at.values())) == 60
        assert {(row["id"], row["start"]): row["at"] for row in page.rows()} == at

    def test_lines_are_put_in_portion_by_portion(self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("anime_whisper_ct2.review.bench._PORTION", 4)
        rule = {"find": "ええ", "replace": "えー", "regex": False}
        preview = page.post("replace/preview", queue=page.queue, rules=[rule])
        page.post("replace", preview=preview["preview"], **{"except": []})
        assert shown(page) == said(run)
        page.post("undo")
        assert shown(page) == said(run)

    @pytest.mark.parametrize("many", [1, 1_000])
    @pytest.mark.parametrize("action", ["accept", "reject", "tag"])
    def test_undoing_and_redoing_go_over_a_restart_whatever_else_was_decided(
        self, run: Path, monkeypatch: pytest.MonkeyPatch, action: str, many: int
    ) -> None:
        monkeypatch.setattr("anime_whisper_ct2.review.bench._MANY", many)
        with reviewing(run, "太郎") as other:
            other.freeze()
            rows = other.rows()
            other.decide(rows[0], "correct", "いいえ")
            other.decide(rows[2], "tag", {"add": ["息"], "remove": []})
            other.decide(rows[5], "split", {"texts": ["え", "え?"], "at": 2.5})
            other.decide(rows[8], "accept")
            other.post("undo")
            before = said(run), tags_of(other)
            other.batch(action, {"add": ["BGM"], "remove": []} if action == "tag" else None)
            after = said(run), tags_of(other)
        # Somebody else's copy of it, and what they decided on one of the segments.
        log = run / "review" / "edits-太郎.jsonl"
        (run / "review" / "edits-copy.jsonl").write_bytes(log.read_bytes()[:-1_000])
        with reviewing(run, "次郎") as third:
            third.freeze()
            third.decide(third.rows()[20], "tag", {"add": ["x"], "remove": []})
        with reviewing(run, "太郎") as other:
            for way in ("undo", "redo", "undo"):
                turned = other.post(way)
                assert (turned["what"], turned["count"] >= 59) == (action, True)
                assert shown(other) == said(run) == (before if way == "undo" else after)[0]
                expected = before if way == "undo" else after
                tags = [had | {"x"} if at == 20 else had for at, had in enumerate(expected[1])]
                assert tags_of(other) == tags
        with reviewing(run, "太郎") as other:
            assert shown(other) == said(run)
            assert tags_of(other) == tags

    def test_a_batch_that_became_stale_is_undone_all_the_same(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("anime_whisper_ct2.review.bench._MANY", 1)
        with reviewing(run) as page:
            page.freeze()
            page.batch("accept")
        write_run(run, *MANY[1:], transcript("00.ogg", segment(0.0, 1.5, "別"), segment(2.0, 3.0, "ええ")))
        with reviewing(run) as page:
            assert page.get("state")["stale"] == 1
            assert page.post("undo")["counts"]["open"] == 60
            assert page.get("state")["stale"] == 0
            assert page.post("redo")["counts"]["accepted"] == 59
            assert page.get("state")["stale"] == 1
            assert shown(page) == said(run)

    def test_undoing_goes_over_a_restart(self, run: Path, page: Page) -> None:
        with reviewing(run, "太郎") as other:
            other.freeze()
            other.batch("accept")
        with reviewing(run, "太郎") as other:
            undone = other.post("undo")
            assert (undone["count"], undone["what"]) == (60, "accept")
            assert shown(other) == said(run)
            assert {verdict for *_, verdict in said(run)} == {None}
        assert page.freeze(status="open")["count"] == 60


class TestSample:
    def test_the_rows_are_those_that_numpy_draws_with_the_seed(self, page: Page) -> None:
        whole = [row["row"] for row in page.rows()]
        sample = page.post("sample", queue=page.queue, k=7, seed=42)
        expected = np.random.Generator(np.random.PCG64(42)).choice(whole, 7, replace=False)
        page.queue = sample["queue"]["queue"]
        assert [row["row"] for row in page.rows()] == expected.tolist()
        assert (sample["seed"], sample["of"], sample["queue"]["count"]) == (42, 60, 7)
        assert sample["queue"]["statuses"]["undecided"] == 7
        assert sum(facet["count"] for facet in sample["queue"]["flags"]) == 7

    def test_a_seed_is_chosen_and_said_where_none_is_given(self, page: Page) -> None:
        queue = page.queue
        drawn = []
        seed = page.post("sample", queue=queue, k=9)["seed"]
        for _ in range(2):
            page.queue = page.post("sample", queue=queue, k=9, seed=seed)["queue"]["queue"]
            drawn.append([row["row"] for row in page.rows()])
        assert drawn[0] == drawn[1]

    def test_no_more_are_drawn_than_there_are(self, page: Page) -> None:
        assert page.post("sample", queue=page.queue, k=300)["queue"]["count"] == 60
        page.freeze(flag="repetition")
        page.refused("sample", 400, "nothing_to_do", queue=page.queue, k=3)

    def test_listening_gives_a_bound_and_both_are_kept(self, run: Path, page: Page) -> None:
        page.freeze(flag="fast")
        whole = page.queue
        page.decide(page.rows()[0], "accept")
        sample = page.post("sample", queue=whole, k=25, seed=1)
        page.queue = sample["queue"]["queue"]
        page.refused("sample/close", 400, "nothing_to_do", sample=sample["sample"])
        rows = page.rows()
        for row in rows[:17]:
            page.decide(row, "accept")
        page.decide(rows[17], "correct", "えー")
        page.decide(rows[18], "reject")
        page.decide(page.decide(rows[19], "trim", {"start": 2.0, "end": 2.9})["rows"][0], "accept")
        page.decide(rows[20], "tag", {"add": ["?"], "remove": []})
        page.decide(rows[21], "accept")
        page.post("undo")
        closed = page.post("sample/close", sample=sample["sample"])
        bound = float(stats.beta.ppf(0.95, 4, 17))
        told = {"k": 20, "wrong": 3, "skipped": 0, "of": 29, "step": closed["step"]}
        assert closed == told | {"bound": pytest.approx(bound)}
        assert page.post("sample/close", sample=sample["sample"]) == closed
        (kept,) = Logs(run / "review").samples
        assert kept.step == closed["step"]
        assert Sample.from_value(kept.value) == Sample(1, 20, 29, 3, closed["bound"], 25, 0, {"flag": "fast"})
        page.queue = whole
        assert page.batch("accept", sample=closed["step"])["count"] == 9
        assert all(closed["step"] in line.batch for line in lines(run) if line.batch)

    def test_what_was_skipped_before_the_last_that_was_decided_counts_as_wrong(self, run: Path, page: Page) -> None:
        sample = page.post("sample", queue=page.queue, k=10, seed=3)
        page.queue = sample["queue"]["queue"]
        rows = page.rows()
        for at in (1, 4, 5):
            page.decide(rows[at], "accept")
        page.decide(rows[3], "tag", {"add": ["?"], "remove": []})
        closed = page.post("sample/close", sample=sample["sample"])
        assert (closed["k"], closed["wrong"], closed["skipped"]) == (6, 3, 3)
        assert closed["bound"] == pytest.approx(float(stats.beta.ppf(0.95, 4, 3)))
        (kept,) = Logs(run / "review").samples
        assert {name: kept.value[name] for name in ("k", "wrong", "skipped", "drawn")} == {
            **{"k": 6, "wrong": 3, "skipped": 3, "drawn": 10}
        }

    def test_what_is_confirmed_as_it_was_drawn_is_right_whatever_it_was(self, page: Page) -> None:
        for row, action, value in zip(
            page.rows(0, 3), ("correct", "accept", "reject"), ("うん", None, None), strict=True
        ):
            page.decide(row, action, value)
        page.freeze(path="0[01].ogg")
        sample = page.post("sample", queue=page.queue, k=4, seed=3, only_undecided=False)
        page.queue = sample["queue"]["queue"]
        for row in page.rows():
            page.decide(row, "accept")
        closed = page.post("sample/close", sample=sample["sample"])
        assert (closed["k"], closed["wrong"], closed["of"]) == (4, 0, 4)

    def test_what_came_out_otherwise_is_wrong(self, run: Path, page: Page) -> None:
        sample = page.post("sample", queue=page.queue, k=60, seed=3)
        page.queue = sample["queue"]["queue"]
        rows = {(row["id"], row["start"]): row for row in page.rows()}
        page.decide(rows["00.ogg", 0.0], "correct", "うん")
        page.decide(rows["01.ogg", 0.0], "reject")
        page.decide(rows["02.ogg", 0.0], "trim", {"start": 0.1, "end": 1.5})
        page.decide(rows["03.ogg", 0.0], "split", {"at": 1.0, "texts": ["は", "い"]})
        page.decide(rows["04.ogg", 0.0], "merge")
        page.decide(rows["05.ogg", 0.0], "accept")
        elsewhere(run, "太郎", seen(MANY[5], 0, "reject"))
        right = list(rows.values())[-1]
        page.decide(right, "accept")
        closed = page.post("sample/close", sample=sample["sample"])
        assert page.freeze(status="conflict")["count"] == 1
        # Of a merge, both are gone or others.
        assert (closed["k"], closed["wrong"] - closed["skipped"]) == (60, 7 - (right["id"] == "04.ogg"))

    def test_what_is_decided_already_is_drawn_only_where_the_batch_is_for_all(self, run: Path, page: Page) -> None:
        page.freeze(path="0[0-4].ogg")
        decided = {row["row"] for row in (*page.rows()[:3], page.rows()[7])}
        for row in page.rows()[:3]:
            page.decide(row, "accept")
        page.decide(page.rows()[7], "reject")
        elsewhere(run, "太郎", seen(MANY[2], 0, "reject"))
        page.decide(page.rows()[4], "accept")
        page.freeze(path="0[0-4].ogg")
        decided |= {row["row"] for row in page.rows() if row["status"] == "conflict"}
        whole, sample = page.queue, page.post("sample", queue=page.queue, k=10)
        page.queue = sample["queue"]["queue"]
        assert (sample["of"], len(page.rows())) == (10 - len(decided), 10 - len(decided))
        assert decided.isdisjoint(row["row"] for row in page.rows())
        page.queue = whole
        assert page.batch("accept", dry=True)["count"] == sample["of"]
        assert page.post("sample", queue=whole, k=10, only_undecided=False)["of"] == 10
        page.batch("accept")
        page.refused("sample", 400, "nothing_to_do", queue=whole, k=10)

    def test_the_seconds_of_a_sample_and_of_a_batch_are_rounded(self, page: Page) -> None:
        page.freeze(path="0[1-4].ogg")
        seconds = (
            page.post("sample", queue=page.queue, k=8)["queue"]["seconds"],
            page.batch("accept", dry=True)["seconds"],
        )
        assert seconds == (11.0, 11.0)

    def test_a_sample_is_no_step_that_is_undone(self, run: Path, page: Page) -> None:
        sample = page.post("sample", queue=page.queue, k=1, seed=1)
        page.queue = sample["queue"]["queue"]
        page.decide(page.rows()[0], "accept")
        page.post("sample/close", sample=sample["sample"])
        assert page.post("undo")["what"] == "accept"
        assert len(Logs(run / "review").samples) == 1

    def test_a_sample_that_was_never_drawn_is_not_found(self, page: Page) -> None:
        page.refused("sample/close", 404, "unknown", sample="x")


class TestReplace:
    def test_only_what_is_ticked_changes_and_all_of_it_is_one_step(self, run: Path, page: Page) -> None:
        before = said(run)
        rules = [
            {"find": r"はい、(\d)$", "replace": r"はい\1", "regex": True},
            {"find": "はい", "replace": "うん", "regex": False},
        ]
        preview = page.post("replace/preview", queue=page.queue, rules=rules)
        assert (preview["count"], preview["left_out"]) == (30, 0)
        assert preview["changes"][0] | {"row": 0} == {"row": 0, "id": "00.ogg", "before": "はい、0", "after": "うん0"}
        assert preview["changes"][10]["after"] == "うん、10"
        left = [change["row"] for change in preview["changes"][3:]]
        done = page.post("replace", preview=preview["preview"], **{"except": left})
        assert (done["count"], [row["text"] for row in done["rows"]]) == (3, ["うん0", "うん1", "うん2"])
        assert {row["status"] for row in done["rows"]} == {"corrected"}
        assert shown(page) == said(run)
        assert len({line.batch for line in lines(run)}) == 1
        page.freeze()
        undone = page.post("undo")
        assert (undone["what"], undone["count"]) == ("correct", 3)
        assert shown(page) == said(run) == before
        page.refused("replace", 410, "preview_gone", preview=preview["preview"])

    def test_texts_that_would_be_none_are_left_out_and_counted(self, page: Page) -> None:
        rules = [{"find": "ええ", "replace": "", "regex": False}, {"find": "、", "replace": "\n", "regex": False}]
        preview = page.post("replace/preview", queue=page.queue, rules=rules)
        assert (preview["count"], preview["left_out"]) == (0, 60)

    def test_rejected_segments_are_not_brought_back(self, run: Path, page: Page) -> None:
        page.decide(page.rows()[0], "reject")
        preview = page.post(
            "replace/preview", queue=page.queue, rules=[{"find": "はい", "replace": "うん", "regex": False}]
        )
        assert preview["count"] == 29
        page.decide(page.rows()[2], "reject")
        assert page.post("replace", preview=preview["preview"], **{"except": []})["count"] == 28
        assert shown(page) == said(run)

    @pytest.mark.parametrize(
        ("rules", "code"),
        [
            ([], "bad_request"),
            ([{"find": "", "replace": "a", "regex": False}], "bad_pattern"),
            ([{"find": "(", "replace": "a", "regex": True}], "bad_pattern"),
            ([{"find": "a", "replace": 1, "regex": True}], "bad_request"),
            (["a"], "bad_request"),
        ],
    )
    def test_rules_that_are_none_are_refused(self, page: Page, rules: object, code: str) -> None:
        page.refused("replace/preview", 400, code, queue=page.queue, rules=rules)

    def test_a_pattern_that_takes_too_long_is_refused(self, tmp_path: Path) -> None:
        run = write_run(tmp_path / "slow", transcript("a.ogg", segment(0.0, 5.0, "a" * 40 + "!")))
        with opened(ReviewSettings(run, "花子")) as opening:
            opening.wait()
            bench = opening.session.bench
            queue = bench.shelf.add(bench.index.queue(Filters()).rows, {})
            replacing = Replacing(bench, limit_s=0.3)
            with pytest.raises(RefusedError) as refused:
                replacing.preview(ReplaceRequest(queue.number, (Rule("(a+)+$", "", True),)), queue.rows)
        assert refused.value.code == "pattern_too_slow"

    def test_rules_are_saved_and_loaded(self, page: Page) -> None:
        rules = [{"find": 'a"、\n', "replace": "=1+1", "regex": False}, {"find": ".", "replace": "", "regex": True}]
        written = page.post("rules/write", rules=rules)["csv"]
        assert page.post("rules/read", csv=written)["rules"] == rules
        assert problem(page.client.post("/api/rules/read", json={"csv": "a,b,c,d"}), 400, "bad_rules")


@pytest.mark.slow
def test_a_batch_of_more_than_a_block_is_written_whole(tmp_path: Path) -> None:
    count = 3 * BLOCK
    run = tmp_path / "large"
    run.mkdir()
    one = {"start": 0.0, "end": 1.0, "avg_logprob": -0.1, "no_speech_prob": 0.0, "compression_ratio": 0.9}
    with (run / "transcripts.jsonl").open("w", encoding="utf-8") as file:
        for n in range(count):
            known = {"id": f"{n:06}", "audio": "a.ogg", "duration": 1.0, "language": "ja", "text": "はい"}
            file.write(json.dumps({**known, "segments": [{**one, "text": "はい"}]}) + "\n")
    with reviewing(run) as page:
        page.freeze()
        assert page.batch("accept")["counts"]["accepted"] == count
        assert page.post("undo")["counts"]["open"] == count
        page.freeze()
        rule = {"find": "い$", "replace": "ーい", "regex": True}
        preview = page.post("replace/preview", queue=page.queue, rules=[rule])
        assert (preview["count"], len(preview["changes"])) == (count, 2_000)
        assert page.post("replace", preview=preview["preview"], **{"except": []})["counts"]["corrected"] == count
