"""Edges, splits and merges on the page: inside the recording, never over a neighbour, and never in the audio."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.desks import Desk, log, reviewing
from tests.support.places import CORPUS
from tests.support.reviewing import said

pytestmark = pytest.mark.browser

LONG = "sort=id&path=長い録音/*"
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def audio_stays_as_it_is() -> Iterator[None]:
    """Hold that no test changes a byte of what was recorded."""
    before = _digests()
    yield
    assert _digests() == before


@pytest.fixture
def here(chromium: Browser, run: Path) -> Iterator[Desk]:
    """The page, at the long recording's segments."""
    with reviewing(chromium, run, query=LONG) as desk:
        yield desk


def test_keys_trim_by_ten_milliseconds_and_leave_the_other_edge_alone(here: Desk, run: Path) -> None:
    was = here.rows()[1]
    assert (was["start"], was["end"]) == (5.56, 9.448), "an end that is no whole step of 10 ms"
    here.go(1)
    wait_neighbours(here)
    trimmed = decided(here, lambda: here.press("]", "]", "]", "["))
    assert trimmed == {"start": 5.58, "end": 9.448}
    trimmed = decided(here, lambda: here.press("}"))
    assert trimmed == {"start": 5.58, "end": 9.46}
    assert [line["action"] for line in log(run)] == ["trim", "trim"]
    assert (here.state("position"), here.state("count")) == ("1", "30")
    here.press("r")
    here.wait(span="5.580 9.460")
    here.press("Control+z", "Control+z")
    here.wait_saved()
    assert times(here, 1) == (5.56, 9.448)


def test_edges_that_come_back_to_where_they_were_decide_nothing(here: Desk) -> None:
    here.go(1)
    wait_neighbours(here)
    here.press("]")
    shown = here.page.get_by_role("group", name="Start", exact=True).get_by_role("status")
    expect(shown).to_have_text("0:05.57")
    here.press("[")
    expect(shown).to_have_text("0:05.56")
    here.press("Enter")
    here.wait(position=2, unsaved=0)
    assert [one["action"] for one in here.sent("decide")] == ["accept"]


def test_who_goes_on_before_an_edge_has_come_to_rest_has_trimmed_all_the_same(here: Desk) -> None:
    here.go(1)
    wait_neighbours(here)
    here.press("]", "Enter")
    here.wait(position=2, unsaved=0)
    assert [one["action"] for one in here.sent("decide")] == ["trim", "accept"]
    assert times(here, 1) == (5.57, 9.448)
    assert here.rows()[1]["status"] == "accepted"
    assert here.rows()[2]["status"] == "open"


def test_no_edge_goes_over_a_neighbour_or_the_recordings_end(here: Desk) -> None:
    rows = here.rows()
    before, row, after = rows[17:20]
    here.go(18)
    wait_neighbours(here)
    gap = round(100 * (row["start"] - before["end"]))
    assert decided(here, lambda: here.press(*["["] * (gap + 5)))["start"] == before["end"]
    gap = round(100 * (after["start"] - row["end"]))
    assert gap > 50
    assert decided(here, lambda: here.press(*["}"] * 20))["start"] == before["end"]
    # past its own start it stays a hundredth of a second long
    start = times(here, 18)[0]
    length = round(100 * (times(here, 18)[1] - start))
    assert decided(here, lambda: here.press(*["{"] * (length + 5)))["end"] == pytest.approx(start + 0.01, abs=0.0051)
    here.open("sort=id&path=その他/001*")
    end = times(here, 0)[1]
    here.press("}", "[")
    here.press("{")
    assert decided(here, lambda: here.press("{")) == {"start": 0, "end": pytest.approx(end - 0.02, abs=0.0051)}


def test_an_edge_is_dragged_and_the_other_stays_exact(here: Desk) -> None:
    was = here.rows()[2]
    here.go(2)
    wait_neighbours(here)
    assert (was["start"], was["end"]) == (14.456, 18.536)
    end = decided(here, lambda: drag(here, "right", -30))
    assert end["start"] == 14.456
    assert 17.5 < end["end"] < 18.5
    assert end["end"] == round(end["end"], 2), "whole steps of 10 ms"
    start = decided(here, lambda: drag(here, "left", 40))
    assert start["end"] == end["end"]
    assert 14.5 < start["start"] < 15.5
    here.press("Control+z", "Control+z")
    here.wait_saved()
    assert times(here, 2) == (14.456, 18.536)


def test_dragging_stops_at_the_neighbour(here: Desk) -> None:
    before = here.rows()[17]
    here.go(18)
    wait_neighbours(here)
    assert decided(here, lambda: drag(here, "left", -400))["start"] == before["end"]


