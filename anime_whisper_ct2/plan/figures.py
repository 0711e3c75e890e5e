"""The figures of a plan, and how they are reckoned from a sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.features.mel import WINDOW_S
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import SegmentOptions

# Clips are spread by ratios, not by differences.
LENGTH_EDGES_S = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 30.0, 60.0, 300.0, 1800.0, math.inf)
_NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How a plan comes by its figures."""

    sample: int = 2_000  # recordings whose headers are read; fewer than there are give an interval
    rate: float | None = None  # seconds of audio that one engine does in a second; None: as measured by an earlier run

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise InputError(f"the sample is {self.sample}; it must be at least 1")
        if self.rate is not None and not (math.isfinite(self.rate) and self.rate > 0):
            raise InputError(f"the rate is {self.rate} times real time; it must be more than 0")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A sum over all recordings: with 95 % confidence between `low` and `high`, which are it where all were read."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class LengthClass:
    """Recordings that last from `from_s` on and less than `to_s`: how many, and how long together."""

    from_s: float
    to_s: float
    recordings: int
    audio_s: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """Windows of one length, and how many of them the engine takes at a time."""

    frames: int
    windows: int
    together: int

    @property
    def batches(self) -> int:
        """Batches that they fill."""
        return -(-self.windows // self.together)


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast one engine is, in seconds of audio a second, and who says so."""

    speed: float
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would come to.

    `found` = `resumed` + `failed_before` + `todo`; all else is of those to do. Of the `read` ones, `unreadable` would
    fail and count for nothing, and `unknown` do not say how long they are and count as the others do.
    `percentiles_s` are the 5th, 50th, 95th and 100th of the lengths read, None where there are none. `calibrated` None:
    the model is not here. `notes`: what else the corpus holds, in lines; of one without recordings, why there are none.
    """

    found: int
    resumed: int
    failed_before: int
    todo: int
    read: int
    unreadable: int
    unknown: int
    audio_s: Estimate
    bytes: Estimate
    percentiles_s: tuple[float, ...] | None
    lengths: tuple[LengthClass, ...]
    window: WindowLength
    calibrated: bool | None
    buckets: tuple[Bucket, ...]
    engines: int
    rate: Rate | None
    notes: tuple[str, ...] = ()

    def wall_s(self, engines: int) -> Estimate | None:
        """Give the time that so many engines take, which share nothing; None where no rate is known."""
        if self.rate is None:
            return None
        by = self.rate.speed * engines
        return Estimate(self.audio_s.value / by, self.audio_s.low / by, self.audio_s.high / by)


def estimate(sample: Sequence[float], count: int) -> Estimate:
    """Estimate the sum over `count` things of which some were drawn at random and measured."""
    n = len(sample)
    if not n:
        return Estimate(0.0, 0.0, 0.0)
    values = np.asarray(sample, np.float64)
    seen = float(values.sum())
    total = seen / n * count
    if n >= count:
        return Estimate(total, total, total)
    # A single one shows no spread: it may be off by as much as it is.
    deviation = float(values.std(ddof=1)) if n > 1 else float(values[0])
    # What was drawn is known; only the rest is uncertain.
    within = _NORMAL_95 * count * deviation / math.sqrt(n) * math.sqrt((count - n) / (count - 1))
    return Estimate(total, max(seen, total - within), total + within)


def length_classes(lengths_s: Sequence[float], scale: float) -> tuple[LengthClass, ...]:
    """Sort lengths into classes; each recording stands for `scale` of them."""
    counts = np.histogram(lengths_s, LENGTH_EDGES_S)[0].tolist()
    sums = np.histogram(lengths_s, LENGTH_EDGES_S, weights=lengths_s)[0].tolist()
    return tuple(
        LengthClass(start, end, round(count * scale), total * scale)
        for (start, end), count, total in zip(pairwise(LENGTH_EDGES_S), counts, sums, strict=True)
    )


def windows_of(length_s: float, options: SegmentOptions) -> Iterator[tuple[int, float]]:
    """Give the windows that a recording makes, as (how many, seconds of each)."""
    if options.mode == "off":
        whole, rest = divmod(length_s, WINDOW_S)
        if whole:
            yield int(whole), float(WINDOW_S)
        if rest:
            yield 1, rest
        return
    longest = WINDOW_S if options.mode == "auto" and length_s <= WINDOW_S else options.max_segment_s
    pieces = max(1, math.ceil(length_s / longest))
    yield pieces, length_s / pieces
