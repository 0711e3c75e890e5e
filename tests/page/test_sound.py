"""Sound on the page: it begins from what the page holds already, keeps its pitch, and is not fetched for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Request, Route, expect

from tests.support.desks import Desk, log, reviewing

pytestmark = pytest.mark.browser

# What was played, and how many sounds lie in the page: blobs that were made and not freed.
NOTE_SOUNDS = """
window.played = [];
window.sounds = new Set();
window.blobs = { now: 0, most: 0 };
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  window.sounds.add(this);
  const at_s = this.currentTime;
  const note = () => {
    const { playbackRate: rate, defaultPlaybackRate, preservesPitch: pitch } = this;
    window.played.push({ rate, default: defaultPlaybackRate, pitch, at_s });
    document.documentElement.dataset.played = window.played.length; // for who waits for it
  };
  this.addEventListener("playing", note, { once: true });
  return play.call(this);
};
const [make, free] = [URL.createObjectURL, URL.revokeObjectURL];
URL.createObjectURL = (blob) => {
  window.blobs.now += 1;
  window.blobs.most = Math.max(window.blobs.most, window.blobs.now);
  return make.call(URL, blob);
};
URL.revokeObjectURL = (url) => { window.blobs.now -= 1; free.call(URL, url); };
"""


@pytest.fixture
def here(chromium: Browser, run: Path) -> Iterator[Desk]:
    """The page with the whole sample in the order of names, before anything was played."""
    with reviewing(chromium, run, query="sort=id", script=NOTE_SOUNDS) as desk:
        yield desk


def clips_asked(here: Desk) -> list[int]:
    """Give the rows whose sound was asked for, in order."""
    return [int(one.url.split("/clip/")[1].split("?")[0]) for one in here.asked("clip/")]


def played(here: Desk) -> list[dict[str, Any]]:
    """Give what was played so far."""
    return list(here.page.evaluate("window.played"))


def test_held_clips_begin_without_asking_the_server(here: Desk) -> None:
    here.wait_held(5)
    here.requests.clear()
    held = here.hold("**/api/clip/**")
    for position in range(1, 6):
        here.press("j")
        here.wait(position=position, playing=True)
    assert {6, 7, 8, 9} <= set(clips_asked(here)), "those after them are fetched meanwhile"
    assert not {1, 2, 3, 4, 5} & set(clips_asked(here))
    assert len(played(here)) == 5
    held.release()
    here.wait_held()


def test_a_slow_network_is_not_heard_once_clips_are_held(here: Desk) -> None:
    network = here.page.context.new_cdp_session(here.page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 200, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    here.wait_held(5)
    for position in range(1, 8):
        before = len(clips_asked(here))
        here.press("j")
        here.wait(position=position, playing=True)
        assert position not in clips_asked(here)[before:]
        here.wait_held()
    assert len(clips_asked(here)) == len(set(clips_asked(here))) == 13, "each clip is asked for once"


def test_no_more_than_eight_clips_are_held(here: Desk) -> None:
    here.wait_held(5)
    for position in range(1, 30):
        here.press("j" if position % 2 else "Enter")
        here.wait(position=position)
        assert int(here.state("held")) <= 8
    here.press("End")
    here.wait(position=69, prefetched=1, held=2)
    here.press("Home")
    here.wait(position=0)
    here.wait_held(5)
    assert here.page.evaluate("window.blobs.most") <= 8
    assert here.page.evaluate("window.blobs.now") == 6


def test_another_queue_gives_up_what_is_on_its_way(here: Desk) -> None:
    here.wait_held(5)
    ended: list[Request] = []
    here.page.on("requestfailed", lambda one: ended.append(one))  # noqa: PLW0108 - Playwright marks it
    kept: list[Route] = []
    here.page.route("**/api/clip/**", lambda route: kept.append(route))  # noqa: PLW0108 - Playwright marks it
    here.press("End")
    here.wait(position=69, held=2)
    with here.page.expect_event("requestfailed", lambda _: len(ended) > 1):
        here.page.get_by_role("combobox", name="Speaker", exact=True).select_option("先生")
    here.wait(count=5)
    assert sorted(one.url for one in ended) == sorted(route.request.url for route in kept[:2])
    assert {one.failure for one in ended} == {"net::ERR_ABORTED"}


def test_the_speed_stays_from_clip_to_clip_and_keeps_the_pitch(here: Desk, run: Path) -> None:
    here.wait_held(5)
    here.press("=", "=", "=", "=", "=")
    here.wait(rate=1.5)
    for position in range(1, 9):
        here.press("j")
        here.wait(position=position, playing=True)
    assert [(one["rate"], one["default"], one["pitch"]) for one in played(here)] == [(1.5, 1.5, True)] * 8
    for _ in range(15):
        here.press("=")
    here.wait(rate=2.5)
    for _ in range(25):
        here.press("-")
    here.wait(rate=0.5)
    here.reload()
    here.wait(rate=0.5)
    here.press("r")
    here.wait(playing=True)
    assert played(here)[-1]["rate"] == 0.5
    here.press("Enter")
    here.wait_saved()
    assert [line["rate"] for line in log(run)] == [0.5]


def test_a_clip_is_played_from_its_start_to_its_end_and_counts_as_heard(chromium: Browser, run: Path) -> None:
    where = "sort=id&path=長い録音/*"
    with reviewing(chromium, run, query=where, script=NOTE_SOUNDS) as here:
        row = here.rows()[1]
        here.wait_held(5)
        here.press("j")
        here.wait(position=1, playing=True)
        here.wait(playing=False)
        (sound,) = played(here)
        # there is a second of sound before and behind the segment
        assert sound["at_s"] == pytest.approx(1, abs=0.01)
        stopped = here.page.evaluate("[...window.sounds].map((sound) => [sound.currentTime, sound.duration])")
        ((at_s, lasting_s),) = stopped
        assert lasting_s == pytest.approx(row["end"] - row["start"] + 2, abs=0.01)
        assert lasting_s - 1.05 < at_s < lasting_s - 0.1
        here.press("Enter")
        here.wait(position=2)
        here.press("x")
        here.wait_saved()
        heard = [line["heard"] for line in log(run)]
        assert heard[0] > 0.9
        assert heard[1] < 0.9


def test_a_clip_without_sound_says_so_and_the_next_one_plays(here: Desk) -> None:
    problem = {"error": "its sound cannot be decoded", "code": "no_sound"}

    def refuse(route: Route) -> None:
        route.fulfill(status=422, content_type="application/json", body=json.dumps(problem))

    here.page.route("**/api/clip/12?*", refuse)
    here.go(11)
    here.press("j")
    here.wait(position=12)
    expect(here.current).to_contain_text("No sound: its sound cannot be decoded")
    here.press("Enter")
    here.wait(position=13, playing=True)
    here.wait_saved()
    assert len(here.sent("decide")) == 1
    assert all("422" in said for said in here.watched.errors)
    here.watched.errors.clear()


def test_an_example_that_is_played_in_a_dialog_ends_with_it(here: Desk) -> None:
    here.press("b")
    here.page.get_by_role("dialog").get_by_role("button", name="Play ").first.press("Enter")
    here.page.locator("html[data-played='1']").wait_for(state="attached")
    here.press("Escape")
    expect(here.page.get_by_role("dialog")).to_be_hidden()
    assert here.page.evaluate("[...window.sounds].every((sound) => sound.paused)")
