"""Which stretches become clips: margins, neighbours, limits and names."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clips.plan import ClipOptions, PlannedClip, plan
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.records import Segment, Transcript


def transcript(duration_s: float, *times: tuple[float, float]) -> Transcript:
    segments = tuple(Segment(start, end, f"{n}", -0.2, 0.0, 1.0) for n, (start, end) in enumerate(times))
    return Transcript("a/b.ogg", "corpus/a/b.ogg", duration_s, "ja", "", segments, (), {})


def times(clips: tuple[PlannedClip, ...]) -> list[tuple[float, float]]:
    return [(clip.start_s, clip.end_s) for clip in clips]


def test_a_clip_has_a_margin_on_each_side() -> None:
    assert times(plan(transcript(60.0, (10.0, 12.0), (20.0, 24.5)), "a/b")) == [(9.8, 12.2), (19.8, 24.7)]
    assert times(plan(transcript(60.0, (10.0, 12.0)), "a/b", ClipOptions(margin_s=0.0))) == [(10.0, 12.0)]


def test_neighbours_share_a_narrow_gap_at_its_middle() -> None:
    assert times(plan(transcript(60.0, (10.0, 12.0), (12.3, 14.0)), "a/b")) == [(9.8, 12.15), (12.15, 14.2)]


def test_a_neighbour_counts_that_gives_no_clip_itself() -> None:
    clips = plan(transcript(60.0, (10.0, 12.0), (12.1, 12.4), (12.6, 15.0)), "a/b", keep=lambda s: s.text != "1")
    assert [clip.segment for clip in clips] == [0, 2]
    assert times(clips) == [(9.8, 12.05), (12.5, 15.2)]


def test_a_margin_stays_within_the_recording() -> None:
    assert times(plan(transcript(6.0, (0.1, 2.0), (4.0, 5.95)), "a/b")) == [(0.0, 2.2), (3.8, 6.0)]


def test_limits_of_length_are_for_the_segment_without_its_margins() -> None:
    cut = transcript(60.0, (1.0, 2.999), (5.0, 7.0), (10.0, 22.0), (30.0, 42.001))
    limits = Filters(min_duration_s=2.0, max_duration_s=12.0)
    assert [clip.segment for clip in plan(cut, "a", keep=limits.keeps)] == [1, 2]
    # 22.0 - 10.1 is a little more than 11.9 in floating point.
    assert len(plan(transcript(60.0, (10.1, 22.0)), "a", keep=Filters(max_duration_s=11.9).keeps)) == 1


def test_names_sort_by_recording_and_time() -> None:
    cut = transcript(36_010.0, (12.54, 14.82), (9_999.2, 10_001.0), (36_000.0, 36_009.0))
    names = [clip.name for clip in plan(cut, "alice/001")]
    assert names[0] == "alice/001_00012.340-00015.020"
    assert names == sorted(names)
    assert plan(cut, "alice/001")[0].file(ClipOptions("wav")) == "alice/001_00012.340-00015.020.wav"


def test_a_recording_that_is_one_segment_keeps_its_name() -> None:
    assert plan(transcript(4.31, (0.0, 4.31)), "a/b") == (PlannedClip("a/b", 0, 0.0, 4.31),)
    assert plan(transcript(4.31, (0.0, 4.0)), "a/b")[0].name == "a/b_00000.000-00004.200"
    assert [clip.name for clip in plan(transcript(45.0, (0.0, 30.0), (30.0, 45.0)), "a")] == [
        "a_00000.000-00030.000",
        "a_00030.000-00045.000",
    ]


def test_a_name_that_is_taken_is_told_apart() -> None:
    clips = plan(transcript(60.0, (10.0, 12.0), (10.0, 12.0)), "a", taken={"a_00009.800-00012.000"}.__contains__)
    assert [clip.name for clip in clips] == ["a_00009.800-00012.000_", "a_00010.000-00012.200"]


def test_a_recording_without_speech_gives_no_clip() -> None:
    assert plan(transcript(4.0), "a") == ()
    assert plan(transcript(4.0, (1.0, 1.0)), "a", ClipOptions(margin_s=0.0)) == ()


@pytest.mark.parametrize(
    "options",
    [
        {"format": "mp3"},
        {"margin_s": -0.1},
        {"margin_s": float("nan")},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError):
        ClipOptions(**options)  # type: ignore[arg-type] # which is what is tested


@given(
    st.lists(st.integers(0, 60_000), min_size=2, max_size=20, unique=True),
    st.integers(0, 3_000),
    st.integers(0, 5_000),
)
def test_clips_hold_their_segments_and_nothing_of_others(marks: list[int], margin: int, behind: int) -> None:
    ms = sorted(marks)[: len(marks) // 2 * 2]
    spans = [(start / 1000, end / 1000) for start, end in zip(ms[::2], ms[1::2], strict=True)]
    cut = transcript((ms[-1] + behind) / 1000, *spans)
    clips = plan(cut, "a", ClipOptions(margin_s=margin / 1000))
    assert [clip.segment for clip in clips] == list(range(len(spans)))
    assert len({clip.name for clip in clips}) == len(clips)
    for clip, (start_s, end_s) in zip(clips, spans, strict=True):
        assert clip.start_s <= start_s < end_s <= clip.end_s
        assert clip.start_s >= 0
        assert clip.end_s <= cut.duration
        others = [other for other in spans if other != (start_s, end_s)]
        assert all(clip.end_s <= other_start or clip.start_s >= other_end for other_start, other_end in others)
    assert all(one.end_s <= other.start_s + 0.0011 for one, other in pairwise(clips))
