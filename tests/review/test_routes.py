"""Each address of the page, and what it says to requests that make no sense."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from anime_whisper_ct2.records import Segment, Word
from anime_whisper_ct2.review import ReviewSettings, open_review, opening
from anime_whisper_ct2.review.sound.clips import Clips
from anime_whisper_ct2.review.sound.cutting import Clip, NoSound
from anime_whisper_ct2.text import NORMALIZERS, count_errors
from tests.support.hostile import ESCAPES, MARKUP
from tests.support.reviewing import Page, effective, problem, reviewing, said, shown, wait_until_ready
from tests.support.runs import segment, short, transcript, write_run
from tests.support.sounds import native, tone, written

# Bytes that are no UTF-8, markup, what a terminal obeys, what turns text around, and line breaks.
NAMES = ("a\udc80.ogg", MARKUP, f"{ESCAPES}.ogg", "\u202eb\u2066.ogg", "c\nd\r\u2028.ogg", '"><script>x</script>')


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(
        tmp_path / "run", short("a.ogg"), transcript("b.ogg", segment(0.0, 2.0, "一"), segment(2.5, 4.0, "二"))
    )


@pytest.fixture
def page(run: Path) -> Iterator[Page]:
    with reviewing(run) as page:
        page.freeze()
        yield page


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page on which nothing is decided."""
    folder = tmp_path_factory.mktemp("asked")
    one = transcript("b.ogg", segment(0.0, 2.0, "一"), segment(2.5, 4.0, "二"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWCT2_CACHE", str(folder / "cache"))
        with reviewing(write_run(folder / "run", short("a.ogg"), one)) as page:
            page.freeze()
            yield page


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("queue", {"filters": {"min_s": "a"}}),
        ("queue", {"filters": {"min_s": 5, "max_s": 2}}),
        ("queue", {"filters": {"search": "(", "regex": True}}),
        ("queue", {"filters": {"status": "done"}}),
        ("queue", {"filters": {"flag": 3}}),
        ("queue", {"filters": []}),
        ("queue", {"filters": {}, "sort": "age"}),
        ("queue", {"filters": {}, "sort": "id", "descending": "yes"}),
        ("decide", {}),
        ("decide", {"queue": "1"}),
        ("decide", {"queue": 1.5}),
        ("decide", {"queue": 1, "position": 0, "row": True}),
        ("batch", {"queue": 1, "action": "correct", "value": "a"}),
        ("batch", {"queue": 1, "action": "tag"}),
        ("batch", {"queue": 1, "action": "accept", "only_undecided": 1}),
        ("replace/preview", {"queue": 1, "rules": {}}),
        ("replace", {"preview": 1, "except": ["a"]}),
        ("rules/read", {"csv": 1}),
        ("rules/write", {"rules": [1]}),
        ("sample", {"queue": 1, "k": 0}),
        ("sample", {"queue": 1, "k": 5, "seed": -1}),
        ("sample/close", {}),
        ("save", {}),
    ],
)
def test_a_request_that_makes_no_sense_gets_a_sentence(asked: Page, path: str, body: dict[str, Any]) -> None:
    asked.refused(path, 400, "bad_request", **body)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"\xff", b'{"queue": NaN}', b'{"queue": 1e999}', b"[" * 5000, b'{"queue": ' + b"9" * 5000]
)
@pytest.mark.parametrize("path", ["queue", "decide"])
def test_a_body_that_is_no_json_of_its_kind_gets_a_sentence(asked: Page, path: str, raw: bytes) -> None:
    if (path, raw) in (("queue", b""), ("queue", b'{"queue": 1e999}')):
        return  # which asks for everything
    problem(asked.client.post(f"/api/{path}", content=raw), 400, "bad_request")


@pytest.mark.parametrize("row", [3, 4, 1 << 31, 1 << 53, 10**30])
def test_a_row_that_never_was_is_not_found(asked: Page, row: int) -> None:
    for path in (f"row/{row}", f"clip/{row}"):
        problem(asked.client.get(f"/api/{path}"), 404, "unknown" if row < 10**15 else "not_found")
    wish = asked.wish(asked.rows()[0], "accept") | {"row": row}
    # What no number of the asked's can be is no number of a row.
    expected = (404, "unknown") if row < 1 << 53 else (400, "bad_request")
    asked.refused("decide", *expected, **wish)
    assert asked.get(f"queue/{asked.queue}/find?row={min(row, 1 << 40)}") == {"position": None}


