"""What travels between the rooms of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from anime_whisper_ct2.evaluation.records import Interval
from anime_whisper_ct2.search.options import SearchOptions

# Held-out recordings: of fewer, an interval says little.
FEW_HELD_OUT = 20
# Of fewer, even where one average does better in every single one of them, that is chance more than once in twenty.
LEAST_HELD_OUT = 6
# A single checkpoint; all of them alike; what the sampler has proposed.
Kind: TypeAlias = Literal["single", "uniform", "trial"]
State: TypeAlias = Literal["complete", "pruned"]
Role: TypeAlias = Literal["best", "last", "single"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is tried: checkpoints `first` to `last` (both in it, counting from 0), all alike; or weights.

    `weights`: shares by the pattern of the tensors that they are for, `*` for all that no other pattern fits; each one
    share for each checkpoint, which add up to 1. Empty for a range.
    """

    first: int = 0
    last: int = 0
    weights: tuple[tuple[str, tuple[float, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate and what came of it.

    `number`: in the study. `cer`: in percent, over the first `parts` parts of the corpus; all of them, unless it was
    pruned.
    """

    number: int
    kind: Kind
    candidate: Candidate
    cer: float
    parts: int
    state: State
    seconds: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A candidate on the recordings that no trial has heard. `cer` and its 95 % interval in percent."""

    role: Role
    trial: int
    cer: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Margin:
    """How far the best one's CER lies above another's on the recordings held out, in percent points, in pairs.

    `few`: there are too few of them to tell any two apart.
    """

    role: Role
    points: float
    interval: Interval
    few: bool = False

    @property
    def distinguishable(self) -> bool:
        """Whether the 95 % interval lies all on one side of 0, and is one of enough recordings."""
        low, high = self.interval
        return not self.few and (low > 0 or high < 0)


@dataclass(frozen=True, slots=True)
class Search:
    """A search that is done.

    `names`: what the checkpoints are called in tables, in the order of the training; `sources`: what names them again.
    `recordings` and `characters` are those that trials hear, in `parts`; `held_out` recordings of `held_out_characters`
    are the others. `trials`: in the order of the study, single checkpoints among them. `best`: the number of the one
    with the lowest CER. `held`: best, last and best single, in this order, those that are the same one left out; empty
    where nothing was held out. `margins`: of the best one over those of `held` that are not it. `resumed`: trials that
    were there when this call began.
    """

    names: tuple[str, ...]
    sources: tuple[str, ...]
    options: SearchOptions
    recordings: int
    characters: int
    parts: int
    held_out: int
    held_out_characters: int
    trials: tuple[Trial, ...]
    best: int
    held: tuple[HeldOut, ...]
    margins: tuple[Margin, ...]
    seconds: float
    resumed: int = 0

    def trial(self, number: int) -> Trial:
        """Give a trial by its number in the study."""
        return next(trial for trial in self.trials if trial.number == number)
