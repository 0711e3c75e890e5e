"""How an adaptation says how far it is: a clock for each stage, and the first clips that came to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

from anime_whisper_ct2.adaptation.records import Advance, Stage

OnAdvance: TypeAlias = Callable[[Advance], None]
OnNote: TypeAlias = Callable[[str], None]

_FAILURES_NAMED = 3


class Clock:
    """Tells how far a stage has come, and how long it will take by the pace that it has had."""

    def __init__(self, stage: Stage, total: int, tell: OnAdvance) -> None:
        self._stage, self._total, self._tell = stage, total, tell
        self._first: int | None = None
        self._since = time.monotonic()
        self._done = 0

    def __call__(self, done: int) -> None:
        """Tell that so many are done."""
        # What was there before says nothing of the pace.
        if self._first is None:
            self._first, self._since = done, time.monotonic()
        self._done = done
        now = done - self._first
        left_s = (self._total - done) * (time.monotonic() - self._since) / now if now else None
        self._tell(Advance(self._stage, done, self._total, seconds_left=left_s))

    def expect(self, more: int) -> None:
        """Take it that there are so many more to do."""
        self._total += more

    def add(self, count: int) -> None:
        """Tell that so many more are done."""
        self(self._done + count)


class Failures:
    """Names the first clips that came to nothing."""

    def __init__(self, note: OnNote) -> None:
        self._note = note
        self._count = 0

    def __call__(self, id_: str, message: str) -> None:
        """Name one, or say that there are more."""
        self._count += 1
        if self._count <= _FAILURES_NAMED:
            self._note(f"{id_}: {message}")
        elif self._count == _FAILURES_NAMED + 1:
            self._note("Further failures are only counted.")
