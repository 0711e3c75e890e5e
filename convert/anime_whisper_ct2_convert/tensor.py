"""One stored tensor, read in pieces, whatever file it lies in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from anime_whisper_ct2_convert.numerics import Array, FloatType

# How much of one is best worked on at a time: 2 MiB of float64 stay in the processor's cache.
BLOCK_ELEMENTS = 1 << 18


@dataclass(frozen=True, slots=True)
class Tensor:
    """A stored tensor; `read(start, stop)` gives those elements of its flat form, in the carrier of its dtype."""

    name: str
    dtype: FloatType
    shape: tuple[int, ...]
    read: Callable[[int, int], Array]

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)
