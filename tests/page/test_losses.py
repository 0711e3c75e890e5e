"""What was confirmed is on the disk, however fast it came; what could not be written is said, and stays on the page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.asking import Asking, decide_on_all
from tests.support.desks import Desk, log, reviewing
from tests.support.pages import served, tab
from tests.support.places import SAMPLE
from tests.support.runs import segment, transcript, write_run
from tests.support.spoiled import rewrite
from tests.support.windows import ON_WINDOWS

pytestmark = pytest.mark.browser


def many(folder: Path, count: int) -> Path:
    """Write a run of so many recordings of one segment each; all sound alike."""
    lines = (transcript(f"{n:05}.wav", segment(0.0, 1.5, f"{n}番目です"), duration=1.943) for n in range(count))
    sound = SAMPLE / "corpus" / "その他" / "001.ogg"
    return rewrite(write_run(folder, *lines), lambda line: {**line, "audio": os.fspath(sound)})


def _rows(here: Desk, first: int) -> str:
    return f"queue/{here.state('queue')}/rows?from={first}&count=200"


def test_300_presses_as_fast_as_they_come(tmp_path: Path, chromium: Browser) -> None:
    run = many(tmp_path / "run", 400)
    with reviewing(chromium, run, query="sort=id") as here:
        order = [row["id"] for at in (0, 200) for row in here.api(_rows(here, at))["rows"]]
        for _ in range(300):
            here.page.keyboard.press("Enter")
        here.wait(position=300)
        here.wait_saved()
        decided = [line["id"] for line in log(run)]
        assert decided == order[:300]
        assert here.api("state")["counts"]["accepted"] == 300


@pytest.mark.slow
def test_10000_decisions_with_many_under_way_at_once(tmp_path: Path) -> None:
    run = many(tmp_path / "run", 10_000)
    with served(run, "--reviewer", "花子") as server, Asking(server) as asking:
        asking.wait_until_ready()
        sent = decide_on_all(asking, 10_000)
        # As a power cut ends it: what was confirmed is on the disk.
        server.kill()
    lines = log(run)
    assert len(lines) == len(sent) == 10_000
    assert {(line["id"], line["seen"]) for line in lines} == set(sent)
    stamps = [line["at"] for line in lines]
    assert stamps == sorted(set(stamps))


@pytest.mark.skipif(ON_WINDOWS, reason="a limit on the size of a file needs POSIX")
def test_a_full_disk_is_said_the_text_stays_and_the_next_try_works(run: Path, chromium: Browser) -> None:
    import resource

    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    with (
        served(run, "--reviewer", "花子") as server,
        tab(chromium, server) as (page, watched),
    ):
        here = Desk(page, watched, server)
        here.open("sort=id")
        here.press("Enter")
        here.wait_saved()
        before = (run / "review" / "edits-花子.jsonl").read_bytes()
        # In the middle of the next line.
        full = len(before) + 40
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        here.type_over("満杯のディスク")
        here.press("Control+Enter")
        expect(page.get_by_role("alert")).to_contain_text("the disk is full")
        here.wait_saved()
        assert (run / "review" / "edits-花子.jsonl").read_bytes() == before
        here.press("k")
        here.wait(position=1)
        assert here.box.input_value() == "満杯のディスク"
        expect(here.current).to_contain_text("open")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        here.press("Enter")
        here.wait(position=2)
        here.wait_saved()
        assert [(line["action"], line["value"]) for line in log(run)][1:] == [("correct", "満杯のディスク")]
        assert [error for error in watched.errors if "507" not in error] == []
