"""How far a run has come is told in audio, and how long it will take is not told before that can be known."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.cli.pacing import Pacing, View, clock
from anime_whisper_ct2.output.metrics import Counts, Meter, Totals
from anime_whisper_ct2.records import Headway


def underway(done_s: float, kept_s: float = 0.0, length_s: float | None = 2400.0, key: int = 0) -> Headway:
    return Headway(key, f"{key}.ogg", done_s + 60.0, done_s, kept_s, length_s)


class Watched:
    """A run at a steady speed, looked at by a clock that is set by hand."""

    def __init__(self, totals: Totals) -> None:
        self.totals = totals
        self._now_s = 0.0
        self._pacing = Pacing(lambda: self._now_s)
        self._view: View | None = None

    def at(self, seconds: float, *headways: Headway, **figures: object) -> View:
        """Look at it so many seconds from its start."""
        self._now_s = seconds
        self.totals.underway = {one.key: one for one in headways}
        for name, value in figures.items():
            setattr(self.totals, name, value)
        return self._pacing(self.totals)


def test_a_clock_goes_while_the_corpus_is_listed_and_the_model_loads() -> None:
    run = Watched(Totals())
    assert run.at(5).line == "looking for recordings, 5.0 s gone"
    assert run.at(90, stage="loading").line == "loading the model, 1 min 30 s gone"
    assert run.at(90).short == "loading the model, 1:30 gone"


def test_a_long_recording_is_told_of_in_seconds_of_it() -> None:
    run = Watched(Totals(stage="working", expected=1))
    run.at(5, underway(0))
    run.at(10, underway(30))
    view = run.at(70, underway(210))
    assert view.line == (
        "0 of 1 recording, 4 min 30 s decoded, 3 min 30 s of 40 min 00 s of audio transcribed, "
        "3.0 times real time, 1 min 10 s gone, about 12 min 10 s left"
    )
    assert view.short == ("3:30/40:00 of audio, 3.0x, 1:10 gone, about 12:10 left, 0 of 1 recording, 4:30 decoded")


@pytest.mark.parametrize("speed", [0.5, 4.0, 60.0])
@pytest.mark.parametrize("silent_s", [5.0, 45.0])
def test_after_a_minute_what_is_left_is_not_off_by_more_than_two(speed: float, silent_s: float) -> None:
    """Also where the first half was kept, and is decoded once more before anything new comes."""
    run = Watched(Totals(stage="working", expected=1))
    length_s = 36_000.0
    run.at(1.0)
    run.at(silent_s / 2, underway(length_s / 4, length_s / 4, length_s))
    for second in range(round(silent_s), round(silent_s) + 61):
        own_s = speed * (second - silent_s)
        view = run.at(second, underway(length_s / 2 + own_s, length_s / 2, length_s))
    left_s = (length_s / 2 - own_s) / speed
    assert view.left_s is not None
    assert left_s / 2 < view.left_s < left_s * 2


@pytest.mark.parametrize("kept_s", [0.0, 120.0])
def test_a_long_recording_that_fails_takes_nothing_from_the_speed(kept_s: float) -> None:
    totals = Totals(stage="working", expected=2)
    run, meter = Watched(totals), Meter(totals)
    run.at(0)
    run.at(10, underway(kept_s + 30, kept_s), underway(0, key=1))
    before = run.at(70, underway(kept_s + 210, kept_s), underway(0, key=1))
    meter.count(Counts(failed=1), 0)
    after = run.at(70, underway(0, key=1))
    assert before.speed == after.speed == 3.0
    assert after.left_s == pytest.approx(2400 / 3.0)
    later = run.at(130, underway(180, key=1))
    assert (later.speed, later.left_s) == (3.0, pytest.approx(2220 / 3.0))


def test_a_speed_is_never_negative() -> None:
    """Where what was kept comes home late, its share of what is done grows."""
    run = Watched(Totals(stage="working", expected=1))
    run.at(10, underway(300, 100))
    assert ", -" not in run.at(70, underway(300, 150)).line


def test_recordings_that_nobody_has_opened_yet_are_taken_for_as_long_as_the_others() -> None:
    run = Watched(Totals(stage="working", expected=10, done=2, audio_seconds=200.0, resumed=1, failed_now=1))
    run.at(0)
    view = run.at(50, underway(300.0, length_s=1000.0), done=3, audio_seconds=300.0)
    # Three of 100 s and one of 1,000 s are known, four are not.
    assert view.expected_s == pytest.approx(300 + 1000 + 4 * 1300 / 4)
    assert view.left_s == pytest.approx((700 + 1300) / ((600 - 200) / 50))
    assert "of about 43 min 20 s" in view.line


@pytest.mark.parametrize(
    "totals",
    [
        Totals(stage="working"),  # how many there are is not known
        Totals(stage="working", expected=5),  # nor how long any of them is
        Totals(stage="stopping", expected=1, done=1, audio_seconds=9.0),
    ],
)
def test_nothing_is_said_of_the_end_where_nothing_is_known(totals: Totals) -> None:
    run = Watched(totals)
    run.at(0)
    assert "left" not in run.at(60).line


def test_times_are_written_as_on_a_clock() -> None:
    assert [clock(seconds) for seconds in (0.9, 47, 750, 18_360)] == ["0:00", "0:47", "12:30", "5:06:00"]
