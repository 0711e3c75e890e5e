"""Objects in the place of `ctranslate2.models.Whisper`, which do what a GPU may do to one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class Failing:
    """A model whose next calls of `generate` raise these errors, one each, and that then does what it should."""

    model: Any
    errors: list[Exception] = field(default_factory=list)
    calls: int = 0

    def generate(self, *given: Any, **named: Any) -> Any:
        """Raise the next error, or decode."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.model.generate(*given, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


# What becomes of a row of NaN: on a GPU with one beam in 16 bits and in 32, and on a CPU.
NO_NUMBERS: Sequence[tuple[float, float]] = ((-65504.0, math.nan), (-3.4e38, math.nan), (math.nan, 0.0))


@dataclass
class Overflowing:
    """A model in which the numbers of some windows overflow: those of a batch's places that `which` names.

    CTranslate2 finds no largest of them, and takes token 0 until the limit; `scores` and the probability of no speech
    are as it gives them.
    """

    model: Any
    which: Callable[[Any], Sequence[int]]
    scores: tuple[float, float] = NO_NUMBERS[0]

    def generate(self, features: Any, *given: Any, **named: Any) -> list[Any]:
        """Decode, but for those."""
        results = list(self.model.generate(features, *given, **named))
        for at in self.which(features):
            tokens = [0] * (named["max_length"] // 2)
            score, no_speech_prob = self.scores
            results[at] = SimpleNamespace(sequences_ids=[tokens], scores=[score], no_speech_prob=no_speech_prob)
        return results

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)
