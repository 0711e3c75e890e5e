"""A hundred thousand segments, and a million, in a page that holds a hundred rows. Times: `benchmarks.review_page`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from benchmarks.measures.made_up import make_run
from tests.support.desks import Desk, desk
from tests.support.pages import Served, served

pytestmark = pytest.mark.browser

_MOST_ROWS = 100


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(100_000, id="100k"),
        pytest.param(1_000_000, id="1M", marks=[pytest.mark.slow, pytest.mark.million]),
    ],
)
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of so many segments, of which nothing is to be heard."""
    return make_run(tmp_path_factory.mktemp("large") / "run", request.param).parent


@pytest.fixture(scope="module")
def server(large: Path) -> Iterator[Served]:
    with served(large, "--reviewer", "花子") as server:
        yield server


@pytest.fixture(scope="module")
def known(large: Path) -> Counter[str]:
    """What the lines themselves say: how many segments there are, of each flag, and of some texts."""
    counts = Counter[str]()
    with (large / "transcripts.jsonl").open("rb") as lines:
        for line in lines:
            told = json.loads(line)
            for segment in told["segments"]:
                counts["all"] += 1
                counts.update(f"flag {flag}" for flag in segment["flags"])
                counts["学校"] += "学校" in segment["text"]
                counts["学校 fast"] += "学校" in segment["text"] and "fast" in segment["flags"]
                counts["a folder"] += told["id"].startswith("話者007/")
    return counts


@pytest.fixture
def here(server: Served, chromium: Browser) -> Iterator[Desk]:
    with desk(chromium, server, "sort=id") as here:
        # There is no sound, and Chromium logs every answer that says so.
        yield here
        assert [error for error in here.watched.errors if "422" not in error] == []
        here.watched.errors.clear()


def rows(here: Desk) -> int:
    """Give how many rows the page holds."""
    return here.grid.get_by_role("row").count()


def test_end_home_and_pages_reach_every_row_and_few_are_held(here: Desk, known: Counter[str]) -> None:
    last = known["all"] - 1
    assert here.state("count") == str(known["all"])
    expect(here.grid).to_have_attribute("aria-rowcount", str(known["all"]))
    texts = {}
    for key, position in (("End", last), ("Home", 0), ("PageDown", None), ("End", last), ("PageUp", None), ("Home", 0)):
        before = here.state("position")
        here.press(key)
        here.page.locator(f'awct2-review:not([data-position="{before}"])').wait_for()
        at = int(here.state("position"))
        assert position is None or at == position
        shown = here.grid.locator(f'[aria-rowindex="{at + 1}"][aria-selected="true"]')
        expect(shown).to_be_in_viewport(ratio=0.9)
        expect(shown.locator(".text")).to_be_visible()
        assert rows(here) <= _MOST_ROWS
        texts[at] = shown.locator("bdi").inner_text()
    assert texts[last] == here.api(f"queue/{here.state('queue')}/rows?from={last}&count=1")["rows"][0]["id"]


def test_the_wheel_moves_by_rows_and_the_bar_reaches_the_middle(here: Desk, known: Counter[str]) -> None:
    box = here.grid.bounding_box()
    assert box
    here.page.mouse.move(box["x"] + 50, box["y"] + 50)
    here.page.mouse.wheel(0, 560)
    # Rows are 49 pixels high: the eleventh or so is at the top now.
    expect(here.grid.locator('[aria-rowindex="14"]')).to_be_in_viewport()
    expect(here.grid.locator('[aria-rowindex="2"]')).not_to_be_in_viewport()
    here.grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2; }")
    middle = here.grid.locator(".row .text").first
    expect(middle).to_be_visible()
    shown = [
        int(index)
        for index in here.grid.get_by_role("row").evaluate_all(
            "rows => rows.map((row) => row.ariaRowIndex ?? row.getAttribute('aria-rowindex'))"
        )
    ]
    assert any(abs(index - known["all"] / 2) < known["all"] / 50 for index in shown)
    assert rows(here) <= _MOST_ROWS


def test_filters_leave_what_the_lines_say(here: Desk, known: Counter[str]) -> None:
    flags = here.page.get_by_label("Flag").locator("option")
    figures = dict(text.rsplit(" (", 1) for text in flags.all_inner_texts() if text.endswith(")"))
    assert figures["repetition"] == f"{known['flag repetition']:,})"
    here.page.get_by_role("searchbox").fill("学校")
    here.wait(count=known["学校"])
    here.page.get_by_label("Flag").select_option("fast")
    here.wait(count=known["学校 fast"])
    assert all("学校" in row["text"] and "fast" in row["flags"] for row in here.rows())
    here.page.get_by_role("button", name="Clear filters").click()
    here.wait(count=known["all"])
    here.open("path=話者007/*&sort=id")
    assert here.state("count") == str(known["a folder"])


def test_decisions_hold_while_the_rows_stay_where_they_are(here: Desk, large: Path) -> None:
    here.press("End")
    here.wait_detail()
    before = here.state("row")
    here.press("x")
    here.wait_saved()
    expect(here.current).to_contain_text("rejected")
    here.press("Home")
    here.wait(position=0)
    here.press("Control+z")
    here.page.locator(f'awct2-review[data-row="{before}"]').wait_for()
    expect(here.current).to_contain_text("open")
