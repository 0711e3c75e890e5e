"""What becomes of recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from anime_whisper_ct2.records.windows import Retries, Word

# What a reviewer decided about a segment; of a corrected one, the text is another one than the run's.
Verdict = Literal["accepted", "corrected", "rejected"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a recording and its text; times in seconds from the recording's start, its words' too.

    `doubt`: from 0, a text like those that are right, to 1; None where a run of an earlier version did not say.
    `verdict`: what a review made of it, where one is applied; no line of a run holds it.
    """

    start: float
    end: float
    text: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    flags: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    retries: Retries | None = None
    doubt: float | None = None
    verdict: Verdict | None = None


# Flags that are of recordings alone; every other one is of segments.
RECORDING_FLAGS = frozenset(("empty", "incomplete", "antiphase"))
SEGMENT_FLAGS = frozenset(
    (
        *("repetition", "cap", "fast", "slow", "low_logprob", "stock_phrase", "ellipsis_only", "clipped", "noisy"),
        *("doubtful", "no_speech", "replaced", "overflow", "no_words"),
    )
)


@dataclass(frozen=True, slots=True)
class Transcript:
    """One recording's result, as a line of `transcripts.jsonl` gives it; `duration` in seconds.

    `flags`: those of all segments, and the recording's own. `offset`: where the recording begins in `audio`, in
    seconds, if it is a stretch of that; None: it is all of it. Times in `segments` count from there. `missing_s`: at
    least so many seconds of sound are missing; 0.0: some are, and nothing says how many; None: none.
    """

    id: str
    audio: str
    duration: float
    language: str
    text: str
    segments: tuple[Segment, ...]
    flags: tuple[str, ...]
    meta: Mapping[str, Any]
    offset: float | None = None
    missing_s: float | None = None


def flags_of(segments: Iterable[Segment], own: Iterable[str]) -> tuple[str, ...]:
    """Give the flags of a recording: those of its segments, and behind them its own."""
    return tuple(dict.fromkeys((*(flag for segment in segments for flag in segment.flags), *own)))


def joined(transcript: Transcript, texts: Iterable[str]) -> str:
    """Put texts together as a recording's own is put together of its segments': with a space between, or with nothing.

    Texts that are empty, and segments that a review has rejected, have no part in it. Where the recording says too
    little to tell, it is nothing, as Japanese is written.
    """
    own = [segment.text for segment in transcript.segments if segment.text and segment.verdict != "rejected"]
    between = " " if len(own) > 1 and " ".join(own) == transcript.text else ""
    return between.join(text for text in texts if text)


@dataclass(frozen=True, slots=True)
class Failure:
    """One recording that could not be transcribed, as a line of `errors.jsonl` gives it."""

    id: str
    audio: str
    stage: str
    error: str
    message: str


Outcome: TypeAlias = Transcript | Failure
