"""What a user sees while they wait: a bar on a terminal, else a plain line now and then. All on standard error."""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NoReturn, TypeVar

from tqdm import tqdm

from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.cli.pacing import Look, Pacing, look_at, look_at_search
from anime_whisper_ct2.cli.printing import bar, note, note_above_bar, on_terminal
from anime_whisper_ct2.errors import one_line
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.records import Failure, Outcome
from anime_whisper_ct2.search.telling import Advance as SearchAdvance
from anime_whisper_ct2.system import waiting

EXIT_INTERRUPTED = 130
_LINE_EVERY_S = 30.0
_TICK_S = 0.5
_FAILURES_NAMED = 3
_BAR = "{percentage:3.0f}%|{bar:20}| {desc}"
_T = TypeVar("_T", bound="_Clocked")


class _Clocked(ABC):
    """Shows how far something has come by a clock of its own: as a bar on a terminal, else as a line now and then."""

    def __init__(self, *, shown: bool | None, quiet: bool) -> None:
        visible = shown is not False and not quiet
        self._bar_wanted = visible and on_terminal()
        self._lines_wanted = visible and not self._bar_wanted
        self._quiet = quiet
        self._over = threading.Event()
        # A clock must tick also while nothing is heard from the work, such as when a model loads.
        self._thread = threading.Thread(target=self._tick, name="progress", daemon=True)

    def __enter__(self: _T) -> _T:
        if self._bar_wanted or self._lines_wanted:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            waiting.join(self._thread)

    def note(self, line: str) -> None:
        """Show a line that is not of the progress."""
        if not self._quiet:
            note_above_bar(one_line(line))

    @abstractmethod
    def _look(self) -> Look:
        """Look how far it has come."""

    def _tick(self) -> None:
        if self._lines_wanted:
            due_s = time.monotonic() + _LINE_EVERY_S
            while not self._over.wait(_TICK_S):
                look = self._look()
                if time.monotonic() >= due_s:
                    due_s += _LINE_EVERY_S
                    note(look.line)
            return
        with bar(bar_format="{desc}") as shown:
            while not self._over.wait(_TICK_S):
                look = self._look()
                shown.bar_format = _BAR if look.total else "{desc}"
                # A bar whose total is less than what is done has none.
                shown.total = max(look.total, look.done) or None
                shown.n = look.done
                shown.set_description_str(look.short)


class RunProgress(_Clocked):
    """Follows a run: what it is at, audio, recordings, speed and time left.

    `shown` None: yes, in the form that suits the stream. Of the failures the first three are named, and then where the
    others are, `errors`; `verbose`: all of them, `quiet`: none.
    """

    def __init__(self, *, shown: bool | None, quiet: bool, verbose: bool, errors: str) -> None:
        super().__init__(shown=shown, quiet=quiet)
        self._named = 0 if quiet else sys.maxsize if verbose else _FAILURES_NAMED
        self._errors = errors
        self._failures = 0
        self._totals = Totals()
        self._pace = Pacing()

    def __call__(self, totals: Totals, outcome: Outcome | None) -> None:
        """Take in the totals after a recording, or in between (None); they are shown when it is time."""
        self._totals = totals
        if isinstance(outcome, Failure):
            self._failures += 1
            if self._failures <= self._named:
                note_above_bar(one_line(f"{outcome.id}: {outcome.message}"))
            elif self._failures == self._named + 1 and not self._quiet:
                note_above_bar(one_line(f"Further failures are in {self._errors}."))

    def _look(self) -> Look:
        view = self._pace(self._totals)
        return Look(view.through_s, view.expected_s, view.short, view.line)


class AdaptProgress(_Clocked):
    """Follows an adaptation: its stage, how far that has come, the loss, what differs of the clips held out, and time.

    `now` is a clock in seconds.
    """

    def __init__(self, *, quiet: bool, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(shown=None, quiet=quiet)
        self._advance: Advance | None = None
        self._now = now
        self._start_s = now()

    def __call__(self, advance: Advance) -> None:
        """Take in how far it has come; it is shown when it is time."""
        self._advance = advance

    def _look(self) -> Look:
        return look_at(self._advance, self._now() - self._start_s)


class SearchProgress(_Clocked):
    """Follows a search: what it is at, the CER of the trial so far, the best one, and time.

    `now` is a clock in seconds.
    """

    def __init__(self, *, quiet: bool, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(shown=None, quiet=quiet)
        self._advance: SearchAdvance | None = None
        self._now = now
        self._start_s = now()

    def __call__(self, advance: SearchAdvance) -> None:
        """Take in how far it has come; it is shown when it is time."""
        self._advance = advance

    def _look(self) -> Look:
        return look_at_search(self._advance, self._now() - self._start_s)


class ConversionProgress:
    """Follows a conversion, if there is one; calls take a stage, the bytes done and their total."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: tqdm[NoReturn] | None = None
        self._stage = ""

    def __enter__(self) -> ConversionProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def note(self, line: str) -> None:
        """Show a line that is not of the progress."""
        if not self._quiet:
            note_above_bar(one_line(line))

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage has come, in bytes."""
        if self._quiet:
            return
        if stage != self._stage:
            if self._bar is not None:
                self._bar.close()
            self._stage = stage
            self._bar = bar(total=total, desc=stage, unit="B", unit_scale=True)
            if not on_terminal():
                note(f"{stage} …")
        assert self._bar is not None
        self._bar.update(done - self._bar.n)
