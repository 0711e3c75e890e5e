"""What can be tried, and as which parameters the sampler knows it. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from anime_whisper_ct2.search.options import Strategy
from anime_whisper_ct2.search.records import Candidate

# The pattern of all tensors that no other one fits.
REST = "*"
FIRST, LAST = "first", "last"
# Shares have as many decimals as anybody would write: what a command says is what was tried.
_UNITS = 10_000
# What counts as much as another one of it; all alike are uniform.
_EVEN = 1 / math.e
# Its logarithm is there, and large.
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Space:
    """All candidates of so many checkpoints. `groups`: patterns of tensors with weights of their own."""

    count: int
    strategy: Strategy
    groups: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns that have weights, the one for all others last."""
        return (*(pattern for pattern in dict.fromkeys(self.groups) if pattern != REST), REST)

    @property
    def parameters(self) -> tuple[str, ...]:
        """What the sampler proposes: whole numbers from 0 for a range, for weights numbers from 0 to 1."""
        if self.strategy == "range":
            return FIRST, LAST
        return tuple(_name(pattern, at) for pattern in self.patterns for at in range(self.count))

    @property
    def singles(self) -> tuple[Candidate, ...]:
        """Each checkpoint alone."""
        return tuple(Candidate(at, at) for at in range(self.count))

    @property
    def uniform(self) -> Candidate:
        """All checkpoints alike."""
        return Candidate(0, self.count - 1)

    @property
    def size(self) -> int | None:
        """How many candidates there are, single ones and the uniform one among them; None: no end of them."""
        return self.count * (self.count + 1) // 2 if self.strategy == "range" else None

    def candidate(self, parameters: Mapping[str, float]) -> Candidate:
        """Give what parameters stand for. Of a range, either end may come first."""
        if self.strategy == "range":
            first, last = sorted((int(parameters[FIRST]), int(parameters[LAST])))
            return Candidate(first, last)
        # Logarithms of even numbers, over their sum, are even over all shares: Optuna's own recipe for a simplex.
        found = {
            pattern: [-math.log(max(_TINY, parameters[_name(pattern, at)])) for at in range(self.count)]
            for pattern in self.patterns
        }
        return Candidate(weights=tuple((pattern, _shares(parts)) for pattern, parts in found.items()))

    def values(self, candidate: Candidate) -> dict[str, float]:
        """Give parameters that stand for a candidate, for a single one and a uniform one too."""
        if self.strategy == "range":
            return {FIRST: candidate.first, LAST: candidate.last}
        shares = dict(candidate.weights)
        alike = tuple(float(candidate.first <= at <= candidate.last) for at in range(self.count))
        return {
            _name(pattern, at): _EVEN**share
            for pattern in self.patterns
            for at, share in enumerate(shares.get(pattern, alike))
        }

    def nearest(self, wanted: Candidate, known: Collection[Candidate]) -> Candidate | None:
        """Give a range that is not known: the one wanted, or that whose ends are nearest; None: all are known.

        Weights stay as they are: there is no end of them.
        """
        if self.strategy != "range" or wanted not in known:
            return wanted
        unknown = [one for one in self._ranges() if one not in known]
        return min(unknown, key=lambda one: _distance(one, wanted), default=None)

    def _ranges(self) -> Iterator[Candidate]:
        return (Candidate(first, last) for first in range(self.count) for last in range(first, self.count))


def _name(pattern: str, at: int) -> str:
    return f"{pattern} {at}"


def _distance(one: Candidate, other: Candidate) -> int:
    return abs(one.first - other.first) + abs(one.last - other.last)


def _shares(parts: list[float]) -> tuple[float, ...]:
    """Give shares in ten-thousandths that add up to 1; of nothing, all alike."""
    total = math.fsum(parts)
    wanted = [_UNITS * part / total if total else _UNITS / len(parts) for part in parts]
    units = [math.floor(share) for share in wanted]
    # What rounding down has left goes where it took most.
    taken = sorted(range(len(parts)), key=lambda at: (units[at] - wanted[at], at))
    for at in taken[: _UNITS - sum(units)]:
        units[at] += 1
    return tuple(unit / _UNITS for unit in units)