@pytest.mark.parametrize("number", ["9" * 5000, "1" * 16, "1_0", "-1", "٣", "1.5", ""])
def test_what_is_no_number_in_an_address_leads_nowhere(asked: Page, number: str) -> None:
    for path in (f"row/{number}", f"clip/{number}", f"queue/{number}/rows", f"queue/{number}/find"):
        problem(asked.client.get(f"/api/{path}"), 404, "not_found")
    for asks in ("rows?from=", "find?row="):
        problem(asked.client.get(f"/api/queue/{asked.queue}/{asks}{number}"), 400, "bad_request")


@pytest.mark.parametrize(("number", "status", "code"), [(5, 410, "queue_gone"), (10**15 - 1, 404, "unknown")])
def test_a_queue_that_is_not_there_is_told_from_one_that_is_gone(
    asked: Page, number: int, status: int, code: str
) -> None:
    problem(asked.client.get(f"/api/queue/{number}/rows"), status, code)
    problem(asked.client.get(f"/api/queue/{number}/find?row=0"), status, code)
    asked.refused("batch", status, code, queue=number, action="accept")
    asked.refused("sample", status, code, queue=number, k=5)
    asked.refused("replace/preview", status, code, queue=number, rules=[])


def test_a_decision_out_of_a_queue_that_is_gone_counts_all_the_same(page: Page) -> None:
    wish = page.wish(page.rows()[0], "accept")
    for _ in range(40):
        page.freeze()
    decided = page.post("decide", **wish)
    assert (decided["rows"][0]["status"], decided["position"], decided["queue"]) == ("accepted", None, None)


@pytest.mark.parametrize(
    "path", ["queue/{queue}/rows?from=-1", "queue/{queue}/rows?count=a", "queue/{queue}/find", "clip/0?margin=99"]
)
def test_an_address_that_makes_no_sense_gets_a_sentence(asked: Page, path: str) -> None:
    problem(asked.client.get(f"/api/{path.format(queue=asked.queue)}"), 400, "bad_request")


@pytest.mark.parametrize("path", ["nothing", "row/a", "row/-1", "clip/0/..%2f..%2fetc%2fpasswd", "row/"])
def test_what_is_no_address_is_not_found(asked: Page, path: str) -> None:
    problem(asked.client.get(f"/api/{path}"), 404, "not_found")


@pytest.mark.parametrize(
    "path", ["decide", "undo", "redo", "batch", "replace", "sample", "sample/close", "save", "queue"]
)
def test_nothing_is_changed_by_a_get(asked: Page, path: str) -> None:
    problem(asked.client.get(f"/api/{path}"), 405, "not_allowed")


def test_no_more_rows_than_a_screen_has_are_answered(tmp_path: Path) -> None:
    run = write_run(tmp_path / "many", *(short(f"{n:03}.ogg") for n in range(230)))
    with reviewing(run) as page:
        page.freeze()
        assert [len(page.rows(0, 1_000)), len(page.rows(200, 1_000)), len(page.rows(500, 10))] == [200, 30, 0]
        row = page.rows(129, 1)[0]
        assert page.get(f"queue/{page.queue}/find?row={row['row']}") == {"position": 129}


