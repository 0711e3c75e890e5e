"""The keys of the page: what they do, where they must not, and that everybody can have others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from tests.support.desks import Desk, reviewing
from tests.support.places import ROOT

pytestmark = pytest.mark.browser

SOURCES = ROOT / "anime_whisper_ct2" / "web" / "page" / "src"
# How the page shows a combination of its table.
SHOWN = {"$mod": "Ctrl", "ArrowDown": "↓", "ArrowUp": "↑", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc"}


@pytest.fixture
def here(chromium: Browser, run: Path) -> Iterator[Desk]:
    """The page, at the first of the long recording's segments: there is sound before and after each."""
    with reviewing(chromium, run, query="sort=id&path=長い録音/*") as desk:
        yield desk


def test_each_key_does_what_the_contract_says(here: Desk) -> None:
    here.press("Enter")
    here.wait(position=1)
    here.press("x")
    here.wait(position=2)
    here.press("s")
    here.wait(position=3)
    here.press("k")
    here.wait(position=2)
    here.press("j")
    here.wait(position=3)
    here.press("e")
    expect(here.box).to_be_focused()
    here.press("Control+A")
    here.page.keyboard.insert_text("ちがう文です")
    here.press("Escape")
    expect(here.box).not_to_be_focused()
    expect(here.box).to_have_value("ちがう文です")
    here.press("e", "Control+Enter")
    here.wait(position=4)
    here.press("Control+z")
    here.wait(position=3, unsaved=0)
    here.press("/")
    expect(here.page.get_by_role("searchbox", name="Search", exact=True)).to_be_focused()
    here.press("Escape")
    here.press("?")
    expect(here.page.get_by_role("dialog", name="Keys")).to_be_visible()
    here.press("Escape")
    expect(here.page.get_by_role("dialog")).to_be_hidden()
    here.press("End")
    here.wait(position=29)
    here.press("Home")
    here.wait(position=0)
    sent = [(one["action"], one["position"], one["value"]) for one in here.sent("decide")]
    assert sent == [("accept", 0, None), ("reject", 1, None), ("correct", 3, "ちがう文です")]
    assert len(here.asked("undo")) == 1


def test_the_keys_for_listening_play_what_they_say(here: Desk) -> None:
    here.go(1)
    row = here.rows()[1]
    start, end = row["start"], row["end"]
    spans = {
        "r": (start, end),
        "q": (start - 0.5, start),
        "w": (start, start + 0.5),
        "d": (end - 0.5, end),
        "f": (end, end + 0.5),
    }
    here.wait_held()
    for key, (since, until) in spans.items():
        here.press(key)
        here.wait(span=f"{since:.3f} {until:.3f}", playing=True)
    here.wait(playing=False)
    here.press("r")
    here.wait(playing=True)
    here.press("Space")
    here.wait(playing=False)
    here.press("Space")
    here.wait(playing=True)
    assert here.asked("decide") == []


def test_a_key_held_down_decides_once(here: Desk) -> None:
    here.page.keyboard.down("x")
    here.page.keyboard.down("x")
    here.page.keyboard.down("x")
    here.page.keyboard.up("x")
    here.wait(position=1, unsaved=0)
    assert len(here.asked("decide")) == 1


def test_enter_that_ends_a_conversion_decides_nothing(here: Desk) -> None:
    here.type_over("")
    input_method = here.page.context.new_cdp_session(here.page)
    input_method.send("Input.imeSetComposition", {"selectionStart": 5, "selectionEnd": 5, "text": "かんじへんかん"})
    expect(here.box).to_have_value("かんじへんかん")
    # as browsers report the keys of an input method: the keyCode is 229
    for modifiers in (0, 2):
        press(input_method, "Enter", "Enter", 229, modifiers)
        press(input_method, "Enter", "Enter", 13, modifiers)
    expect(here.box).to_be_focused()
    assert here.asked("decide") == []
    here.page.keyboard.insert_text("漢字変換")
    expect(here.box).to_have_value("漢字変換")
    press(input_method, "Process", "Enter", 229, 2)
    assert (here.state("position"), here.asked("decide")) == ("0", [])
    here.press("Control+Enter")
    here.wait(position=1, unsaved=0)
    assert [(one["action"], one["value"]) for one in here.sent("decide")] == [("correct", "漢字変換")]


def test_letters_are_known_by_where_they_lie_so_that_kana_input_changes_nothing(here: Desk) -> None:
    keyboard = here.page.context.new_cdp_session(here.page)
    press(keyboard, "さ", "KeyX", 88)
    here.wait(position=1)
    press(keyboard, "ま", "KeyJ", 74)
    here.wait(position=2)
    press(keyboard, "め", "Slash", 191)
    expect(here.page.get_by_role("searchbox")).to_be_focused()
    here.press("Escape")
    press(keyboard, "・", "Slash", 191, 8)
    expect(here.page.get_by_role("dialog", name="Keys")).to_be_visible()
    here.press("Escape")
    press(keyboard, "い", "KeyE", 69)
    expect(here.box).to_be_focused()
    here.press("Escape")
    here.wait_saved()
    assert [one["action"] for one in here.sent("decide")] == ["reject"]


