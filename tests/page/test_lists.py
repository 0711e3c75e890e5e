"""The lists of other projects open in the page, are decided on, and are written as new ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.desks import desk, reviewing
from tests.support.pages import served
from tests.support.places import SAMPLE
from tests.support.references import references

pytestmark = pytest.mark.browser

IDS = ("その他/001.ogg", "その他/002.ogg", "その他/004.ogg", "先生/放課後/004.ogg")


@pytest.fixture(params=["esd", "GPT-SoVITS"])
def listed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A list of four recordings: `path|speaker|language|text`."""
    folder = tmp_path / "Data" / "声優"
    (folder / "raw").mkdir(parents=True)
    lines = []
    for number, id_ in enumerate(IDS, 1):
        name = f"{number} 番.ogg"
        shutil.copyfile(SAMPLE / "corpus" / id_, folder / "raw" / name)
        path = name if request.param == "esd" else str(folder / "raw" / name)
        language = "JP" if request.param == "esd" else "ja"
        lines.append(f"{path}|アリス|{language}|{references()[id_]['text']}\n")
    path = folder / ("esd.list" if request.param == "esd" else "annotation.list")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def replaced(text: str, number: int, change: Callable[[str], str]) -> str:
    """Change the text of a line."""
    lines = text.splitlines(keepends=True)
    head, bar, said = lines[number].rstrip("\n").rpartition("|")
    lines[number] = f"{head}{bar}{change(said)}\n"
    return "".join(lines)


def test_a_list_is_opened_edited_and_saved_as_a_new_one(listed: Path, chromium: Browser) -> None:
    before = listed.read_text(encoding="utf-8")
    with reviewing(chromium, listed, query="sort=id") as here:
        assert here.state("count") == "4"
        here.wait_held(3)
        expect(here.page.get_by_role("heading", level=1)).to_have_text(listed.name)
        here.type_over("直した本文")
        here.press("Control+Enter")
        here.wait(position=1)
        here.press("x")
        here.wait(position=2)
        here.press("Enter")
        here.wait_saved()
        here.page.get_by_role("button", name="Save as a new .list").click()
        told = here.page.locator('.notices[aria-live="polite"]')
        expect(told).to_contain_text("Saved: ")
        saved = Path(told.locator("span").inner_text().removeprefix("Saved: ").strip())
    assert saved.parent == listed.parent
    assert saved != listed
    assert listed.read_text(encoding="utf-8") == before
    lines = replaced(before, 0, lambda _: "直した本文").splitlines(keepends=True)
    assert saved.read_text(encoding="utf-8") == "".join([lines[0], *lines[2:]])
    assert (listed.parent / f"{listed.name}.review" / "edits-花子.jsonl").is_file()


def test_what_a_list_cannot_hold_is_refused_while_it_is_typed_and_never_dropped(
    listed: Path, chromium: Browser
) -> None:
    with reviewing(chromium, listed, query="sort=id") as here:
        here.type_over("ある|ない")
        here.press("Control+Enter")
        expect(here.page.get_by_text("A text cannot hold | here.")).to_be_visible()
        assert here.state("position") == "0"
        assert here.sent("decide") == []
        assert here.box.input_value() == "ある|ない"
        here.type_over("ある、ない")
        here.press("Control+Enter")
        here.wait(position=1)
        here.wait_saved()
        assert here.rows()[0]["text"] == "ある、ない"


def test_decisions_about_a_list_are_there_when_it_is_opened_again_and_undone(listed: Path, chromium: Browser) -> None:
    with reviewing(chromium, listed, query="sort=id") as here:
        here.press("x")
        here.wait(position=1)
        here.wait_saved()
    with served(listed, "--reviewer", "花子") as server, desk(chromium, server, "sort=id") as here:
        assert [row["status"] for row in here.rows()] == ["rejected", "open", "open", "open"]
        here.go(3)
        here.press("Control+z")
        here.wait(position=0)
        here.wait_saved()
        assert here.rows()[0]["status"] == "open"


def test_a_run_has_nothing_to_save(run: Path, chromium: Browser) -> None:
    with reviewing(chromium, run) as here:
        expect(here.page.get_by_role("button", name="Save as a new .list")).to_have_count(0)
