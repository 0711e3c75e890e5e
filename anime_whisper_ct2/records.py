"""What travels between the rooms: frozen records, and references instead of audio.

Standard library and numpy only (floor 0).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Float32: TypeAlias = npt.NDArray[np.float32]
Features: TypeAlias = npt.NDArray[np.floating[Any]]
FeatureType: TypeAlias = type[np.float32] | type[np.float16]

# No recording is as long; times beyond it are mistakes.
LONGEST_S = 1e8
# How deep values in `meta` may be nested: deeper ones would break whatever copies or writes them later.
DEEPEST = 64


@dataclass(frozen=True, slots=True)
class ArrayAudio:
    """Samples that the caller holds already.

    `samples`: shape (n,) or (n, channels), float in -1 … 1 or a signed integer type. `rate`: in Hz.
    """

    samples: npt.NDArray[Any]
    rate: int


@dataclass(frozen=True, slots=True)
class Section:
    """A file inside another, as it lies in a tar: `size` bytes from `offset` on of the file at `path`."""

    path: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch of a longer recording; `duration_s` None: to its end."""

    audio: str | bytes | Section
    offset_s: float
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands where a recording should be, when a reader found none: it fails with these, and the rest goes on."""

    error: str
    message: str
    place: bool = False  # it stands for a container or a row, whose recordings nobody knows


@dataclass(frozen=True, slots=True)
class Container:
    """A tar or table whose recordings only its reader can get at, to be listed by whoever transcribes them.

    Their ids lie below `prefix`; `column` holds the audio of a table. `limit`: no more than so many that are selected.
    """

    path: str
    prefix: str
    column: str | None = None
    limit: int | None = None


# A path or URL, an encoded file's bytes, samples, or where to find one of these: what a worker needs to get at the
# audio. A container stands for many recordings and reaches no worker.
Audio: TypeAlias = str | bytes | ArrayAudio | Section | Excerpt | Unreadable | Container


def carried_bytes(audio: Audio) -> int:
    """Give how much memory a reference takes that brings its audio along; 0 where it says only where that is."""
    if isinstance(audio, Excerpt):
        audio = audio.audio
    if isinstance(audio, ArrayAudio):
        return audio.samples.nbytes
    return len(audio) if isinstance(audio, bytes) else 0


@dataclass(frozen=True, slots=True)
class Recording:
    """A reference to one recording; the audio itself is opened by a worker.

    `id` is unique in a run and the same in the next one, `name` is what a user would recognise the audio by, `meta`
    what the corpus says of it (JSON values).
    """

    id: str
    name: str
    audio: Audio
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogMel:
    """The log-mel spectrogram of the real frames of one window.

    `values`: shape (n_mels, frames). `floor`: what every later frame holds, were the waveform padded with zeros.
    """

    values: Features
    floor: float


@dataclass(frozen=True, slots=True)
class Sound:
    """What can be said of samples without listening.

    `rms`: root mean square. `clipped`: share of the samples at full scale. `range_db`: from the quiet frames (10th
    percentile) to the loud ones (95th).
    """

    rms: float = 0.0
    clipped: float = 0.0
    range_db: float = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """One piece of a recording on its way to the engine: `number` counts within the recording, times are in it."""

    key: int
    number: int
    start_s: float
    end_s: float
    mel: LogMel
    sound: Sound = Sound()


# How a window is decoded: as asked for; the same at 30 s; without repeated 5-grams; with 5 beams.
Step: TypeAlias = Literal["first", "full", "ngram", "beam"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows that go through the engine together, each padded to `frames` frames (10 ms)."""

    windows: tuple[Window, ...]
    frames: int
    step: Step = "first"


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text and when it is spoken, in seconds; `probability` is the mean of its tokens'."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Retries:
    """What was tried for a window whose first text looked wrong: why, which steps, and which one's text stands."""

    reasons: tuple[str, ...]
    tried: tuple[Step, ...]
    kept: Step


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the engine made of one window.

    `avg_logprob` is the mean natural log-probability of the tokens and the end token; `tokens` leaves the end out;
    `capped` says that the token limit came before the end. `words`, where they were asked for, make up the text; their
    times count from the window's start. `flags` and `retries` are added behind the engine.
    """

    text: str
    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    capped: bool = False
    words: tuple[Word, ...] = ()
    flags: tuple[str, ...] = ()
    retries: Retries | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a recording and its text; times in seconds from the recording's start, its words' too."""

    start: float
    end: float
    text: str
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    flags: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()
    retries: Retries | None = None


# Flags that are of recordings alone; every other one is of segments.
RECORDING_FLAGS = frozenset(("empty", "incomplete", "antiphase"))


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


@dataclass(frozen=True, slots=True)
class Failure:
    """One recording that could not be transcribed, as a line of `errors.jsonl` gives it."""

    id: str
    audio: str
    stage: str
    error: str
    message: str


Outcome: TypeAlias = Transcript | Failure


# What the front end says, besides windows, while it works through a recording. `key` numbers the recordings of a run.


@dataclass(frozen=True, slots=True)
class Opened:
    """The work on a recording has begun."""

    key: int
    recording: Recording


@dataclass(frozen=True, slots=True)
class Closed:
    """Every window of a recording has been handed over: `windows` of them, over `duration` seconds.

    `missing_s` as in `Transcript`; `flags` are what the sound itself has.
    """

    key: int
    windows: int
    duration: float
    missing_s: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A recording cannot be finished."""

    key: int
    stage: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing new arrived for a moment: time for the stages to look at what is due."""


@dataclass(frozen=True, slots=True)
class Drained:
    """No more windows will come: what follows is what waited for others of its length."""
