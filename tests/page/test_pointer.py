"""Who has clicked goes on with keys; and a key does only what is meant by it where the focus is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.desks import Desk, reviewing

pytestmark = pytest.mark.browser

REGION = '.wave [part~="segment"]'


@pytest.fixture
def here(chromium: Browser, run: Path) -> Iterator[Desk]:
    """The page, at the first of the long recording's segments."""
    with reviewing(chromium, run, query="sort=id&path=長い録音/*") as desk:
        yield desk


def test_the_segment_is_in_its_wave_whenever_the_page_is_opened(here: Desk) -> None:
    for _ in range(10):
        here.page.reload()
        here.wait_ready()
        expect(here.page.locator(REGION)).to_have_count(1)
        expect(here.page.locator(f'{REGION} [part~="region-handle"]')).to_have_count(2)


def test_enter_after_a_click_accepts_and_presses_no_button_again(here: Desk) -> None:
    button = here.page.get_by_role("button", name="Ascending", exact=True)
    button.click()
    expect(here.page.get_by_role("button", name="Descending", exact=True)).to_be_visible()
    here.wait_ready()
    expect(here.current).to_be_focused()
    for name in ("More filters", "Zoom in", "Start 10 ms later"):
        here.page.get_by_role("button", name=name).click()
        expect(here.current).to_be_focused()
    here.page.get_by_role("button", name="Settings", exact=True).click()
    here.page.get_by_role("dialog", name="Settings").wait_for()
    here.press("Escape")
    expect(here.current).to_be_focused()
    here.press("Enter")
    here.wait(position=1)
    here.wait_saved()
    assert [one["action"] for one in here.sent("decide")] == ["trim", "accept"]


def test_on_a_slider_and_on_a_box_to_tick_enter_accepts_and_space_is_theirs(here: Desk) -> None:
    here.page.get_by_role("slider", name="Speed").focus()
    here.press("ArrowRight")
    here.wait(rate=1.1)
    here.press("Enter")
    here.wait(position=1)
    box = here.page.get_by_label("Regex")
    box.focus()
    here.press("Enter")
    here.wait(position=2)
    expect(box).not_to_be_checked()
    box.focus()
    here.press("Space")
    expect(box).to_be_checked()


def test_a_text_is_kept_from_its_own_box_only(here: Desk) -> None:
    here.page.get_by_role("button", name="More filters").click()
    path = here.page.get_by_label("Path (* and ?)")
    for field in (path, here.page.get_by_label("Flag"), here.page.get_by_label("Length (s): at least")):
        field.focus()
        here.press("Control+Enter", "Alt+Enter")
    path.focus()
    path.fill("*")
    here.press("Enter")
    here.wait(count=70)
    expect(here.current).to_be_focused()
    assert here.sent("decide") == []


def test_half_a_tag_is_none_of_the_next_clip_s(here: Desk) -> None:
    here.press("t")
    here.page.keyboard.insert_text("あと")
    tag = here.page.get_by_role("combobox", name="Add a tag")
    expect(tag).to_have_value("あと")
    here.grid.get_by_role("row").nth(1).click()
    here.wait(position=1)
    expect(tag).to_have_value("")


def test_a_pattern_that_is_none_leaves_the_list_as_it_is_and_stands_in_its_field(here: Desk) -> None:
    here.page.goto(f"{here.server.url}&search=(&regex=1")
    here.wait(count=70)
    search = here.page.get_by_role("searchbox")
    expect(search).to_have_value("(")
    expect(search).to_have_attribute("aria-invalid", "true")
    expect(here.page.get_by_role("search").get_by_text("These filters cannot be used: the pattern")).to_be_visible()
    search.fill("(回)")
    expect(search).to_have_attribute("aria-invalid", "false")
    here.page.wait_for_url("**search=*")
    here.watched.errors.clear()  # Chromium logs every answer that is an error


def test_while_the_run_is_read_only_settings_and_keys_are_there(here: Desk) -> None:
    state = {**here.api("state"), "ready": False, "progress": 0.4}
    here.page.route("**/api/state", lambda route: route.fulfill(json=state))
    here.page.reload()
    expect(here.page.get_by_text("Reading the run: 40 %")).to_be_visible()
    assert here.page.get_by_role("banner").get_by_role("button").all_inner_texts() == ["Settings", "Keys"]
    text = here.page.get_by_text("Reading the run: 40 %").bounding_box()
    bar = here.page.get_by_role("progressbar").bounding_box()
    assert text is not None
    assert bar is not None
    assert text["y"] + text["height"] <= bar["y"]
    here.press("b", "h", "Enter")
    expect(here.page.get_by_role("dialog")).to_have_count(0)
    here.press("?")
    expect(here.page.get_by_role("dialog", name="Keys")).to_be_visible()