def test_a_split_at_the_caret_and_the_playhead_makes_two(here: Desk, run: Path) -> None:
    was = here.rows()[1]
    text = was["text"]
    assert text == "ご、ごめんなさい!店長が病院で待ってしまった…"
    here.go(1)
    here.wait_held()
    here.wait(playing=False)
    wave = here.page.get_by_role("region", name="Waveform").locator(".wave")
    box = wave.bounding_box()
    assert box is not None
    # the clip reaches from a second before the segment to a second behind it
    wave.click(position={"x": box["width"] / 2, "y": 10})
    middle = (was["start"] + was["end"]) / 2
    caret_at(here, text.index("店長"))
    here.press("Alt+Enter")
    here.wait(count=31, unsaved=0)
    (sent,) = here.sent("decide")
    assert sent["value"]["texts"] == ["ご、ごめんなさい!", "店長が病院で待ってしまった…"]
    at = sent["value"]["at"]
    assert at == pytest.approx(middle, abs=0.1)
    first, second = here.rows()[1:3]
    assert (first["start"], first["end"], first["text"]) == (was["start"], at, "ご、ごめんなさい!")
    assert (second["start"], second["end"], second["text"]) == (at, was["end"], "店長が病院で待ってしまった…")
    here.wait_detail()
    expect(here.box).to_have_value("ご、ごめんなさい!")
    expect(here.page.get_by_role("list", name="Decisions")).to_contain_text(
        "ご、ごめんなさい! | 店長が病院で待ってしまった…"
    )

    # the second part can be decided on, and the first be merged with it again
    here.press("j")
    here.wait(position=2)
    here.press("Enter")
    here.wait_saved()
    assert [verdict for *_, verdict in said(run)].count("accepted") == 1
    here.press("Control+z")
    here.wait(position=2, unsaved=0)
    here.press("Control+z")
    here.wait(position=1, count=30, unsaved=0)
    assert here.rows()[1] == was
    expect(here.box).to_have_value(text)


def test_a_split_is_made_between_the_words_where_their_times_are_known(chromium: Browser, words_run: Path) -> None:
    with reviewing(chromium, words_run, query=LONG) as here:
        here.go(1)
        row = here.rows()[1]
        words = here.api(f"row/{row['row']}")["words"]
        at = next(index for index, word in enumerate(words) if index > 2 and len(word["text"].strip()) > 0)
        lead = "".join(word["text"] for word in words[:at])
        assert row["text"].startswith(lead)
        caret_at(here, len(lead))
        here.press("Alt+Enter")
        here.wait(count=31, unsaved=0)
        assert here.sent("decide")[0]["value"]["at"] == pytest.approx(words[at]["start"], abs=0.0051)
        here.wait_detail()
        assert [word["text"] for word in here.api(f"row/{row['row']}")["words"]] == [w["text"] for w in words[:at]]


def test_a_split_where_there_is_no_text_on_one_side_is_none(here: Desk) -> None:
    caret_at(here, 0)
    here.press("Alt+Enter")
    expect(here.page.get_by_text("Put the caret where the text is to be split")).to_be_visible()
    assert here.asked("decide") == []
    assert here.state("count") == "30"


def test_merging_takes_the_next_of_the_recording(here: Desk, run: Path) -> None:
    first, second = here.rows()[:2]
    here.press("m")
    here.wait(count=29, unsaved=0)
    merged = here.rows()[0]
    assert (merged["start"], merged["end"]) == (first["start"], second["end"])
    assert merged["text"] == first["text"] + second["text"]
    expect(here.page.get_by_role("list", name="Decisions")).to_contain_text(merged["text"])
    here.press("Control+z")
    here.wait(count=30, position=0, unsaved=0)
    assert here.rows()[:2] == [first, second]
    here.press("End")
    here.wait(position=29)
    here.wait_detail()
    here.press("m")
    expect(here.page.get_by_text("This is the last segment of the recording.")).to_be_visible()
    assert [line["action"] for line in log(run)] == ["merge", "undo"]
    here.pass_over(409)


def decided(here: Desk, act: Callable[[], object]) -> Row:
    """Do something that decides once it rests; gives the value that was sent and confirmed."""
    with here.page.expect_response("**/api/decide") as answer:
        act()
    assert answer.value.ok, answer.value.text()
    here.wait_saved()
    value = here.sent("decide")[-1]["value"]
    row = here.api(f"row/{here.state('row')}")
    assert (row["start"], row["end"]) == (value["start"], value["end"])
    return dict(value)


def wait_neighbours(here: Desk) -> None:
    """Wait until the wave shows the segment, and it is known how far its edges may go."""
    here.page.locator(f'awct2-wave[data-neighbours="{here.state("row")}"]').wait_for(state="attached")


def drag(here: Desk, edge: str, by_px: int) -> None:
    """Drag an edge of the segment with the mouse."""
    box = here.page.locator(f'[part~="segment"] [part~="region-handle-{edge}"]').bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    here.page.mouse.move(x, y)
    here.page.mouse.down()
    for step in range(1, 6):
        here.page.mouse.move(x + by_px * step / 5, y)
    here.page.mouse.up()


def caret_at(here: Desk, index: int) -> None:
    """Put the caret before a character of the text, with keys."""
    here.press("e", "Control+Home", *["ArrowRight"] * index)


def times(here: Desk, position: int) -> tuple[float, float]:
    """Give a segment's edges as the server has them."""
    row = here.rows()[position]
    return row["start"], row["end"]


def _digests() -> dict[Path, str]:
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(CORPUS.rglob("*")) if file.is_file()}
