"""What audio can be read from, which part of it is wanted, and in what portions it comes."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from anime_whisper_ct2.errors import DecodeError, counted
from anime_whisper_ct2.records import ArrayAudio, Float32
from anime_whisper_ct2.system.refusals import reason

MAX_CHANNELS = 64
# Below, a small file unfolds to days of 16 kHz and holds no speech; above is nothing that anyone records.
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 6_000_000

# A path on this machine, an encoded file's bytes, samples, or an open file that can be sought in.
Source: TypeAlias = str | bytes | ArrayAudio | BinaryIO

# A block is bounded twice: a minute of a high rate with many channels would be gigabytes, and four million values of a
# low rate would be hours, which resampling makes long.
_BLOCK_S = 60
_BLOCK_VALUES = 1 << 22


def check_form(rate: int, channels: int) -> None:
    """Raise DecodeError for a sampling rate or a number of channels that no recording has."""
    if not 0 < channels <= MAX_CHANNELS or not MIN_RATE_HZ <= rate <= MAX_RATE_HZ:
        raise DecodeError(
            f"{counted(channels, 'channel')} at {rate} Hz: no recording that a decoder can trust; "
            f"at most {MAX_CHANNELS} channels at {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are read"
        )


def block_frames(rate: int, channels: int) -> int:
    """Give the number of samples of each channel that a block holds at most."""
    return max(1, min(_BLOCK_S * rate, _BLOCK_VALUES // channels))


@dataclass(frozen=True, slots=True)
class Info:
    """What a file's headers say.

    `frames` None: they do not. `container` and `codec`: libsndfile's names (`WAV`, `PCM_16`), for what it cannot read
    FFmpeg's. `bits`: 24 where a sample holds more than 16 bits, else 16, also for lossy encodings.
    """

    rate_hz: int
    channels: int
    frames: int | None
    container: str
    codec: str
    bits: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Samples of shape (n, channels) at `rate_hz` that a player plays from `at_s` on; none are a sign of life."""

    at_s: float
    samples: Float32
    rate_hz: int

    @property
    def end_s(self) -> float:
        """When the last one is over."""
        return self.at_s + len(self.samples) / self.rate_hz


class Played:
    """Passes pieces on; then `end_s` says where the recording ends, None where that was not reached."""

    def __init__(self, pieces: Generator[Piece, None, float | None]) -> None:
        self.end_s: float | None = None
        self._pieces = pieces

    def __iter__(self) -> Iterator[Piece]:
        self.end_s = yield from self._pieces


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording: `duration_s` from `start_s` on; None: to its end. Raises DecodeError for times that are
    none.
    """

    start_s: float = 0.0
    duration_s: float | None = None

    def __post_init__(self) -> None:
        length = 1.0 if self.duration_s is None else self.duration_s
        if not (math.isfinite(self.start_s) and math.isfinite(length) and self.start_s >= 0 and length > 0):
            raise DecodeError(f"{self.duration_s} s from {self.start_s} s on: no stretch of a recording")

    @property
    def stop_s(self) -> float:
        """Where it ends; infinite where that is the recording's end."""
        return math.inf if self.duration_s is None else self.start_s + self.duration_s

    def why_empty(self) -> str:
        """Say why there were no samples."""
        if not self.start_s and self.duration_s is None:
            return "the file holds no samples"
        return f"the stretch from {self.start_s:.3f} s on holds no samples; the recording may have ended before"


class Watched:
    """A binary file that keeps its first failure in `error` and then ends.

    The decoders read through callbacks of C code, out of which no exception can come: a connection that broke would
    pass for the end of the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes."""
        try:
            return b"" if self.error else self._file.read(size)
        except Exception as error:  # whatever a remote file system raises
            self.error = error
            return b""

    def write(self, data: bytes) -> int:
        """Write, and say how many bytes were."""
        try:
            return 0 if self.error else self._file.write(data)
        except Exception as error:
            self.error = error
            return 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; before the beginning there is none."""
        if not whence and offset < 0:
            return -1
        try:
            return self._file.seek(offset, whence)
        except Exception as error:
            self.error = self.error or error
            return -1

    def tell(self) -> int:
        """Say which place it is at."""
        try:
            return self._file.tell()
        except Exception as error:
            self.error = self.error or error
            return -1


# What the decoders take.
File: TypeAlias = str | bytes | Watched


def check(file: File) -> None:
    """Raise DecodeError when reading itself has failed, whatever the decoder made of it."""
    if isinstance(file, Watched) and file.error:
        raise DecodeError(f"cannot be read: {reason_of(file.error)}") from file.error


def reason_of(error: Exception) -> str:
    """Put an error of the system or a decoder into words."""
    return reason(error)
