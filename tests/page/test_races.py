"""Answers that come late, a server that goes, and keys that are faster than both: nothing typed or decided is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.desks import Desk, log, reviewing
from tests.support.pages import served, tab

pytestmark = pytest.mark.browser

LONG = "sort=id&path=長い録音/*"


@pytest.fixture
def here(chromium: Browser, run: Path) -> Iterator[Desk]:
    """The page, at the long recording's segments."""
    with reviewing(chromium, run, query=LONG) as desk:
        yield desk


def test_who_goes_on_and_types_while_a_split_is_on_its_way_types_into_the_same_clip(here: Desk, run: Path) -> None:
    count = int(here.state("count"))
    split(here)
    decide, rows = here.hold("**/api/decide"), here.hold("**/rows?*")
    here.press("Alt+Enter", "j")
    here.wait(position=1, unsaved=1)
    row, text = here.state("row"), here.box.input_value()
    here.press("e", "End")
    here.page.keyboard.type("abc")
    decide.release()
    here.wait_saved()
    here.page.keyboard.type("def")
    expect(here.box).to_have_value(f"{text}abcdef")
    rows.release()
    here.wait(position=2, count=count + 1, row=row)
    here.page.keyboard.type("xyz")
    expect(here.box).to_have_value(f"{text}abcdefxyz")
    assert [line["action"] for line in log(run)] == ["split"]


def test_who_goes_on_while_a_merge_is_on_its_way_stays_at_the_clip_gone_to(here: Desk) -> None:
    rows = here.rows()
    here.go(1)
    here.go(0)
    here.wait_held(5)
    held = here.hold("**/api/decide")
    here.press("m", "j", "j")
    here.wait(position=2, unsaved=1, row=rows[2]["row"])
    held.release()
    here.wait(position=1, row=rows[2]["row"], count=len(rows) - 1)
    here.pass_over(409)


def test_who_stands_at_the_half_that_a_merge_takes_is_at_the_whole(here: Desk) -> None:
    rows = here.rows()
    here.go(1)
    here.go(0)
    here.wait_held(5)
    held = here.hold("**/api/decide")
    here.press("m", "j")
    here.wait(position=1, unsaved=1)
    held.release()
    here.wait(position=0, row=rows[0]["row"], count=len(rows) - 1)


def test_no_merge_takes_typed_text_along(here: Desk) -> None:
    here.wait_detail()
    here.type_over("まだ途中")
    here.press("Escape", "m")
    expect(here.page.get_by_text("keep it or put it back first")).to_be_visible()
    here.go(1)
    here.press("k")
    here.wait(position=0)
    here.go(1)
    here.type_over("つぎの途中")
    here.press("Escape")
    here.page.get_by_role("button", name="Back to the text as it was").click()
    here.go(0)
    assert here.box.input_value() == "まだ途中"
    here.page.get_by_role("button", name="Back to the text as it was").click()
    here.go(1)
    here.type_over("つぎの途中")
    here.press("Escape")
    here.go(0)
    here.press("m")
    expect(here.page.get_by_text("The next segment has typed text")).to_be_visible()
    assert here.asked("decide") == []


def test_typed_texts_are_counted_marked_and_no_other_text_takes_their_place(
    run: Path, transcribed: Path, chromium: Browser
) -> None:
    with reviewing(chromium, run, "--against", transcribed, query=LONG) as here:
        here.type_over("まだ途中")
        here.press("Escape")
        expect(here.current).to_contain_text("not kept")
        expect(here.page.get_by_text("1 text not kept")).to_be_visible()
        here.press("o")
        expect(here.page.get_by_text("keep it or put it back first")).to_be_visible()
        assert (here.state("position"), here.box.input_value()) == ("0", "まだ途中")
        assert here.page.evaluate("() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))")
        here.press("Enter")
        here.wait(position=1, unsaved=0)
        expect(here.page.get_by_text("1 text not kept")).to_have_count(0)
        assert here.page.evaluate("() => dispatchEvent(new Event('beforeunload', { cancelable: true }))")


def test_blanks_at_the_end_are_not_kept(here: Desk, run: Path) -> None:
    here.type_over("これで終わり \u3000")
    here.press("Control+Enter")
    here.wait(position=1, unsaved=0)
    assert [line["value"] for line in log(run)] == ["これで終わり"]
    expect(here.page.get_by_text("1 text not kept")).to_have_count(0)


def test_decisions_wait_for_a_server_that_knows_the_page_no_more_and_are_sent_after_a_reload(
    run: Path, chromium: Browser
) -> None:
    with served(run, "--reviewer", "花子") as server, tab(chromium, server) as (page, watched):
        here = Desk(page, watched, server)
        here.open(LONG)
        page.context.clear_cookies()
        here.press("Enter")
        here.type_over("待っている修正")
        here.press("Control+Enter")
        here.wait(position=2, unsaved=2)
        expect(page.get_by_role("alert")).to_contain_text("Open the address that awct2 review printed")
        expect(page.get_by_text("2 unsaved: waiting for the server")).to_be_visible()
        here.open(LONG)
        here.wait_saved()
        assert [(line["action"], line["value"]) for line in log(run)] == [
            ("accept", None),
            ("correct", "待っている修正"),
        ]
        expect(page.get_by_text("text not kept")).to_have_count(0)
        here.reload()
        here.wait_saved()
        assert len(log(run)) == 2


def test_what_was_not_taken_is_told_until_it_is_decided_anew(here: Desk) -> None:
    refusal = '{"error": "no room", "code": "bad_request"}'
    here.page.route("**/api/decide", lambda route: route.fulfill(status=400, body=refusal))
    here.press("Enter", "Enter")
    here.wait(position=2, unsaved=0)
    alert = here.page.get_by_role("alert")
    expect(alert).to_contain_text("2 decisions were not taken")
    here.page.unroute("**/api/decide")
    here.press("Enter")
    here.wait(position=3, unsaved=0)
    expect(alert).to_contain_text("2 decisions were not taken")
    expect(here.grid.get_by_text("not taken")).to_have_count(2)
    here.go(0)
    here.press("Enter", "Enter")
    here.wait(position=2, unsaved=0)
    expect(alert).to_have_text("")
    expect(here.grid.get_by_text("not taken")).to_have_count(0)
    here.watched.errors.clear()


def test_a_clip_that_could_not_be_had_is_asked_for_again(here: Desk) -> None:
    here.page.route("**/api/clip/*", lambda route: route.fulfill(status=500, body="{}"))
    here.press("End")
    expect(here.current).to_contain_text("No sound")
    here.page.unroute("**/api/clip/*")
    here.press("r")
    here.wait(playing=True)
    expect(here.current).not_to_contain_text("No sound")
    here.watched.errors.clear()


def test_a_refresh_keeps_what_is_held_and_the_box_that_is_typed_in(here: Desk) -> None:
    here.go(2)
    here.wait_held()
    here.press("e")
    asked = len(here.asked("clip/"))
    before = here.state("queue")
    here.page.evaluate("() => document.querySelector('awct2-review').store.refreshQueue()")
    here.page.locator(f'awct2-review:not([data-queue=""]):not([data-queue="{before}"])').wait_for(state="attached")
    here.page.keyboard.type("ok")
    here.wait_held()
    assert "ok" in here.box.input_value()
    assert len(here.asked("clip/")) == asked


def split(here: Desk) -> None:
    """Stand in the first clip's text where it can be split."""
    here.wait_detail()
    here.press("e", "Home", "ArrowRight", "ArrowRight")