def test_ids_of_any_kind_come_through_as_they_are(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", *(short(name, f"{name}!".replace("\udc80", "")) for name in NAMES))
    with reviewing(run) as page:
        assert page.freeze()["count"] == len(NAMES)
        answer = page.client.get(f"/api/queue/{page.queue}/rows")
        assert answer.content.isascii() or answer.content.decode("utf-8")
        rows = answer.json()["rows"]
        assert {row["id"] for row in rows} == set(NAMES)
        for row in rows:
            assert page.get(f"row/{row['row']}")["id"] == row["id"]
            page.decide(row, "accept")
        assert shown(page) == said(run)
        assert {one.segments[0].verdict for one in effective(run).values()} == {"accepted"}


def test_words_are_those_of_the_text_as_it_stands(tmp_path: Path) -> None:
    words = (Word(0.0, 0.5, "は", 0.9), Word(0.5, 1.5, "い", 0.25))
    one = transcript("a.ogg", Segment(0.0, 1.5, "はい", -0.2, 0.01, 0.9, (), words))
    with reviewing(write_run(tmp_path / "run", one)) as page:
        assert page.get("state")["words"]
        page.freeze()
        told = page.get("row/0")["words"]
        assert told == [
            {"start": 0.0, "end": 0.5, "text": "は", "probability": 0.9},
            {"start": 0.5, "end": 1.5, "text": "い", "probability": 0.25},
        ]
        row = page.decide(page.rows()[0], "split", {"texts": ["は", "い"], "at": 0.5})["rows"][1]
        assert [word["text"] for word in page.get(f"row/{row['row']}")["words"]] == ["い"]
        page.decide(row, "correct", "ええ")
        assert page.get(f"row/{row['row']}")["words"] == []


@pytest.mark.parametrize("normalizer", ["author", "none"])
def test_a_second_run_is_compared_as_eval_does(tmp_path: Path, normalizer: str) -> None:
    run = write_run(tmp_path / "run", short("a.ogg", "はい、そうです。"), short("b.ogg", "同じ"), short("c.ogg", "あ"))
    other = write_run(tmp_path / "other", short("a.ogg", "はい!そうだよ"), short("b.ogg", "同じ"))
    with reviewing(run, against=other, normalizer=normalizer) as page:
        state = page.get("state")
        assert (state["against"], state["normalizer"]) == ("other", normalizer)
        page.freeze()
        details = [page.get(f"row/{row['row']}") for row in page.rows()]
        assert [detail["other"] for detail in details] == ["はい!そうだよ", "同じ", None]
        write = NORMALIZERS[normalizer]
        parts = details[0]["diff"]
        assert "".join(part["here"] for part in parts) == write("はい、そうです。")
        assert "".join(part["other"] for part in parts) == write("はい!そうだよ")
        edits = sum(max(len(part["here"]), len(part["other"])) for part in parts if part["kind"] != "equal")
        errors = count_errors(write("はい!そうだよ"), write("はい、そうです。"))
        assert edits == errors.edits
        assert details[0]["cer"] == pytest.approx(errors.cer)
        assert [part["kind"] for part in details[1]["diff"]] == ["equal"]
        assert page.freeze(differs=True)["count"] == 1


class TestClips:
    @pytest.fixture
    def heard(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
        """A run of a file that is there, one that is none, and one that is not there."""
        monkeypatch.chdir(tmp_path)
        Path("corpus").mkdir()
        written(Path("corpus/a.wav"), tone(4.0), 16_000)
        Path("corpus/b.wav").write_bytes(b"RIFF no sound")
        of = (segment(1.0, 2.0, "一"),)
        run = write_run(tmp_path / "run", *(transcript(f"{name}.wav", *of, duration=4.0) for name in ("a", "b", "c")))
        with reviewing(run) as page:
            page.freeze()
            yield page

    def test_a_clip_is_the_recordings_own_sound_and_says_what_it_reaches(self, heard: Page, tmp_path: Path) -> None:
        answer = heard.client.get("/api/clip/0?margin=0.5")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
        assert (float(answer.headers["x-clip-start"]), float(answer.headers["x-clip-end"])) == (0.5, 2.5)
        (tmp_path / "clip.wav").write_bytes(answer.content)
        expected = native(str(tmp_path / "corpus/a.wav"), 0.5, 2.0)
        np.testing.assert_allclose(native(str(tmp_path / "clip.wav")), expected, atol=1 / 32_000)

    def test_a_trimmed_segment_is_played_as_it_is_now(self, heard: Page) -> None:
        heard.decide(heard.rows()[0], "trim", {"start": 0.25, "end": 3.75})
        answer = heard.client.get("/api/clip/0")
        assert (float(answer.headers["x-clip-start"]), float(answer.headers["x-clip-end"])) == (0.25, 3.75)

    @pytest.mark.parametrize("row", [1, 2])
    def test_what_cannot_be_played_is_said_and_the_next_plays(self, heard: Page, row: int) -> None:
        told = problem(heard.client.get(f"/api/clip/{row}"), 422, "no_sound")
        assert told["error"]
        assert heard.client.get("/api/clip/0").status_code == 200

    def test_decisions_do_not_wait_for_clips(self, heard: Page, monkeypatch: pytest.MonkeyPatch) -> None:
        let_go = threading.Event()

        def held(*_: object) -> Clip:
            assert let_go.wait(60)
            raise NoSound("later")

        monkeypatch.setattr(Clips, "clip", held)
        # More than there are threads for everything else.
        asking = [threading.Thread(target=heard.client.get, args=("/api/clip/0",)) for _ in range(60)]
        for each in asking:
            each.start()
        try:
            assert heard.decide(heard.rows()[0], "accept")["counts"]["accepted"] == 1
        finally:
            let_go.set()
            for each in asking:
                each.join()


class TestLists:
    @pytest.fixture
    def listed(self, tmp_path: Path) -> Path:
        """A list of three clips."""
        (tmp_path / "wavs").mkdir()
        for n in range(3):
            written(tmp_path / "wavs" / f"{n}.wav", tone(1.0 + n), 16_000)
        path = tmp_path / "esd.list"
        path.write_bytes("".join(f"{n}.wav|さくら|JP|はい{n}\r\n" for n in range(3)).encode())
        return path

    def test_a_list_is_corrected_and_written_anew(self, listed: Path) -> None:
        original = listed.read_bytes()
        with reviewing(listed) as page:
            state = page.get("state")
            assert (state["run"], state["kind"], state["total"]) == ("esd.list", "list", 3)
            page.freeze()
            assert [(row["end"], row["speaker"]) for row in page.rows()] == [(n + 1.0, "さくら") for n in range(3)]
            first, second = page.rows()[:2]
            assert "|" in page.get("row/0")["refused"]
            page.refused("decide", 400, "bad_text", **page.wish(first, "correct", "は|い"))
            page.decide(first, "correct", "はーい")
            page.decide(second, "reject")
            rule = {"find": "い", "replace": "|", "regex": False}
            assert page.post("replace/preview", queue=page.queue, rules=[rule])["left_out"] == 2
            path = Path(page.post("save")["path"])
        assert path == listed.with_name("esd.reviewed.list")
        assert path.read_bytes() == "0.wav|さくら|JP|はーい\r\n2.wav|さくら|JP|はい2\r\n".encode()
        assert listed.read_bytes() == original
        assert len((listed.parent / "esd.list.review" / "edits-花子.jsonl").read_bytes().splitlines()) == 2

    def test_what_a_list_cannot_hold_is_said_where_it_is_saved(self, listed: Path) -> None:
        with reviewing(listed) as page:
            page.freeze()
            page.decide(page.rows()[0], "trim", {"start": 0.0, "end": 0.5})
            assert "trimmed" in page.refused("save", 400, "bad_request")["error"]

    def test_its_clips_are_played(self, listed: Path) -> None:
        with reviewing(listed) as page:
            answer = page.client.get("/api/clip/1")
            assert (answer.status_code, answer.headers["x-clip-end"]) == (200, "2.000000")


class TestOpening:
    def test_a_run_that_cannot_be_read_is_a_problem_of_the_state(self, run: Path) -> None:
        with (run / "transcripts.jsonl").open("a") as file:
            file.write(json.dumps({"id": "x"}) + "\n")
        with open_review(ReviewSettings(run, "花子")) as app, TestClient(app) as client:
            page = Page(client)
            while (state := page.get("state"))["problem"] is None:
                assert not state["ready"]
            assert "line 3" in state["problem"]
            told = page.refused("queue", 503, "not_ready", filters={}, sort="id", descending=False)
            assert told["error"] == state["problem"]
            problem(page.client.get("/api/clip/0"), 503, "not_ready")

    def test_the_state_is_answered_while_the_index_is_made(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        let_go, index_of = threading.Event(), opening.open_index

        def held(*given: Any, on_progress: Any, **more: Any) -> Any:
            on_progress(0.5)
            assert let_go.wait(60)
            return index_of(*given, on_progress=on_progress, **more)

        monkeypatch.setattr(opening, "open_index", held)
        with open_review(ReviewSettings(run, "花子")) as app, TestClient(app) as client:
            page = Page(client)
            while (state := page.get("state"))["progress"] == 0:
                pass
            assert (state["ready"], state["progress"], state["total"], state["counts"]["open"]) == (False, 0.45, 0, 0)
            page.refused("decide", 503, "not_ready", queue=1, row=1, seen="", action="accept")
            let_go.set()
            assert wait_until_ready(page)["total"] == 3

    def test_closing_does_not_wait_for_the_index(self, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        begun, closed = threading.Event(), threading.Event()

        def endless(*_: Any, on_progress: Any, **__: Any) -> Any:
            try:
                while True:
                    on_progress(0.1)
                    begun.set()
            finally:
                closed.set()

        monkeypatch.setattr(opening, "open_index", endless)
        with open_review(ReviewSettings(run, "花子")):
            assert begun.wait(60)
        assert closed.is_set()
        assert not list(run.rglob("edits-*"))
