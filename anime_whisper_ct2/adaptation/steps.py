"""Which lessons a step of the training takes, and how long their windows are: from its number alone.

So a training that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.features.mel import FRAMES_PER_S, WINDOW_FRAMES

# A window of 30 s costs what some fitted ones do.
_FITTED_FOR_FULL = 4
_WARM_UP = 30
_SEED = 0


@dataclass(frozen=True, slots=True)
class Draw:
    """The lessons of a step, by their places among all from the shortest to the longest, and their windows' length."""

    places: tuple[int, ...]
    frames: int

    @property
    def is_full(self) -> bool:
        """Whether it is one of those at 30 s."""
        return self.frames == WINDOW_FRAMES


class Steps:
    """Draws the steps of a training. `lengths`: the real frames of all lessons, ascending."""

    def __init__(self, lengths: Sequence[int], options: AdaptOptions) -> None:
        self._lengths = lengths
        self._options = options

    def draw(self, step: int) -> Draw:
        """Draw lessons of like length, and a tail between the shortest and the longest, all ratios alike.

        Groups of neighbours are gone through in passes, each in another order; a step at 30 s takes a part of one.
        """
        size = min(self._options.batch_size, len(self._lengths))
        groups = math.ceil(len(self._lengths) / size)
        passed, at = divmod(step, groups)
        group = int(np.random.default_rng((_SEED, passed)).permutation(groups)[at])
        start = min(group * size, len(self._lengths) - size)
        rng = np.random.default_rng((_SEED, passed, at))
        if step % self._options.full_every == self._options.full_every - 1:
            few = max(1, size // _FITTED_FOR_FULL)
            start += int(rng.integers(size - few + 1))
            return Draw(tuple(range(start, start + few)), WINDOW_FRAMES)
        places = tuple(range(start, start + size))
        low, high = (math.log(end(self._options.tails_s)) for end in (min, max))
        return Draw(places, fitted(self._lengths[places[-1]], math.exp(rng.uniform(low, high))))

    def rate(self, step: int) -> float:
        """Give a step's learning rate: rising at first, then falling to 0."""
        steps = self._options.steps
        warm_up = min(_WARM_UP, max(1, steps // 10))
        return self._options.learning_rate * min(1.0, (step + 1) / warm_up) * (1 - step / steps)


def fitted(frames: int, tail_s: float) -> int:
    """Give the length of a window for so many real frames and a tail: even, as the encoder halves it."""
    return min(WINDOW_FRAMES, 2 * math.ceil((frames + tail_s * FRAMES_PER_S) / 2))
