"""How a search says how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

# What the checkpoints are known again by; features of the corpus; sums of the checkpoints; trials; what was held out;
# the checkpoint that is written.
Stage: TypeAlias = Literal["hashing", "listening", "summing", "trying", "measuring", "averaging"]


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a stage has come.

    `done` and `total`: bytes while it hashes, sums and averages, recordings while it listens, trials while it tries,
    recordings again while it measures. `cer`: of the trial so far, `best`: of the best one, both in percent, None where
    there is none yet.
    """

    stage: Stage
    done: int
    total: int
    seconds_left: float | None = None
    cer: float | None = None
    best: float | None = None


OnAdvance: TypeAlias = Callable[[Advance], None]
OnNote: TypeAlias = Callable[[str], None]


class Clock:
    """Tells how far a stage has come, and how long it will take by the pace that it has had."""

    def __init__(self, stage: Stage, tell: OnAdvance) -> None:
        self._stage, self._tell = stage, tell
        self._first: int | None = None
        self._since = time.monotonic()

    def __call__(self, done: int, total: int, cer: float | None = None, best: float | None = None) -> None:
        """Tell that so many are done."""
        # What was there before says nothing of the pace.
        if self._first is None:
            self._first, self._since = done, time.monotonic()
        now = done - self._first
        left_s = (total - done) * (time.monotonic() - self._since) / now if now else None
        self._tell(Advance(self._stage, done, total, left_s, cer, best))


def in_bytes(stage: Stage, tell: OnAdvance) -> Callable[[str, int, int], None]:
    """Give what the converter's stages, whatever they are called, tell their bytes to."""
    clock = Clock(stage, tell)
    return lambda _stage, done, total: clock(done, total)


def once(note: OnNote) -> OnNote:
    """Give what tells each line a single time, however often it comes."""
    told: set[str] = set()

    def tell(line: str) -> None:
        """Tell a line that has not been told."""
        if line not in told:
            told.add(line)
            note(line)

    return tell
