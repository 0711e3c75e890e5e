"""Where audio is: all that a worker needs to get at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt

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
