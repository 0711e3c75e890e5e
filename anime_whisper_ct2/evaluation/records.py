"""What travels between the rooms of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from anime_whisper_ct2.text import Errors

_SHOWN = 5

# Both ends in percent.
Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """What one source says of one recording; `text` None: nothing that can be used.

    `again`: the reader knows that the recording came before, and `id` is the place of this line.
    """

    id: str
    text: str | None
    meta: Mapping[str, Any] = field(default_factory=dict)
    again: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """How many recordings something is true of, and the first few of them."""

    count: int = 0
    first: tuple[str, ...] = ()

    def plus(self, id_: str) -> Counted:
        """Give the same with one recording more."""
        return Counted(self.count + 1, (*self.first, id_) if len(self.first) < _SHOWN else self.first)


@dataclass(frozen=True, slots=True)
class Score:
    """The errors over some recordings, and the 95 % interval of their rate.

    `mean_cer`: the plain mean of the recordings' own rates, in percent.
    """

    errors: Errors
    recordings: int
    mean_cer: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a run's rate lies above the first one's, in percent points, on the same recordings."""

    cer: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class RunScore:
    """One run beside the references.

    `groups` in the order of the evaluation's. `mean`: the plain mean of the groups' rates, in percent. `failed`: of
    those missing, how many the run says that it could not transcribe. `by_ends`: those that fit their references by the
    ends of their paths alone.
    """

    name: str
    path: str
    total: Score
    groups: tuple[Score, ...]
    mean: float
    mean_interval: Interval
    difference: Difference | None
    missing: Counted
    failed: int
    extra: Counted
    duplicates: Counted
    without_text: Counted
    by_ends: Counted = Counted()