def test_letters_typed_in_a_text_field_are_only_letters(here: Desk) -> None:
    letters = "qwertyuiopasdfghjklzxcvbnm,/?-=[]{} "
    here.type_over("")
    here.page.keyboard.type(letters)
    expect(here.box).to_have_value(letters)
    here.press("Escape", "/")
    search = here.page.get_by_role("searchbox")
    here.page.keyboard.type(letters.strip())
    expect(search).to_have_value(letters.strip())
    assert (here.state("position"), here.state("rate"), here.asked("decide")) == ("0", "1", [])
    expect(here.page.get_by_role("dialog")).to_be_hidden()


def test_single_letters_can_be_switched_off(here: Desk) -> None:
    settings(here, lambda: here.page.get_by_label("Single letters and signs as keys").press("Space"))
    here.press("x", "s", "j", "e", "?")
    here.press("ArrowDown")
    here.wait(position=1)
    here.press("F2")
    expect(here.box).to_be_focused()
    here.press("Escape", "Enter")
    here.wait(position=2, unsaved=0)
    expect(here.page.get_by_role("dialog")).to_be_hidden()
    assert [one["action"] for one in here.sent("decide")] == ["accept"]
    expect(here.page.get_by_role("button", name="Reject")).not_to_have_attribute("aria-keyshortcuts", re.compile("."))


def test_a_key_can_be_bound_to_something_else_and_stays_so(here: Desk) -> None:
    def bind() -> None:
        change = here.page.get_by_role("button", name="Change the key of: Reject and go on")
        change.press("Enter")
        here.press("j")
        expect(here.page.get_by_text("J is the key of “Next clip” already")).to_be_visible()
        here.press("z")
        expect(here.page.get_by_text("Z is the key of “Reject and go on” now.")).to_be_visible()

    settings(here, bind)
    here.reload()
    here.press("x")
    here.press("z")
    here.wait(position=1, unsaved=0)
    assert [one["action"] for one in here.sent("decide")] == ["reject"]
    expect(here.page.get_by_role("button", name="Reject")).to_have_attribute("aria-keyshortcuts", "Z")


def test_the_preset_of_aegisub_has_its_keys(here: Desk) -> None:
    settings(here, lambda: here.page.get_by_label("Preset").select_option("aegisub"))
    here.press("x")
    here.wait(position=1)
    here.press("z")
    here.wait(position=0)
    here.press("g")
    here.wait(position=1, unsaved=0)
    here.wait_held()
    row = here.rows()[1]
    here.press("e")  # as Aegisub has it: the first half second
    here.wait(span=f"{row['start']:.3f} {row['start'] + 0.5:.3f}")
    assert [one["action"] for one in here.sent("decide")] == ["accept"]


def test_help_lists_exactly_what_is_bound(here: Desk) -> None:
    bound = table()
    here.press("?")
    rows = here.page.get_by_role("dialog", name="Keys").locator("tbody tr")
    listed = {
        row.locator("th").inner_text(): (row.locator("td").nth(0).locator("kbd").all_inner_texts())
        for row in rows.all()
    }
    assert listed == bound
    assert rows.count() == len(bound) > 30


def settings(here: Desk, change: Callable[[], object]) -> None:
    """Change something in the settings, and leave them."""
    here.press(",")
    expect(here.page.get_by_role("dialog", name="Settings")).to_be_visible()
    change()
    here.press("Escape")
    expect(here.page.get_by_role("dialog")).to_be_hidden()


def press(session: CDPSession, key: str, code: str, number: int, modifiers: int = 0) -> None:
    """Press a key as the browser gets it from the system; `number` is its keyCode."""
    common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **common})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **common})


def table() -> dict[str, list[str]]:
    """Read the table of keys out of the sources: what each does, in English, and its combinations as they are shown."""
    messages = dict(
        re.findall(r'"(key\.\w+)": "([^"]+)"', (SOURCES / "messages-core.ts").read_text("utf-8").split("ja:")[0])
    )
    found = re.findall(r'\{ id: "[\w-]+",.*?keys: \[([^]]*)\].*?label: "(key\.\w+)" \}', _brackets_apart())
    return {messages[label]: [_as_shown(key) for key in re.findall(r'"([^"]+)"', keys)] for keys, label in found}


def _brackets_apart() -> str:
    """Give the sources with the keys [ and ] named otherwise, so that a list ends where its bracket is."""
    text = (SOURCES / "keys.ts").read_text("utf-8")
    return text.replace('["["]', '["OPEN"]').replace('["]"]', '["CLOSE"]')


def _as_shown(combination: str) -> str:
    if len(combination) == 1:
        return combination
    parts = [SHOWN.get(part, part.removeprefix("Key")) for part in combination.split("+")]
    return {"OPEN": "[", "CLOSE": "]"}.get(combination, " + ".join(parts))
