"""Who does not see the page, or has no mouse, or sees little, can review as well."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.support.desks import Desk, desk, reviewing
from tests.support.pages import Served, served
from tests.support.spoiled import spoil

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(transcribed_words: Path, transcribed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run with mistakes, beside one without; some of it is decided."""
    run = spoil(Path(shutil.copytree(transcribed_words, tmp_path_factory.mktemp("spoiled") / "poor")))
    with served(run, "--reviewer", "花子", "--against", transcribed) as server:
        yield server


def edit(here: Desk) -> None:
    here.press("e")
    here.page.keyboard.insert_text("ね")


def batch(here: Desk) -> None:
    here.press("b")
    expect(here.page.locator("ol.examples li")).to_have_count(5)


def replacing(here: Desk) -> None:
    here.press("h")
    here.page.get_by_label("Rule 1: find").fill("た")
    here.page.get_by_label("Rule 1: replace with").fill("だ")
    here.page.get_by_role("button", name="Show what changes").click()
    here.page.locator("awct2-changes ins").first.wait_for()


def finer(here: Desk) -> None:
    here.page.get_by_role("button", name="More filters").click()
    here.page.get_by_label("Path (* and ?)").wait_for()


def sample(here: Desk) -> None:
    batch(here)
    here.page.get_by_label("How many").fill("3")
    here.page.get_by_role("button", name="Draw the sample").click()
    here.wait(count=3)


VIEWS: dict[str, Callable[[Desk], None]] = {
    "list": lambda here: here.press("j"),
    "decided": lambda here: here.press("x", "Control+z"),
    "filters": finer,
    "edit": edit,
    "batch": batch,
    "replace": replacing,
    "sample": sample,
    "settings": lambda here: here.press(","),
    "help": lambda here: here.press("?"),
    "empty": lambda here: here.open("search=無い無い"),
}


def findings(page: Page) -> list[str]:
    """Give what axe finds serious or critical."""
    found: list[Any] = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious_in_light_and_in_dark(server: Served, chromium: Browser, view: str) -> None:
    # Without the page's policy, which keeps axe from trying what it measures.
    with desk(chromium, server, reduced_motion="reduce", bypass_csp=True) as here:
        VIEWS[view](here)
        for scheme in ("light", "dark"):
            here.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            assert findings(here.page) == []
        if view == "sample":
            here.page.get_by_role("button", name="Leave the sample").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_of_ones_own_has_the_same_contrast(server: Served, chromium: Browser, theme: str) -> None:
    other = {"light": "dark", "dark": "light"}[theme]
    with desk(chromium, server, color_scheme=other, bypass_csp=True) as here:
        here.press(",")
        here.page.get_by_label("Theme").select_option(theme)
        assert findings(here.page) == []
        here.press("Escape")
        assert findings(here.page) == []
        colour = here.page.evaluate("() => getComputedStyle(document.documentElement).backgroundColor")
        light = sum(int(part) for part in re.findall(r"\d+", colour)[:3]) > 384
        assert light == (theme == "light")


FOCUSED = """() => {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  const name = element.ariaLabel ?? element.labels?.[0]?.innerText ?? element.textContent;
  return {
    what: `${element.localName} ${name.trim().replace(/\\s+/g, " ").slice(0, 40)}`,
    visible: (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none",
    top: box.top, left: box.left, height: box.height,
  };
}"""


class TestFocus:
    def test_tab_goes_through_all_in_the_order_in_which_it_stands_and_each_is_seen(
        self, server: Served, chromium: Browser
    ) -> None:
        with desk(chromium, server) as here:
            here.page.get_by_role("button", name="To the text").focus()
            steps = [here.page.evaluate(FOCUSED)]
            for _ in range(60):
                here.press("Tab")
                focused = here.page.evaluate(FOCUSED)
                if focused["what"].strip() in ("body", steps[0]["what"]):
                    break
                steps.append(focused)
            names = [step["what"] for step in steps]
            assert [step["what"] for step in steps if not step["visible"]] == []
            places = [
                next(i for i, name in enumerate(names) if part in name)
                for part in (
                    "To the text",
                    "Whole queue",
                    "Keys",
                    "Flag",
                    "Search",
                    "Refresh queue",
                    "div ",
                    "Split",
                    "Play",
                    "Text",
                    "Accept",
                    "Reject",
                    "Skip",
                    "Add a tag",
                    "Take the other text",
                )
            ]
            assert places == sorted(places)
            # Of the grid, one row is in the way, not all of them.
            assert sum(name.startswith("div ") for name in names) == 1

    @pytest.mark.parametrize("key", ["b", "h", ",", "?"])
    def test_a_dialog_keeps_the_focus_and_gives_it_back(self, server: Served, chromium: Browser, key: str) -> None:
        with desk(chromium, server) as here:
            here.go(2)
            here.current.focus()
            here.press(key)
            dialog = here.page.get_by_role("dialog")
            expect(dialog).to_be_visible()
            for _ in range(12):
                assert here.page.evaluate(
                    """() => {
                      let element = document.activeElement, inside = element === document.body;
                      while (element) { inside ||= element.closest("dialog") !== null;
                                        element = element.shadowRoot?.activeElement; }
                      return inside;
                    }"""
                )
                here.press("Tab")
            here.press("Escape")
            expect(dialog).to_be_hidden()
            expect(here.current).to_be_focused()
            here.press("j")
            here.wait(position=3)
            expect(here.current).to_be_focused()

    def test_a_dialog_of_a_button_gives_the_focus_back_to_it(self, server: Served, chromium: Browser) -> None:
        with desk(chromium, server) as here:
            button = here.page.get_by_role("button", name="Settings")
            button.focus()
            here.press("Enter")
            expect(here.page.get_by_role("dialog")).to_be_visible()
            here.press("Escape")
            expect(button).to_be_focused()

    def test_the_way_to_the_text_is_short(self, server: Served, chromium: Browser) -> None:
        with desk(chromium, server) as here:
            here.page.get_by_role("button", name="To the text").focus()
            here.press("Enter")
            expect(here.box).to_be_focused()
            here.press("Escape")
            expect(here.current).to_be_focused()


