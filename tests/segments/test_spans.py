"""Pieces say where they were cut from, and cover what they should, however the blocks fall."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.options import SegmentMode, SegmentOptions
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.spans import Counted, fixed, is_silent, segmented, utterances
from anime_whisper_ct2.segments.vad import Vad
from anime_whisper_ct2.segments.vad.fake import LoudnessVad

RATE = 16_000


@pytest.mark.parametrize("blocks", [[10], [3, 3, 4], [1] * 10, [7, 3], [25, 1, 4], [10, 10]])
@pytest.mark.parametrize("size", [1, 3, 10, 50])
def test_pieces_join_to_the_recording(blocks: list[int], size: int) -> None:
    whole = np.arange(sum(blocks), dtype=np.float32)
    pieces = list(fixed(np.split(whole, np.cumsum(blocks)[:-1]), size))
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), whole)
    assert [piece.start for piece in pieces] == list(range(0, len(whole), size))
    assert all(len(piece.samples) == size for piece in pieces[:-1])


def test_no_samples_no_piece() -> None:
    assert list(fixed([np.zeros(0, np.float32)])) == []


def test_times_are_in_seconds() -> None:
    second = list(fixed([np.ones(480_000 + 8_000, np.float32)]))[1]
    assert (second.start_s, second.end_s) == (30.0, 30.5)


@pytest.mark.parametrize(("peak", "silent"), [(0.0, True), (1e-5, True), (2.0**-15, False), (-0.1, False)])
def test_silence_is_what_16_bits_cannot_hold(peak: float, silent: bool) -> None:
    samples = np.zeros(100, np.float32)
    samples[3] = peak
    assert is_silent(samples) is silent


def loud(*parts: tuple[bool, float]) -> Float32:
    """A recording of (is loud, seconds)."""
    return np.concatenate([np.full(round(seconds * RATE), 0.9 * is_loud, np.float32) for is_loud, seconds in parts])


def blocks_of(samples: Float32, seconds: float) -> Iterator[Float32]:
    size = max(1, round(seconds * RATE))
    return (samples[at : at + size] for at in range(0, len(samples), size))


def never() -> Vad:
    raise AssertionError("no VAD is needed here")


@pytest.mark.parametrize("seconds", [1 / RATE, 5.0, 30.0])
@pytest.mark.parametrize("block_s", [0.7, 60.0])
def test_auto_keeps_a_recording_of_up_to_30_s_whole_without_a_vad(seconds: float, block_s: float) -> None:
    samples = np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32)
    (piece,) = segmented(blocks_of(samples, block_s), SegmentOptions(max_segment_s=5), never)
    assert piece.start == 0
    np.testing.assert_array_equal(piece.samples, samples)


def test_auto_cuts_a_longer_recording_into_utterances() -> None:
    samples = np.append(loud((False, 10), (True, 10), (False, 5), (True, 3), (False, 2)), np.float32(0))
    pieces = list(segmented(blocks_of(samples, 7), SegmentOptions(), LoudnessVad))
    assert [(round(piece.start_s, 1), round(piece.end_s, 1)) for piece in pieces] == [(9.8, 20.2), (24.8, 28.2)]


@pytest.mark.parametrize("mode", ["vad", "pack"])
def test_vad_and_pack_cut_recordings_of_any_length(mode: SegmentMode) -> None:
    samples = loud((False, 2), (True, 2), (False, 2), (True, 2), (False, 2))
    pieces = list(segmented(blocks_of(samples, 60), SegmentOptions(mode=mode), LoudnessVad))
    assert len(pieces) == (2 if mode == "vad" else 1)


def test_off_cuts_every_30_s_without_a_vad() -> None:
    samples = loud((True, 70))
    pieces = list(segmented(blocks_of(samples, 60), SegmentOptions(mode="off"), never))
    assert [len(piece.samples) / RATE for piece in pieces] == [30, 30, 10]


@pytest.mark.parametrize("mode", ["auto", "off", "vad", "pack"])
def test_no_samples_no_piece_in_any_mode(mode: SegmentMode) -> None:
    assert list(segmented([], SegmentOptions(mode=mode), LoudnessVad)) == []


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 12)), min_size=1, max_size=8),
    st.lists(st.floats(0, 1), max_size=8),
    st.sampled_from(["vad", "pack", "auto"]),
)
def test_pieces_are_cut_from_where_they_say_however_the_blocks_fall(
    parts: list[tuple[bool, float]], cuts: list[float], mode: SegmentMode
) -> None:
    samples = loud(*parts)
    samples += np.random.default_rng(0).uniform(0, 0.05, len(samples)).astype(np.float32)
    options = SegmentOptions(mode=mode, max_segment_s=4)
    whole = list(segmented([samples], options, LoudnessVad))
    split = np.split(samples, sorted(round(cut * len(samples)) for cut in cuts))
    again = list(segmented(split, options, LoudnessVad))
    assert [piece.start for piece in again] == [piece.start for piece in whole]
    for piece in again:
        np.testing.assert_array_equal(piece.samples, samples[piece.start : piece.start + len(piece.samples)])
    assert [len(piece.samples) for piece in again] == [len(piece.samples) for piece in whole]


def test_a_vad_that_heard_another_recording_begins_anew() -> None:
    vad = LoudnessVad()
    samples = loud((True, 31))
    expected = [piece.start for piece in segmented([samples], SegmentOptions(), LoudnessVad)]
    vad(np.ones(100, np.float32))
    assert [piece.start for piece in segmented([samples], SegmentOptions(), lambda: vad)] == expected


@pytest.mark.parametrize("level", [0.0, 0.9])
@pytest.mark.parametrize("mode", ["vad", "pack"])
def test_memory_does_not_grow_with_the_recording(level: float, mode: SegmentMode) -> None:
    blocks = (np.full(60 * RATE, level, np.float32) for _ in range(60))  # an hour: 230 MB
    tracemalloc.start()
    try:
        seconds = sum(len(piece.samples) for piece in utterances(blocks, LoudnessVad(), SegmentOptions(mode=mode)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds == (3600 * RATE if level else 0)
    assert peak < 30e6


def test_a_recording_that_ends_in_silence_is_longer_than_its_last_piece() -> None:
    counted = Counted(blocks_of(loud((False, 20), (True, 5), (False, 15)), 6))
    (piece,) = segmented(counted, SegmentOptions(), LoudnessVad)
    assert piece.end_s < 26
    assert counted.duration_s == 40.0
