"""What a random sample says of all that it was drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# Beyond it, exact integers take longer than they are worth.
_EXACT_TO = 20_000
_HALVINGS = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample that was listened to: the first `k` of `drawn` segments, which `seed` drew of `of` that `filters` left.

    `wrong` of them were not right as they were, or were `skipped` and count as such, so that with 95 % confidence no
    more than `bound` of all are wrong, 0 to 1.
    """

    seed: int
    k: int
    of: int
    wrong: int
    bound: float
    drawn: int
    skipped: int = 0
    filters: Mapping[str, Any] = field(default_factory=dict)

    def as_value(self) -> dict[str, Any]:
        """Give the value of its line in a log."""
        return asdict(self)

    @classmethod
    def from_value(cls, value: Mapping[str, Any]) -> Sample:
        """Read the value of a line. Raises KeyError, TypeError or ValueError for what is none."""
        seed, k, of, wrong, drawn, skipped = (
            _count(value[key]) for key in ("seed", "k", "of", "wrong", "drawn", "skipped")
        )
        bound = value["bound"]
        if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not 0 <= bound <= 1:
            raise ValueError(f"bound {bound!r:.40} is no share")
        if not skipped <= wrong <= k <= drawn <= of:
            raise ValueError(f"{wrong} wrong and {skipped} skipped of {k} of {drawn} of {of} segments cannot be")
        return cls(seed, k, of, wrong, float(bound), drawn, skipped, dict(value.get("filters") or {}))


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r:.40} is no count")
    return value


def upper_bound(wrong: int, k: int, confidence: float = 0.95) -> float:
    """Give the one-sided Clopper-Pearson bound: with that confidence, no more than this share of all is wrong.

    `wrong` of `k` that were drawn at random were. It is the share with which so few are seen in 1 - `confidence` of all
    samples. Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934).
    """
    if not 0 <= wrong <= k or not 0 < confidence < 1:
        raise ValueError(f"{wrong} of {k} with confidence {confidence}: there is no such sample")
    if wrong == k:
        return 1.0
    chance = 1 - confidence
    if wrong == 0:
        return -math.expm1(math.log(chance) / k)
    ways = _log_ways(k, wrong)
    # From the share that was seen on, what is summed falls towards fewer.
    low, high = wrong / k, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if _at_most(wrong, k, middle, ways) > chance:
            low = middle
        else:
            high = middle
    return high


def _at_most(wrong: int, k: int, share: float, ways: float) -> float:
    """Give the chance of at most so many wrong ones; `ways` is the logarithm of how many draws have just so many."""
    total = term = 1.0
    for number in range(wrong, 0, -1):
        term *= number * (1 - share) / ((k - number + 1) * share)
        total += term
        if term < 1e-18 * total:
            break
    return total * math.exp(ways + wrong * math.log(share) + (k - wrong) * math.log1p(-share))


def _log_ways(k: int, wrong: int) -> float:
    if k <= _EXACT_TO:
        return math.log(math.comb(k, wrong))
    return math.lgamma(k + 1) - math.lgamma(wrong + 1) - math.lgamma(k - wrong + 1)
