"""Counting what a run did, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from anime_whisper_ct2.records import Headway, Outcome, Transcript

# What a run is at: it lists the corpus, loads the model, works, or finishes what is in flight.
Stage: TypeAlias = Literal["listing", "loading", "working", "stopping"]


@dataclass(slots=True)
class Counts:
    """What a number of outcomes come to."""

    done: int = 0
    empty: int = 0
    flagged: int = 0
    failed: int = 0
    audio_seconds: float = 0.0

    @classmethod
    def of(cls, outcome: Outcome) -> Counts:
        """Count one recording."""
        counts = cls()
        if isinstance(outcome, Transcript):
            counts.add_transcript(outcome.duration, outcome.flags)
        else:
            counts.failed = 1
        return counts

    def add_transcript(self, duration_s: float, flags: Iterable[str]) -> None:
        """Count one that was transcribed."""
        flags = set(flags)
        self.done += 1
        self.audio_seconds += duration_s
        self.empty += "empty" in flags
        # Silence is counted by itself, and is no fault.
        self.flagged += bool(flags - {"empty"})

    def add(self, other: Counts) -> None:
        """Add what others come to."""
        for name in ("done", "empty", "flagged", "failed", "audio_seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Totals:
    """The figures of `run.json` and of the summary.

    `found` = `done` + `resumed` + `failed` once a run has gone through; before, it grows with the listing. `failed`
    counts failures of earlier runs that were not tried again. `empty` and `flagged` are of the recordings done in this
    run. `expected` is what `found` will come to, where that is known. Of `audio_seconds`, `kept_seconds` were
    transcribed by earlier runs; of long recordings that failed, this one transcribed `lost_seconds`. `stage`, and
    `underway`, the long recordings in work by number, are of the moment.
    """

    found: int = 0
    done: int = 0
    resumed: int = 0
    empty: int = 0
    flagged: int = 0
    failed_now: int = 0
    failed_before: int = 0
    audio_seconds: float = 0.0
    kept_seconds: float = 0.0
    lost_seconds: float = 0.0
    load_seconds: float = 0.0
    wall_seconds: float = 0.0
    expected: int | None = None
    stage: Stage = "listing"
    underway: dict[int, Headway] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Failures of this run, and earlier ones that were not tried again."""
        return self.failed_now + self.failed_before

    @property
    def own_seconds(self) -> float:
        """The audio of finished recordings that this run itself has transcribed."""
        return max(0.0, self.audio_seconds - self.kept_seconds)

    @property
    def real_time_factor(self) -> float:
        """Wall time over audio time: 0.01 is a hundred times faster than real time; 0.0 when nothing was done."""
        return self.wall_seconds / self.own_seconds if self.own_seconds else 0.0

    @property
    def speed(self) -> float:
        """Audio time over wall time: how many times faster than real time."""
        return self.own_seconds / self.wall_seconds if self.wall_seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give the figures under the names that `run.json` uses."""
        counts = ("found", "done", "resumed", "empty", "flagged", "failed")
        seconds = ("audio_seconds", "kept_seconds", "load_seconds", "wall_seconds")
        return {
            **{name: getattr(self, name) for name in counts},
            **{name: round(getattr(self, name), 3) for name in seconds},
            "real_time_factor": round(self.real_time_factor, 6),
            "speed": round(self.speed, 2),
        }


class Meter:
    """Keeps `totals` while outcomes come in; `wall_seconds` runs from the meter's making to the last outcome."""

    def __init__(self, totals: Totals, clock: Callable[[], float] = time.monotonic) -> None:
        self.totals = totals
        self._clock = clock
        self._start = clock()

    def count(self, counts: Counts, key: int | None = None) -> None:
        """Add what was just finished; `key` is the number of the recording, where it is one."""
        totals = self.totals
        totals.done += counts.done
        totals.audio_seconds += counts.audio_seconds
        totals.empty += counts.empty
        totals.flagged += counts.flagged
        totals.failed_now += counts.failed
        if key is not None and (headway := totals.underway.pop(key, None)):
            if counts.done:
                totals.kept_seconds += min(headway.kept_s, counts.audio_seconds)
            else:
                totals.lost_seconds += max(0.0, headway.done_s - headway.kept_s)
        # Up to the last outcome: what a run needs to come to its end is no part of its speed.
        totals.wall_seconds = self._clock() - self._start

    def advance(self, headway: Headway) -> None:
        """Note how far a long recording has come."""
        self.totals.underway[headway.key] = replace(headway, homes=())
