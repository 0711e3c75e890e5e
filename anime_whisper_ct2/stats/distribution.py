"""How a figure is spread: percentiles and a histogram of all its values."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
# About so many bars; the step between them is a round figure.
_BARS = 24


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[n]` values lie between `edges[n]` and `edges[n + 1]`, all equally far apart.

    A value on an edge counts above it, but the last edge has what lies on it. A long tail does not squeeze the rest:
    `below` and `above` values lie outside, one in ten at most.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int
    above: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The values of one figure. `percentiles` are exact, interpolated linearly between neighbours."""

    count: int
    mean: float
    smallest: float
    largest: float
    percentiles: Mapping[int, float]
    histogram: Histogram


def distribution(values: array[float]) -> Distribution | None:
    """Describe the values, of type code `d` and finite; None where there are none. They are sorted in place."""
    if not values:
        return None
    ordered = np.frombuffer(values, np.float64)
    # Without a copy; this leaves them in another order, so that they are sorted behind it.
    figures = np.percentile(ordered, PERCENTILES, overwrite_input=True).tolist()
    percentiles: dict[int, float] = dict(zip(PERCENTILES, figures, strict=True))
    ordered.sort()
    return Distribution(
        count=len(ordered),
        mean=float(ordered.mean()),
        smallest=float(ordered[0]),
        largest=float(ordered[-1]),
        percentiles=percentiles,
        histogram=_histogram(ordered, percentiles[5], percentiles[95]),
    )


def _histogram(ordered: npt.NDArray[np.float64], low: float, high: float) -> Histogram:
    """Count the values between round figures; `low` and `high` are percentiles that most lie between.

    What lies further from them than they from each other is left outside.
    """
    reach = high - low
    low = float(ordered[np.searchsorted(ordered, low - reach)])
    high = float(ordered[np.searchsorted(ordered, high + reach, side="right") - 1])
    step = _round_step((high - low) / _BARS)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    # Of fifteen digits, so that an edge is 0.3 and not 0.30000000000000004.
    edges = [float(f"{number * step:.15g}") for number in range(first, last + 1)]
    at = np.searchsorted(ordered, edges)
    at[-1] = np.searchsorted(ordered, edges[-1], side="right")
    return Histogram(tuple(edges), tuple(np.diff(at).tolist()), int(at[0]), len(ordered) - int(at[-1]))


def _round_step(least: float) -> float:
    """Give the smallest of 1, 2 and 5 times a power of ten that is not below `least`; 1 where all values are one."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= least), 10 * power)
