"""The recording of eight minutes: cut between lines, each word in its place, the music no hindrance."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from anime_whisper_ct2 import Transcript
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.text import count_errors
from anime_whisper_ct2.text.normalize import author
from tests.real import spoken

pytestmark = pytest.mark.real
# A cut may touch the breath at a line's end, which its sound still holds.
EDGE_S = 0.25


@pytest.fixture(scope="module")
def recording(long_run: Path) -> Transcript:
    (transcript,) = RunFolder(long_run).transcripts()
    return transcript


def test_cuts_are_between_lines_or_in_the_pauses_of_one(recording: Transcript) -> None:
    cuts = [at for segment in recording.segments for at in (segment.start, segment.end)]
    through = [
        (row["text"], cut)
        for row in spoken.lines(spoken.TIMES)
        for cut in cuts
        # A voice pauses at a mark, and nowhere else.
        if row["start"] + EDGE_S < cut < row["end"] - EDGE_S and not set("、。!?").intersection(row["text"][:-1])
    ]
    assert not through
    assert all(segment.end - segment.start <= 15.0 for segment in recording.segments)


def test_what_is_spoken_is_in_the_segments_and_what_is_not_is_in_none(recording: Transcript) -> None:
    assert recording.duration == pytest.approx(480.0, abs=0.1)
    rows = spoken.lines(spoken.TIMES)
    held = [
        sum(max(0.0, min(row["end"], one.end) - max(row["start"], one.start)) for one in recording.segments)
        / (row["end"] - row["start"])
        for row in rows
    ]
    # Over music, a VAD can miss a soft beginning.
    assert sum(share < 0.9 for share in held) <= 2
    assert min(held) > 0.75
    # The music alone goes on for some twenty seconds.
    last = max(row["end"] for row in rows)
    assert all("no_speech" in segment.flags for segment in recording.segments if segment.start > last + 1.0)


def test_the_text_is_as_good_as_that_of_single_lines(recording: Transcript) -> None:
    wanted = "".join(row["text"] for row in spoken.lines(spoken.TIMES))
    text = "".join(segment.text for segment in recording.segments if "no_speech" not in segment.flags)
    assert count_errors(author(wanted), author(text)).cer < 15


def test_words_are_in_order_inside_their_segments_and_make_up_the_text(recording: Transcript) -> None:
    words = [word for segment in recording.segments for word in segment.words]
    assert len(words) > 700
    for segment in recording.segments:
        assert "".join(word.text for word in segment.words).strip() == segment.text
        times = [at for word in segment.words for at in (word.start, word.end)]
        assert times == sorted(times)
        assert segment.start <= times[0] <= times[-1] <= segment.end


def test_lines_begin_and_end_with_their_words(recording: Transcript) -> None:
    words = [word for segment in recording.segments for word in segment.words]
    rows = spoken.lines(spoken.TIMES)
    begins = [min(abs(word.start - row["start"]) for word in words) for row in rows]
    ends = [min(abs(word.end - row["end"]) for word in words) for row in rows]
    assert statistics.median(begins) < 0.1
    assert statistics.median(ends) < 0.25
    assert sorted(begins)[int(0.9 * len(begins))] < 0.3
