"""What goes through the engine, and what it makes of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Float32: TypeAlias = npt.NDArray[np.float32]
Features: TypeAlias = npt.NDArray[np.floating[Any]]
FeatureType: TypeAlias = type[np.float32] | type[np.float16]


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


# How a window is decoded: as asked for; the same in a longer fitted window; the same at 30 s; without repeated 5-grams;
# with 5 beams.
Step: TypeAlias = Literal["first", "longer", "full", "ngram", "beam"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows that go through the engine together, each padded to `frames` frames (10 ms).

    Of a `first` step, some may be there a second time: what a longer window is fed, others get at once.
    """

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
    times count from the window's start. `flags`: `overflow` and `no_words` are the engine's; all others, `retries` and
    `doubt` are added behind it.
    """

    text: str
    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    capped: bool = False
    words: tuple[Word, ...] = ()
    flags: tuple[str, ...] = ()
    retries: Retries | None = None
    doubt: float | None = None
