"""What an index was told of the logs is believed while it is true, and else the index is made anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from anime_whisper_ct2.review.bench import Bench
from anime_whisper_ct2.review.index import files as index_files
from anime_whisper_ct2.review.index.building import load
from tests.support.reviewing import Page, elsewhere, reviewing, said, seen, shown
from tests.support.runs import segment, short, transcript, write_run

SHORT = short("a/1.ogg", "おはよう")
TALK = transcript(
    "b/長い.ogg",
    segment(0.5, 3.0, "一つ目"),
    segment(4.0, 6.0, "二つ目"),
    segment(6.5, 20.0, "三つ目"),
    duration=25.0,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", SHORT, TALK, short("c/2.ogg", "さよなら"), short("d/3.ogg", "またね"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The runs of which an index was made, one for each time."""
    times: list[Path] = []

    def counted(con: object, path: Path, *more: object) -> object:
        times.append(path)
        return load(con, path, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(index_files, "load", counted)
    return times


def decide(page: Page) -> None:
    """Decide in all the ways that leave something behind: only two are seen by a status."""
    page.freeze()
    rows = page.rows()
    page.decide(rows[0], "correct", "おは")
    page.decide(rows[4], "tag", {"add": ["雑音"], "remove": []})
    page.decide(rows[5], "trim", {"start": 0.0, "end": 1.0})
    page.decide(rows[1], "split", {"texts": ["一つ", "目"], "at": 1.0})
    page.freeze()
    page.decide(page.rows()[3], "merge")


def agree(run: Path, reviewer: str = "花子") -> None:
    """See that the page shows what the logs say, and that what it shows can be decided on."""
    with reviewing(run, reviewer) as page:
        assert shown(page) == said(run)
        tagged = page.freeze(tag="雑音")["count"]
        assert tagged == sum("雑音" in line for line in _log_lines(run))
        page.freeze()
        for row in page.rows():
            assert page.get(f"row/{row['row']}")["text"] == row["text"]
            page.decide(row, "accept")
        assert shown(page) == said(run)


def _log_lines(run: Path) -> list[str]:
    return [line for path in (run / "review").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]


def removed(log: Path) -> None:
    shutil.rmtree(log.parent)


def cut(log: Path) -> None:
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:1]))


def mended(log: Path) -> None:
    # As long as before.
    log.write_bytes(log.read_bytes().replace("おは".encode(), "はお".encode()))


def swapped(log: Path) -> None:
    """Put another review into its place, of which the log is longer."""
    size = log.stat().st_size
    removed(log)
    run = log.parent.parent
    while not log.exists() or log.stat().st_size <= size:
        elsewhere(
            run,
            "花子",
            seen(TALK, 2, "tag", {"add": ["まる"], "remove": []}),
            seen(SHORT, 0, "tag", {"add": ["まる"], "remove": []}),
        )


GONE = (removed, cut, mended, swapped)


@pytest.mark.parametrize("change", GONE)
def test_what_is_in_no_log_any_more_is_in_no_list(run: Path, made: list[Path], change: Callable[[Path], None]) -> None:
    with reviewing(run) as page:
        decide(page)
    change(run / "review" / "edits-花子.jsonl")
    agree(run)
    assert len(made) == 2


@pytest.mark.parametrize("change", GONE)
def test_nor_is_it_where_the_session_was_killed(
    run: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    with monkeypatch.context() as patched, reviewing(run) as page:
        patched.setattr(Bench, "note", lambda _: None)
        decide(page)
    change(run / "review" / "edits-花子.jsonl")
    agree(run)


@pytest.mark.posix("what is open is removed")
@pytest.mark.parametrize("change", [removed, swapped])
def test_nor_is_it_where_a_log_went_while_nobody_asked(run: Path, change: Callable[[Path], None]) -> None:
    with reviewing(run) as page:
        decide(page)
    with reviewing(run, "太郎") as page:
        elsewhere(run, "花子", seen(TALK, 2, "tag", {"add": ["まる"], "remove": []}))
        page.get("state")
        change(run / "review" / "edits-花子.jsonl")
    agree(run, "次郎")


def test_an_index_is_kept_while_logs_grow_come_and_are_looked_at(run: Path, made: list[Path]) -> None:
    with reviewing(run) as page:
        decide(page)
    with reviewing(run, "太郎") as page:
        assert shown(page) == said(run)
    # Who decides nothing leaves no log.
    assert len(list((run / "review").glob("*.jsonl"))) == 1
    elsewhere(run, "次郎", seen(TALK, 2, "reject"))
    agree(run)
    with reviewing(run) as page:
        assert shown(page) == said(run)
    assert len(made) == 1


def test_what_others_wrote_until_the_end_is_noted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with reviewing(run) as page:
        page.freeze()
        page.decide(page.rows()[0], "accept")
        elsewhere(run, "太郎", seen(TALK, 1, "reject"))
    with monkeypatch.context() as patched:
        patched.setattr("anime_whisper_ct2.review.bench.replay", None)
        with reviewing(run) as page:
            assert page.get("state")["counts"]["rejected"] == 1