class TestTold:
    def test_a_live_region_says_what_is_saved_and_what_is_not(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run, query="sort=id") as here:
            status = here.page.get_by_role("status").filter(has_text="saved")
            expect(status).to_have_text("saved")
            assert status.get_attribute("aria-live") == "polite"
            held: list[Any] = []
            here.page.route("**/api/decide", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks it
            here.press("Enter")
            expect(status).to_have_text("1 unsaved")
            here.press("Enter")
            expect(status).to_have_text("2 unsaved")
            held[0].continue_()
            expect(status).to_have_text("1 unsaved")
            held[1].continue_()
            expect(status).to_have_text("saved")

    def test_what_happened_is_told_in_regions_that_were_there_before(self, run: Path, chromium: Browser) -> None:
        with reviewing(chromium, run, query="sort=id") as here:
            told = here.page.locator('.notices[aria-live="polite"]')
            expect(told).to_have_text("")
            here.press("Control+z")
            expect(told).to_contain_text("There is nothing to undo.")
            expect(here.page.locator('.notices[role="alert"]')).to_have_text("")

    def test_buttons_name_their_keys_and_follow_the_settings(self, server: Served, chromium: Browser) -> None:
        with desk(chromium, server) as here:
            for name, keys in {"Accept": "Enter", "Reject": "X", "Skip": "S", "Undo": "Control+Z"}.items():
                button = here.page.get_by_role("button", name=re.compile(f"^{name}"))
                expect(button).to_have_attribute("aria-keyshortcuts", keys)
            here.press(",")
            here.page.get_by_label("Preset").select_option("aegisub")
            here.press("Escape")
            button = here.page.get_by_role("button", name=re.compile("^Reject"))
            expect(button).to_have_attribute("aria-keyshortcuts", "Control+Delete")

    def test_the_grid_says_how_many_rows_there_are_and_which_is_the_one(
        self, server: Served, chromium: Browser
    ) -> None:
        with desk(chromium, server) as here:
            expect(here.grid).to_have_attribute("aria-rowcount", "70")
            here.press("End")
            expect(here.current).to_have_attribute("aria-rowindex", "70")
            assert here.grid.locator('[aria-selected="true"]').count() == 1


class TestSight:
    def test_who_wants_no_motion_gets_none(self, server: Served, chromium: Browser) -> None:
        with desk(chromium, server, reduced_motion="reduce") as here:
            here.press("?")
            moving = here.page.evaluate(
                """() => {
                  const found = [];
                  const look = (root) => {
                    for (const element of root.querySelectorAll("*")) {
                      const { transitionDuration, animationDuration, scrollBehavior } = getComputedStyle(element);
                      const long = [transitionDuration, animationDuration].some((times) =>
                        times.split(",").some((time) => parseFloat(time) > 0.01));
                      if (long || scrollBehavior === "smooth") found.push(element.outerHTML.slice(0, 200));
                      if (element.shadowRoot) look(element.shadowRoot);
                    }
                  };
                  look(document);
                  return found.concat(document.getAnimations().map(() => "animation"));
                }"""
            )
            assert moving == []

    @pytest.mark.parametrize("view", ["list", "edit", "batch", "replace", "settings", "help", "filters"])
    @pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
    def test_at_200_percent_nothing_is_beside_the_window(
        self, server: Served, chromium: Browser, view: str, locale: str
    ) -> None:
        size = {"width": 640, "height": 430}
        with desk(chromium, server, viewport=size, device_scale_factor=2) as here:
            if locale == "ja-JP" and view in ("list", "edit", "settings", "help"):
                here.open("lang=ja")
            elif locale == "ja-JP":
                return
            VIEWS[view](here)
            assert here.page.evaluate("() => document.scrollingElement.scrollWidth") <= size["width"]
            beside = here.page.evaluate(
                """() => {
                  const found = [];
                  const look = (root) => {
                    for (const element of root.querySelectorAll("*")) {
                      if (element.shadowRoot) look(element.shadowRoot);
                      if (!element.matches("button, input, select, textarea, h1, h2, dialog, [role=row]")) continue;
                      const box = element.getBoundingClientRect();
                      if (element.matches(".visually-hidden, .skip") || box.width === 0) continue;
                      if (box.left < -1 || box.right > innerWidth + 1) found.push(element.outerHTML.slice(0, 120));
                    }
                  };
                  look(document);
                  return found;
                }"""
            )
            assert beside == []

    def test_narrow_and_low_everything_can_be_scrolled_to(self, server: Served, chromium: Browser) -> None:
        with desk(chromium, server, viewport={"width": 640, "height": 430}) as here:
            for name in ("Accept", "Reject", "Whole queue …", "Refresh queue", "Take the other text"):
                button = here.page.get_by_role("button", name=re.compile(f"^{re.escape(name)}"))
                button.scroll_into_view_if_needed()
                expect(button).to_be_in_viewport(ratio=0.9)
            expect(here.grid).to_be_visible()
            here.current.scroll_into_view_if_needed()
            expect(here.current).to_be_in_viewport(ratio=0.5)
