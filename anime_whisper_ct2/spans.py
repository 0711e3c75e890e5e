"""Where a recording is cut into windows.

Pure: blocks of samples in, pieces with their times out; memory is one piece and one block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.mel import SAMPLE_RATE, WINDOW_SAMPLES
from anime_whisper_ct2.records import Float32


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a recording: `samples` has shape (n,), `start` counts samples from the recording's start."""

    start: int
    samples: Float32

    @property
    def start_s(self) -> float:
        """Seconds from the recording's start to the first sample."""
        return self.start / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        """Seconds from the recording's start to behind the last sample."""
        return (self.start + len(self.samples)) / SAMPLE_RATE


def fixed(blocks: Iterable[Float32], piece_samples: int = WINDOW_SAMPLES) -> Iterator[Piece]:
    """Cut a stream of blocks into pieces of equal length, the last one shorter."""
    start = 0
    held: list[Float32] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count < piece_samples:
            continue
        joined = np.concatenate(held) if len(held) > 1 else held[0]
        whole = count // piece_samples * piece_samples
        for at in range(0, whole, piece_samples):
            yield Piece(start + at, joined[at : at + piece_samples])
        held, count, start = [joined[whole:]], count - whole, start + whole
    if count:
        yield Piece(start, np.concatenate(held) if len(held) > 1 else held[0])


# One step of 16-bit audio: below it there is no sound to write down, and models invent some.
SILENCE_PEAK = 2.0**-15


def is_silent(samples: Float32) -> bool:
    """Say whether a piece is digital silence."""
    return bool(np.abs(samples).max(initial=0.0) < SILENCE_PEAK)
