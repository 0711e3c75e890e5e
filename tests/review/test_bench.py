"""What a log holds is decided, whatever becomes of the index over it, and whoever else writes at the same time."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import duckdb
import pytest

from anime_whisper_ct2.review.index.index import Index
from anime_whisper_ct2.review.unread import UnreadRun
from anime_whisper_ct2.reviews.lines import to_line
from tests.support.reviewing import Json, Page, elsewhere, lines, problem, reviewing, said, seen, shown
from tests.support.runs import segment, short, transcript, write_run

TALK = transcript(
    "b/長い.ogg",
    segment(0.5, 3.0, "一つ目"),
    segment(4.0, 6.0, "二つ目"),
    segment(6.5, 20.0, "三つ目"),
    duration=25.0,
)
MARK, UPDATE = "marking.Marking.mark", "updating.Updating.__call__"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", short("a/1.ogg", "おはよう"), TALK, short("c/2.ogg", "さよなら"))


@pytest.fixture
def page(run: Path) -> Iterator[Page]:
    with reviewing(run) as page:
        page.freeze()
        yield page


class Failing:
    """Changes of the index that fail while this is entered."""

    def __init__(self, patch: pytest.MonkeyPatch, *names: str) -> None:
        self._patch = patch
        self._names = names or (MARK, UPDATE, "marking.Marking.turn")

    def __enter__(self) -> None:
        def full(*_: object) -> NoReturn:
            raise duckdb.OutOfMemoryException("no room")

        self._context = self._patch.context()
        patched = self._context.__enter__()
        for name in self._names:
            patched.setattr(f"anime_whisper_ct2.review.index.{name}", full)

    def __exit__(self, *_: object) -> None:
        self._context.__exit__(None, None, None)


def saved(page: Page, path: str, **body: object) -> None:
    """Change something that is saved, and cannot be shown."""
    told = page.refused(path, 500, "saved_not_shown", **body)
    assert "it is saved" in told["error"]
    assert "no room" in told["error"]


class TestFailing:
    def test_a_decision_is_saved_once_and_shown_by_the_next_request(
        self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = page.rows()[0]
        with Failing(monkeypatch):
            saved(page, "decide", **page.wish(row, "correct", "おは"))
        # As a page that did not hear of it would.
        told = page.refused("decide", 409, "stale", **page.wish(row, "correct", "おは"))
        assert (told["row"]["text"], told["row"]["status"]) == ("おは", "corrected")
        assert len(lines(run)) == 1
        assert page.rows()[0] == told["row"]
        assert shown(page) == said(run)

    @pytest.mark.parametrize("names", [(MARK,), (UPDATE,), ("noting.Noting.go_ahead",)])
    def test_a_batch_is_saved_and_shown_by_the_next_request(
        self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
    ) -> None:
        page.decide(page.rows()[0], "reject")
        with Failing(monkeypatch, *names):
            if names == (UPDATE,):
                # Those of a batch are marked, and one of them is to be read.
                elsewhere(run, "太郎", seen(TALK, 1, "correct", "ふたつ"))
            saved(page, "batch", queue=page.queue, action="accept", only_undecided=False)
        assert page.get("state")["counts"]["open"] == 0
        assert shown(page) == said(run)
        with Failing(monkeypatch, "marking.Marking.turn", UPDATE):
            saved(page, "undo")
        assert page.get("state")["counts"]["rejected"] == 1
        assert shown(page) == said(run)

    def test_a_split_says_nothing_wrong_of_the_run(
        self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = page.rows()[3]
        with Failing(monkeypatch):
            saved(page, "decide", **page.wish(row, "split", {"texts": ["三つ", "目"], "at": 10.0}))
            told = problem(page.client.get(f"/api/row/{row['row']}"), 503, "not_shown")
            assert "no room" in told["error"]
            page.refused("batch", 503, "not_shown", queue=page.queue, action="accept")
            assert page.get(f"row/{page.rows()[0]['row']}")["text"] == "おはよう"
            state = page.get("state")
            assert "no room" in state["note"]
            assert state["ready"]
        assert page.get(f"row/{row['row']}")["text"] == "三つ"
        assert len(lines(run)) == 1
        assert page.get("state")["note"] is None
        assert shown(page) == said(run)
        page.batch("accept")
        assert shown(page) == said(run)

    @pytest.mark.parametrize("what", ["decide", "batch", "undo"])
    def test_the_next_start_takes_over_what_this_one_could_not(
        self, run: Path, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        with reviewing(run) as page:
            page.freeze()
            row = page.decide(page.rows()[0], "reject")["rows"][0]
        with Failing(monkeypatch), reviewing(run) as page:
            page.freeze()
            body = {
                "decide": page.wish(row, "correct", "おは"),
                "batch": {"queue": page.queue, "action": "accept", "only_undecided": True},
                "undo": {},
            }
            saved(page, what, **body[what])
        with reviewing(run) as page:
            assert shown(page) == said(run)
            assert page.get("state")["counts"]["rejected"] == (1 if what == "batch" else 0)

    def test_what_was_put_in_of_portions_stays_and_the_rest_comes_later(
        self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("anime_whisper_ct2.review.bench._PORTION", 1)
        update, calls = Index.update, iter(range(9))

        def second(index: Index, outcomes: object) -> object:
            if next(calls) == 1:
                raise duckdb.OutOfMemoryException("no room")
            return update(index, outcomes)  # type: ignore[arg-type]

        rules = [{"find": "^", "replace": "ん", "regex": True}]
        preview = page.post("replace/preview", queue=page.queue, rules=rules)["preview"]
        with monkeypatch.context() as patched:
            patched.setattr(Index, "update", second)
            saved(page, "replace", preview=preview, **{"except": []})
        assert [row["text"][0] == "ん" for row in page.rows()] == [True, False, False, False, False]
        page.freeze()
        assert [row["text"][0] == "ん" for row in page.rows()] == [True] * 5
        assert shown(page) == said(run)

    def test_a_note_that_cannot_be_kept_keeps_nothing_from_going_on(
        self, run: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> NoReturn:
            raise duckdb.IOException("no room")

        with reviewing(run) as page:
            page.freeze()
            page.decide(page.rows()[0], "accept")
            monkeypatch.setattr(Index, "note_reviewed", full)
            page.freeze()
            assert page.rows()[0]["status"] == "accepted"
        monkeypatch.undo()
        monkeypatch.setenv("AWCT2_CACHE", str(run.parent / "cache"))
        with reviewing(run) as page:
            assert shown(page) == said(run)

    def test_a_fault_of_the_program_is_saved_too_and_seen_in_the_terminal(
        self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def broken(*_: object) -> NoReturn:
            raise RuntimeError("mutated during iteration")

        row = page.rows()[0]
        with monkeypatch.context() as patched:
            patched.setattr(Index, "counts", broken)
            told = page.refused("decide", 500, "saved_not_shown", **page.wish(row, "accept"))
        assert "mutated during iteration" in told["error"]
        assert "Traceback" in capsys.readouterr().err
        assert len(lines(run)) == 1
        assert shown(page) == said(run)


class TestOthers:
    @pytest.mark.posix("what is open is replaced")
    def test_a_log_that_came_anew_from_elsewhere_is_followed(self, run: Path, page: Page, tmp_path: Path) -> None:
        elsewhere(run, "太郎", seen(TALK, 0, "accept"))
        page.freeze()
        first, second = page.rows()[1:3]
        assert page.get(f"row/{first['row']}")["history"][0]["reviewer"] == "太郎"
        # His log grows on his own machine, and comes by rsync.
        log = run / "review" / "edits-太郎.jsonl"
        (tmp_path / "beside").write_bytes(log.read_bytes())
        elsewhere(run, "太郎", seen(TALK, 1, "correct", "ふたつ"))
        with (tmp_path / "beside").open("ab") as beside:
            beside.write(log.read_bytes().splitlines(keepends=True)[-1])
        os.replace(tmp_path / "beside", log)
        assert page.get("state")["counts"] == {"open": 3, "accepted": 1, "corrected": 1, "rejected": 0, "conflict": 0}
        assert page.get(f"row/{second['row']}")["text"] == "ふたつ"
        page.refused("decide", 409, "stale", **page.wish(second, "accept"))
        page.decide(page.rows()[0], "accept")
        assert shown(page) == said(run)

    def test_a_log_that_cannot_be_read_on_stops_nobody(self, run: Path, page: Page) -> None:
        elsewhere(run, "太郎", seen(TALK, 0, "accept"))
        log = run / "review" / "edits-太郎.jsonl"
        whole = log.read_bytes()
        with log.open("ab") as file:
            file.write(b"<<<<<<< HEAD\n")
        state = page.get("state")
        assert str(log) in state["note"]
        assert state["counts"]["accepted"] == 1
        (row,) = page.decide(page.rows()[0], "reject")["rows"]
        assert row["status"] == "rejected"
        page.batch("accept")
        page.post("undo")
        log.write_bytes(whole)
        elsewhere(run, "太郎", seen(TALK, 1, "correct", "ふたつ"))
        assert page.get("state")["note"] is None
        assert shown(page) == said(run)

    def test_a_conflict_is_shown_without_another_look_at_the_run(
        self, run: Path, page: Page, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = page.rows()[2]
        elsewhere(run, "太郎", seen(TALK, 1, "correct", "ふたつ"))
        page.decide(row, "reject")

        def changed(*_: object) -> NoReturn:
            raise AssertionError("read while others decide")

        with monkeypatch.context() as patched:
            patched.setattr(Index, "transcript", changed)
            conflict = page.rows()[2]
        assert conflict["status"] == "conflict"
        assert page.decide(conflict, "correct", "二つ")["rows"][0]["text"] == "二つ"
        assert page.rows()[2]["seen"] != conflict["seen"]

    def test_the_next_answer_says_what_others_splits_have_moved(self, run: Path, page: Page) -> None:
        parts = [{"start": 0.5, "end": 1.0, "text": "一"}, {"start": 1.0, "end": 3.0, "text": "つ目"}]
        elsewhere(run, "太郎", seen(TALK, 0, "split", parts))
        page.get("state")
        row = page.rows()[0]
        assert page.decide(row, "accept")["queue"] == {"count": 6, "from": 2}
        assert page.decide(page.rows()[1], "accept")["queue"] is None


def test_whatever_is_asked_while_others_decide_is_answered(run: Path, page: Page) -> None:
    """Requests in threads, as uvicorn makes them, of which none may fail or come to another outcome than the logs."""
    failed: list[object] = []
    splits = [
        [{"start": 6.5, "end": 9.0, "text": "三"}, {"start": 9.0, "end": 20.0, "text": "つ目"}],
        [{"start": 6.5, "end": 7.0, "text": "み"}, {"start": 7.0, "end": 20.0, "text": "っつ目"}],
    ]
    ended = threading.Event()

    def asked() -> None:
        while not ended.is_set():
            made = page.client.post("/api/queue", json={"filters": {}, "sort": "id", "descending": False})
            number = made.json()["queue"]
            for path in (f"queue/{number}/rows", "state", f"queue/{number}/find?row=2", f"queue/{number}/rows?from=2"):
                answer = page.client.get(f"/api/{path}")
                if answer.status_code != 200:
                    failed.append((path, answer.text))

    threads = [threading.Thread(target=asked) for _ in range(3)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for number in range(6):
            # Two who know nothing of each other, who split one segment each in their own way.
            elsewhere(run, f"{number}", seen(TALK, 2, "split", splits[number % 2]))
            row: Json = page.rows()[0]
            answer = page.client.post("/api/decide", json=page.wish(row, "accept" if number % 2 else "reject"))
            if answer.status_code not in (200, 409):
                failed.append(answer.text)
            page.client.post("/api/undo", json={})
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert failed == []
    assert shown(page) == said(run)


def test_a_run_is_gone_through_once_however_many_ask(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anime_whisper_ct2.output import results

    index, begun, go_on = results._index, threading.Semaphore(0), threading.Event()

    def slowly(file: Path) -> object:
        begun.release()
        assert go_on.wait(10)
        return index(file)

    monkeypatch.setattr(results, "_index", slowly)
    unread = UnreadRun(run / "transcripts.jsonl")
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(unread["a/1.ogg"].text)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begun.acquire(timeout=10)
    assert not begun.acquire(timeout=0.1)
    go_on.set()
    for thread in threads:
        thread.join()
    assert found == ["おはよう"] * 2


def test_a_line_is_the_same_for_all_machines(run: Path, page: Page) -> None:
    page.decide(page.rows()[0], "accept")
    log = run / "review" / "edits-花子.jsonl"
    (line,) = lines(run)
    (run / "review" / "edits-pulled.jsonl").write_bytes(to_line(line).replace(b"\n", b"\r\n"))
    assert page.get("state")["counts"]["accepted"] == 1
    assert page.get(f"row/{page.rows()[0]['row']}")["history"] != []
    assert log.read_bytes() == to_line(line)
