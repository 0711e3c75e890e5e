"""What filters leave of a recording, and what they say of the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.filters import BESIDE, WITHOUT_TEXT, Filters
from anime_whisper_ct2.records import RECORDING_FLAGS, SEGMENT_FLAGS, Segment, Transcript
from tests.support.runs import LONG, segment, transcript


def test_segments_are_dropped_by_length_figure_and_flag_and_the_text_follows() -> None:
    def kept(**options: Any) -> str:
        left = Filters(**options).apply(LONG)
        return left.text if left else ""

    assert kept() == "一つ目二つ目三つ目"
    assert kept(min_duration_s=0.5) == "一つ目二つ目三つ目"
    assert kept(min_duration_s=0.501) == "一つ目三つ目"
    assert kept(max_duration_s=2.5) == "一つ目二つ目"
    assert kept(min_logprob=-0.25) == "一つ目"
    assert kept(drop_flags=("fast", "repetition")) == "一つ目二つ目"
    assert kept(min_logprob=0.0) == ""


def test_a_recordings_own_flag_drops_all_of_it() -> None:
    flagged = transcript("a.ogg", segment(0, 1), flags=("antiphase",))
    assert Filters(drop_flags=("antiphase",)).apply(flagged) is None
    assert Filters(drop_flags=("empty",)).apply(flagged) == flagged


def test_what_is_left_does_not_take_over_the_flags_of_what_was_dropped() -> None:
    flagged = transcript("a.ogg", segment(0, 1), segment(1, 9, "長い", -0.2, "fast"), flags=("fast", "incomplete"))
    kept = Filters(max_duration_s=2).apply(flagged)
    assert kept is not None
    assert kept.flags == ("incomplete",)


def test_a_recording_without_speech_stays_until_it_is_dropped_by_its_flag() -> None:
    empty = transcript("a.ogg")
    assert Filters(min_duration_s=5, min_logprob=0).apply(empty) == empty
    assert Filters(drop_flags=("empty",)).apply(empty) is None


@pytest.mark.parametrize("options", [{"min_duration_s": -1}, {"min_duration_s": 3, "max_duration_s": 2}])
def test_limits_that_nothing_can_meet_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="duration"):
        Filters(**options)


def test_a_flag_of_one_segment_drops_that_segment_and_not_the_recording() -> None:
    parts = tuple(Segment(n, n + 1.0, f"{n}", -0.1, 0.0, 0.9, ("noisy",) if n == 3 else ()) for n in range(5))
    long = Transcript("a", "a.ogg", 5.0, "ja", "0 1 2 3 4", parts, ("noisy",), {})
    kept = Filters(drop_flags=("noisy",)).apply(long)
    assert kept is not None
    assert kept.text == "0 1 2 4"
    assert not Filters(drop_flags=("noisy",)).keeps_whole(long)
    assert Filters(drop_flags=("empty",)).apply(replace(long, segments=(), text="", flags=("empty",))) is None


def doubted(*doubts: float | None) -> Transcript:
    return transcript("a.ogg", *(replace(segment(n, n + 1), doubt=doubt) for n, doubt in enumerate(doubts)))


def test_segments_are_dropped_by_doubt_and_by_the_chance_that_nobody_speaks() -> None:
    kept = Filters(max_doubt=0.5).apply(doubted(0.1, 0.5, 0.51))
    assert kept is not None
    assert [one.doubt for one in kept.segments] == [0.1, 0.5]
    noise = replace(segment(0, 1), no_speech_prob=0.61)
    assert Filters(max_no_speech=0.6).reason(noise) == "over a no_speech_prob of 0.6"
    assert Filters(max_no_speech=0.61).keeps(noise)


def test_results_that_say_no_doubt_are_refused_where_it_decides() -> None:
    with pytest.raises(InputError, match=r"an earlier version made them; .*leave --max-doubt out"):
        Filters(max_doubt=0.5).apply(doubted(None))
    assert Filters(max_doubt=0.5, min_duration_s=2).apply(doubted(None)) is None
    assert Filters(max_no_speech=0.5).apply(doubted(None)) == doubted(None)


@pytest.mark.parametrize("flag", sorted(RECORDING_FLAGS | SEGMENT_FLAGS))
def test_every_flag_that_there_is_can_be_dropped(flag: str) -> None:
    Filters(drop_flags=(flag,))


def test_each_segment_has_one_reason_the_first_of_the_filters() -> None:
    every = Filters(min_duration_s=1, max_duration_s=3, min_logprob=-1, max_doubt=0.5, drop_flags=("fast",))
    bad = [
        replace(segment(0, 0.5, "x", -2, "fast"), doubt=1.0),
        replace(segment(1, 5, "x", -2, "fast"), doubt=1.0),
        replace(segment(6, 8, "x", -2, "fast"), doubt=1.0),
        replace(segment(8, 10, "x", -0.1, "fast"), doubt=1.0),
        replace(segment(10, 12, "x", -0.1, "fast"), doubt=0.0),
        replace(segment(12, 14, "x", -0.1), doubt=0.0),
    ]
    assert every.reasons(transcript("a.ogg", *bad)) == [
        *("shorter than 1 s", "longer than 3 s", "under a log-probability of -1", "over a doubt of 0.5", "flagged fast")
    ]


def test_a_recording_that_stays_as_one_piece_or_not_at_all_takes_its_good_segments_along() -> None:
    flagged = Filters(drop_flags=("repetition",))
    assert flagged.reasons(LONG, whole=True) == [BESIDE, BESIDE, "flagged repetition"]
    assert Filters(max_duration_s=20).reasons(LONG, whole=True) == ["longer than 20 s"] * 3
    assert (
        Filters(drop_flags=("incomplete",)).reasons(replace(LONG, flags=("incomplete",))) == ["flagged incomplete"] * 3
    )
    assert Filters().reasons(LONG, whole=True) == []


def test_a_segment_that_was_lost_is_no_example_of_anything() -> None:
    lost = segment(3, 4, "", -99.0, "overflow")
    one = replace(LONG, segments=(LONG.segments[0], lost, *LONG.segments[1:]), flags=("overflow", *LONG.flags))
    assert Filters().reasons(one) == [WITHOUT_TEXT]
    kept = Filters().apply(one)
    assert kept is not None
    assert (kept.segments, kept.text) == (LONG.segments, LONG.text)
    assert "overflow" not in kept.flags
    # The sound is there, and a file of it all would teach that nothing is said in that place.
    assert Filters().keeps_whole(LONG)
    assert not Filters().keeps_whole(one)
    assert Filters().apply(transcript("a.ogg", lost, flags=("overflow",))) is None


@pytest.mark.parametrize("name", ["min_duration_s", "max_duration_s", "min_logprob", "max_no_speech", "max_doubt"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_bound_that_is_no_number_is_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match="it must be"):
        Filters(**{name: value})  # type: ignore[arg-type] # one of the bounds
