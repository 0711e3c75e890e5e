"""Probabilities become spans that hold all speech, never more than the limit, and the same however they arrive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.options import SegmentMode, SegmentOptions
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.speech import FRAME_SAMPLES, Span, SpeechSpans

RATE = 16_000
Runs: TypeAlias = Sequence[tuple[float, int]]


def frames_of(runs: Runs) -> Float32:
    """Probabilities from (probability, frames)."""
    return np.repeat([p for p, _ in runs], [n for _, n in runs]).astype(np.float32)


def spans_of(
    probabilities: Float32, options: SegmentOptions, samples: int | None = None, cuts: Sequence[int] = ()
) -> list[Span]:
    """All spans of a recording whose frames arrive cut at `cuts`."""
    speech = SpeechSpans(options)
    found = [span for part in np.split(probabilities, sorted(cuts)) for span in speech.feed(part)]
    return found + speech.finish(len(probabilities) * FRAME_SAMPLES if samples is None else samples)


def in_frames(spans: Sequence[Span]) -> list[tuple[float, float]]:
    return [(span.start / FRAME_SAMPLES, span.end / FRAME_SAMPLES) for span in spans]


def bare(*, mode: SegmentMode = "vad", longest: float = 15.0, silence: float = 0.5) -> SegmentOptions:
    """Options without padding: spans then end where speech does."""
    return SegmentOptions(mode=mode, max_segment_s=longest, min_silence_s=silence, speech_pad_s=0.0)


any_options = st.builds(
    SegmentOptions,
    mode=st.sampled_from(["vad", "pack"]),
    max_segment_s=st.floats(1, 30) | st.sampled_from([1.0, 2.0, 15.0, 30.0]),
    vad_threshold=st.floats(0.01, 0.99) | st.just(0.5),
    min_silence_s=st.floats(0.05, 10) | st.floats(0.05, 1),
    speech_pad_s=st.floats(0, 5) | st.floats(0, 0.5),
)
run_of_frames = st.tuples(st.floats(0, 1, width=32), st.integers(1, 60) | st.integers(1, 1200))
any_frames = st.lists(run_of_frames, max_size=40).map(frames_of)


@settings(max_examples=300)
@given(any_frames, any_options, st.integers(0, FRAME_SAMPLES - 1), st.data())
def test_spans_hold_all_speech_in_order_within_the_recording_and_the_limit(
    probabilities: Float32, options: SegmentOptions, missing: int, data: st.DataObject
) -> None:
    samples = max(0, len(probabilities) * FRAME_SAMPLES - missing)
    spans = spans_of(probabilities, options, samples)
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert all(0 <= span.start < span.end <= samples for span in spans)
    assert all(span.end - span.start <= round(options.max_segment_s * RATE) for span in spans)
    covered = np.zeros(samples, bool)
    for span in spans:
        covered[span.start : span.end] = True
    for frame in np.flatnonzero(probabilities.astype(float) >= options.vad_threshold):
        assert covered[frame * FRAME_SAMPLES : (frame + 1) * FRAME_SAMPLES].all()
    cuts = data.draw(st.lists(st.integers(0, len(probabilities)), max_size=8))
    assert spans_of(probabilities, options, samples, cuts) == spans


@settings(max_examples=100)
@given(any_frames, any_options)
def test_what_is_needed_is_never_given_up_and_stays_bounded(probabilities: Float32, options: SegmentOptions) -> None:
    speech, needed = SpeechSpans(options), 0
    most_s = options.max_segment_s + options.min_silence_s + 3 * options.speech_pad_s + 2.0
    for at, one in enumerate(np.split(probabilities, len(probabilities)) if len(probabilities) else [], 1):
        assert all(span.start >= needed for span in speech.feed(one))
        assert speech.needed >= needed
        needed = speech.needed
        assert at * FRAME_SAMPLES - needed <= most_s * RATE
    assert all(span.start >= needed for span in speech.finish(len(probabilities) * FRAME_SAMPLES))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(8, 40), st.integers(1, 40)), min_size=1, max_size=11), st.floats(0.05, 1))
def test_pauses_from_the_shortest_silence_on_part_utterances(runs: list[tuple[int, int]], silence: float) -> None:
    probabilities = frames_of([run for speech, pause in runs for run in ((0.9, speech), (0.1, pause))])
    # A slow reference: every pause that is too short becomes speech, except the last, which parts nothing.
    loud: list[bool] = []
    for is_loud, group in groupby(probabilities > 0.5):
        count = len(list(group))
        loud += [bool(is_loud) or count * FRAME_SAMPLES / RATE < silence] * count
    loud[-runs[-1][1] :] = [False] * runs[-1][1]
    edges = np.flatnonzero(np.diff([False, *loud, False])).reshape(-1, 2)
    found = in_frames(spans_of(probabilities, bare(longest=30, silence=silence)))
    assert found == [(start, end) for start, end in edges]


def test_speech_ends_below_the_threshold_by_the_hysteresis_and_begins_again_at_it() -> None:
    runs = [(0.0, 10), (0.5, 10), (0.36, 30), (0.34, 5), (0.49, 30), (0.34, 10), (0.5, 10), (0.0, 40)]
    assert in_frames(spans_of(frames_of(runs), bare())) == [(10, 50), (95, 105)]


def test_with_a_low_threshold_speech_still_ends() -> None:
    runs = [(0.9, 20), (0.02, 40), (0.9, 20)]
    options = SegmentOptions(vad_threshold=0.1, min_silence_s=0.5, speech_pad_s=0.0)
    assert len(spans_of(frames_of(runs), options)) == 2


def longest_frames(seconds: float) -> int:
    return math.floor(seconds * RATE / FRAME_SAMPLES)


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        ((0.05, 14), (0.05, 5), 0),  # the longer of two that are as deep
        ((0.05, 5), (0.05, 14), 1),
        ((0.3, 10), (0.01, 10), 1),  # the deeper of two that are as long
        ((0.01, 10), (0.3, 10), 0),
    ],
)
def test_a_long_utterance_is_parted_at_its_deepest_silence(
    first: tuple[float, int], second: tuple[float, int], taken: int
) -> None:
    # 15 s are 468 frames; the pauses lie in the second half of that.
    runs = [(0.9, 260), first, (0.9, 80), second, (0.9, 200)]
    begins = (260, 260 + first[1] + 80)[taken]
    ends = begins + (first, second)[taken][1]
    total = sum(n for _, n in runs)
    assert in_frames(spans_of(frames_of(runs), bare()))[0] == (0, begins)
    assert in_frames(spans_of(frames_of(runs), bare()))[1][0] == ends
    assert in_frames(spans_of(frames_of(runs), bare()))[-1][1] == total


def test_a_pause_early_in_a_long_utterance_does_not_part_it() -> None:
    runs = [(0.9, 100), (0.0, 14), (0.9, 200), (0.3, 4), (0.9, 300)]
    assert in_frames(spans_of(frames_of(runs), bare()))[0] == (0, 314)


def test_the_longest_of_several_long_pauses_parts() -> None:
    runs = [(0.9, 250), (0.0, 40), (0.9, 30), (0.0, 60), (0.9, 200)]
    assert in_frames(spans_of(frames_of(runs), bare(silence=3))) == [(0, 320), (380, 580)]


def test_without_a_pause_two_spans_meet_at_the_least_probable_frame() -> None:
    probabilities = frames_of([(0.9, 600)])
    probabilities[400] = 0.6
    first, second = spans_of(probabilities, SegmentOptions())
    assert first.end == second.start == 400 * FRAME_SAMPLES


def test_what_is_just_too_long_is_parted_into_pieces_that_can_be_read() -> None:
    probabilities = frames_of([(0.9, longest_frames(15) + 1), (0.0, 100)])
    spans = spans_of(probabilities, bare())
    assert len(spans) == 2
    assert all(span.end - span.start >= 0.25 * RATE for span in spans)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([(0.9, 40), (0, 20), (0.9, 3), (0, 28), (0.9, 40)], [(0, 63), (91, 131)]),  # the one before is nearer
        ([(0.9, 40), (0, 28), (0.9, 3), (0, 20), (0.9, 40)], [(0, 40), (68, 131)]),  # the one behind is nearer
        ([(0.9, 40), (0, 25), (0.9, 3), (0, 25), (0.9, 40)], [(0, 68), (93, 133)]),
        ([(0.9, 40), (0, 40), (0.9, 3), (0, 40), (0.9, 40)], [(0, 40), (80, 83), (123, 163)]),  # out of reach: kept
        ([(0, 9), (0.9, 3), (0, 20), (0.9, 40)], [(9, 72)]),
        ([(0.9, 40), (0, 20), (0.9, 3)], [(0, 63)]),
        ([(0.9, 3), (0, 20), (0.9, 3), (0, 90)], [(0, 26)]),
        ([(0.9, 1), (0, 90)], [(0, 1)]),
    ],
)
def test_a_tiny_utterance_goes_with_its_nearest_neighbour(runs: Runs, expected: list[tuple[int, int]]) -> None:
    assert in_frames(spans_of(frames_of(runs), bare())) == expected


def test_a_tiny_utterance_stays_alone_where_the_limit_would_not_hold() -> None:
    whole = longest_frames(15)
    behind = [(0.9, 3), (0.0, 20), (0.9, whole)]
    assert in_frames(spans_of(frames_of(behind), bare())) == [(0, 3), (23, 23 + whole)]
    before = [(0.9, whole), (0.0, 20), (0.9, 3)]
    assert in_frames(spans_of(frames_of(before), bare())) == [(0, whole), (whole + 20, whole + 23)]


def padded(pad: float, runs: Runs, longest: float = 15.0) -> list[Span]:
    options = SegmentOptions(mode="vad", speech_pad_s=pad, max_segment_s=longest, min_silence_s=0.5)
    return spans_of(frames_of(runs), options)


def test_padding_is_kept_on_both_sides_a_frame_earlier_than_the_network_hears() -> None:
    assert padded(0.2, [(0, 100), (0.9, 50), (0, 100), (0.9, 50), (0, 100)]) == [
        Span(100 * 512 - 3200 - 512, 150 * 512 + 3200 - 512),
        Span(250 * 512 - 3200 - 512, 300 * 512 + 3200 - 512),
    ]


def test_padding_ends_at_the_recording_and_in_the_middle_between_neighbours() -> None:
    assert padded(1.0, [(0, 3), (0.9, 50), (0, 20), (0.9, 50), (0, 3)]) == [
        Span(0, 63 * 512),
        Span(63 * 512, 126 * 512),
    ]


def test_an_utterance_near_the_limit_gives_up_padding_rather_than_being_parted() -> None:
    whole = (15 * RATE - 3200) // FRAME_SAMPLES
    (span,) = padded(0.2, [(0, 100), (0.9, whole), (0, 100)])
    assert span.end - span.start == 15 * RATE
    assert 100 * 512 - span.start >= 1500
    assert span.end - (100 + whole) * 512 >= 1500
    assert len(padded(0.2, [(0, 100), (0.9, whole + 1), (0, 100)])) == 2


def test_the_parts_of_a_long_utterance_share_the_pause_between_them() -> None:
    first, second = padded(0.2, [(0.9, 350), (0.0, 10), (0.9, 350)])
    assert first.end == second.start == 355 * 512


def test_pack_lets_neighbours_share_a_window_up_to_the_limit() -> None:
    # Three of 128 frames with 40 between them end at 464; a limit of 15 s holds 468.
    runs = [(0.9, 128), (0.0, 40)] * 7
    assert in_frames(spans_of(frames_of(runs), bare(mode="pack"))) == [(0, 464), (504, 968), (1008, 1136)]
    assert len(spans_of(frames_of(runs), bare(mode="vad"))) == 7


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(8, 300), st.integers(16, 300)), max_size=20), st.floats(0, 0.25))
def test_two_neighbours_in_a_pack_would_not_have_fitted_one_window(runs: list[tuple[int, int]], pad: float) -> None:
    probabilities = frames_of([run for speech, pause in runs for run in ((0.9, speech), (0.0, pause))])
    options = SegmentOptions(mode="pack", speech_pad_s=pad, min_silence_s=0.5)
    single = spans_of(probabilities, SegmentOptions(mode="vad", speech_pad_s=pad, min_silence_s=0.5))
    packed = spans_of(probabilities, options)
    for window, following in pairwise(packed):
        next_end = min(span.end for span in single if span.start >= following.start)
        # Half the padding is kept free, at the beginning of the recording too.
        assert next_end - window.start > (options.max_segment_s - pad) * RATE
    assert {edge for span in packed for edge in (span.start, span.end)} <= {
        edge for span in single for edge in (span.start, span.end)
    } or any(span.end - span.start == 15 * RATE for span in packed)


def test_nothing_heard_nothing_given() -> None:
    assert spans_of(np.zeros(0, np.float32), SegmentOptions()) == []
    assert spans_of(np.full(5000, 0.49, np.float32), SegmentOptions()) == []
