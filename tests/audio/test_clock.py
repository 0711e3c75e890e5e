"""What is decoded is put where a player plays it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.audio.clock import Clock

FRAME_S = 0.02


def played(clock: Clock, stamps: Iterable[float | None], length_s: float = FRAME_S) -> list[float]:
    """Give where each frame is played."""
    places = []
    for stamp in stamps:
        clock.gap_s(stamp)
        places.append(clock.position_s)
        clock.advance(length_s)
    return places


def steady(count: int, start_s: float = 0.0) -> list[float]:
    return [start_s + number * FRAME_S for number in range(count)]


@given(st.lists(st.floats(-0.0095, 0.0095), min_size=2, max_size=60))
def test_stamps_that_tremble_tear_nothing(trembling: list[float]) -> None:
    clock = Clock(zero_s=0.0)
    stamps = [max(0.0, place + off) for place, off in zip(steady(len(trembling)), trembling, strict=True)]
    assert played(clock, stamps) == pytest.approx(steady(len(trembling)), abs=0.0096)
    assert not clock.turned


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(0.016, 100.0)), min_size=1, max_size=8),
    st.floats(0.0, 1000.0),
)
def test_behind_every_gap_each_frame_is_where_its_stamp_says(gaps: list[tuple[int, float]], zero_s: float) -> None:
    stamps, at = [], zero_s
    for frames, gap_s in gaps:
        stamps += steady(frames, at)
        at += frames * FRAME_S + gap_s
    places = played(Clock(zero_s), stamps)
    assert places == pytest.approx([stamp - zero_s for stamp in stamps], abs=1e-6)


def test_sound_that_begins_after_the_picture_keeps_its_place() -> None:
    assert played(Clock(zero_s=1.4), steady(3, 1.9)) == pytest.approx(steady(3, 0.5))


def test_without_a_picture_the_first_stamp_is_time_zero() -> None:
    assert played(Clock(), steady(3, 1.9)) == pytest.approx(steady(3))


def test_what_a_decoder_swallows_at_the_beginning_moves_nothing() -> None:
    clock = Clock(zero_s=0.0, lead_s=0.05)
    assert played(clock, steady(3, 0.03)) == pytest.approx(steady(3))


def test_stamps_that_begin_anew_go_on_where_they_are() -> None:
    clock = Clock(zero_s=0.0)
    assert played(clock, [*steady(100), *steady(50), *steady(10, 1.5)]) == pytest.approx(
        [*steady(150), *steady(10, 3.5)]
    )
    assert clock.turned


@pytest.mark.parametrize("limits", [{"longest_s": 10.0}, {"until_s": 12.0}])
def test_a_jump_that_cannot_be_believed_is_no_silence(limits: dict[str, float]) -> None:
    clock = Clock(zero_s=0.0, **limits)
    assert played(clock, [*steady(5), *steady(5, 26.5 * 3600)]) == pytest.approx(steady(10))


def test_frames_without_a_stamp_follow_the_one_before() -> None:
    assert played(Clock(zero_s=0.0), [0.0, None, None, 0.06, 0.5, None]) == pytest.approx(
        [0.0, 0.02, 0.04, 0.06, 0.5, 0.52]
    )


def test_a_clock_goes_on_where_another_one_was() -> None:
    stamps = [*steady(50, 3.0), *steady(50, 7.0)]
    places = played(Clock(zero_s=2.5), stamps)
    clock = Clock(zero_s=2.5)
    clock.resume(places[70], 2.5)
    assert played(clock, stamps[70:]) == pytest.approx(places[70:])


def test_an_unsteady_hand_is_given_silence_once() -> None:
    swings = np.random.default_rng(0).uniform(-0.08, 0.08, 2_000)
    stamps = [max(0.0, place + swing) for place, swing in zip(steady(2_000), swings, strict=True)]
    clock = Clock(zero_s=0.0)
    assert played(clock, stamps)[-1] == pytest.approx(steady(2_000)[-1], abs=0.17)
    assert not clock.turned
