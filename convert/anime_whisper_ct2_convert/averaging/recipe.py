"""How much of each checkpoint goes into each tensor. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from anime_whisper_ct2.errors import InputError

# Weights that add up to one but for what float64 loses are taken as they are.
_NEARLY_ONE = 1e-12


@dataclass(frozen=True, slots=True)
class Mix:
    """Weights of checkpoints, in their order; what comes of it is the sum of weight times value, over `total`."""

    weights: tuple[float, ...]
    total: float

    @classmethod
    def of_range(cls, count: int, first: int, stop: int) -> Mix:
        """Take those from `first` to before `stop` of so many, all alike."""
        return cls(tuple(float(first <= at < stop) for at in range(count)), float(stop - first))

    @classmethod
    def of_weights(cls, weights: Sequence[float]) -> Mix:
        """Take as much of each as its weight is of all together. Raises InputError for what is no average."""
        total = _sum(weights)
        if not 0 < total < math.inf:
            raise InputError(f"the weights {', '.join(map('{:g}'.format, weights))} add up to nothing that can be used")
        alone = sum(map(bool, weights)) == 1
        # Of one alone, all of it is taken, whatever its weight.
        return cls(tuple(map(float, weights)), 1.0 if abs(total - 1) <= _NEARLY_ONE and not alone else total)

    @property
    def shares(self) -> tuple[float, ...]:
        """What part of the whole each checkpoint is."""
        return tuple(weight / self.total for weight in self.weights)

    @property
    def used(self) -> tuple[int, ...]:
        """The numbers of the checkpoints that have a part in it."""
        return tuple(at for at, weight in enumerate(self.weights) if weight)

    @property
    def only(self) -> int | None:
        """The number of the checkpoint that is taken as it is, where that is all; else None."""
        return self.used[0] if len(self.used) == 1 else None

    @property
    def range(self) -> tuple[int, int] | None:
        """First, and the one behind the last, of checkpoints in a row that count alike; None for any other mix."""
        first, stop = self.used[0], self.used[-1] + 1
        return (first, stop) if self == Mix.of_range(len(self.weights), first, stop) else None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The mix of each tensor: that of the first part whose pattern fits its name, else `mix`.

    Patterns are those of a shell; they are held against the name as transformers has it, and without its `model.`.
    """

    mix: Mix
    parts: tuple[tuple[str, Mix], ...] = ()

    def of(self, name: str) -> Mix:
        """Give the mix of a tensor."""
        return next((mix for pattern, mix in self.parts if fits(pattern, name)), self.mix)


def _sum(weights: Sequence[float]) -> float:
    """Add up without loss; what is not finite, or too much, is no number."""
    if not all(map(math.isfinite, weights)):
        return math.nan
    try:
        return math.fsum(weights)
    except OverflowError:
        return math.nan


def fits(pattern: str, name: str) -> bool:
    """Say whether a pattern is for a tensor, with or without the `model.` of its name."""
    return fnmatchcase(name, pattern) or fnmatchcase(name.removeprefix("model."), pattern)
