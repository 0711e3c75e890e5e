"""What a user sees while they wait: a bar on a terminal, else a plain line now and then. All on standard error."""

from __future__ import annotations

import sys
import time
from typing import NoReturn

import click
from tqdm import tqdm

from anime_whisper_ct2.errors import counted, one_line
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.records import Failure, Outcome

EXIT_INTERRUPTED = 130
_LINE_EVERY_S = 30.0


def duration(seconds: float) -> str:
    """Write a length of time as people say it: `47 s`, `12 min 30 s`, `5 h 06 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


class RunProgress:
    """Follows a run: recordings, audio, speed and time left. `shown` None: yes, in the form that suits the stream."""

    def __init__(self, *, shown: bool | None, quiet: bool, verbose: bool) -> None:
        visible = shown is not False and not quiet
        self._bar_wanted = visible and sys.stderr.isatty()
        self._lines_wanted = visible and not self._bar_wanted
        self._verbose = verbose and not quiet
        self._quiet = quiet
        self._bar: tqdm[NoReturn] | None = None
        self._next_line = time.monotonic() + _LINE_EVERY_S

    def __enter__(self) -> RunProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, totals: Totals, outcome: Outcome | None) -> None:
        """Show the totals after a recording, or while waiting for the next (None)."""
        if self._verbose and isinstance(outcome, Failure):
            tqdm.write(one_line(f"{outcome.id}: {outcome.message}"), file=sys.stderr)
        if self._bar_wanted:
            self._move_bar(totals)
        elif self._lines_wanted and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_EVERY_S
            click.echo(_line(totals), err=True)

    def note(self, line: str) -> None:
        """Show a line that is not of the progress."""
        if not self._quiet:
            tqdm.write(one_line(line), file=sys.stderr)

    def _move_bar(self, totals: Totals) -> None:
        if self._bar is None:
            before = totals.resumed + totals.failed_before
            self._bar = tqdm(initial=before, unit="clip", file=sys.stderr, dynamic_ncols=True)
        self._bar.initial = totals.resumed + totals.failed_before
        self._bar.total = totals.expected
        self._bar.n = _through(totals)
        # Before the first result, a speed of 0 would look like a run that hangs.
        audio = f"{duration(totals.audio_seconds)} of audio, {totals.speed:.1f}x" if totals.done else ""
        self._bar.set_postfix_str(audio, refresh=False)
        self._bar.update(0)


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

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage has come, in bytes."""
        if self._quiet:
            return
        if stage != self._stage:
            if self._bar is not None:
                self._bar.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage, unit="B", unit_scale=True, file=sys.stderr, disable=None)
            if not sys.stderr.isatty():
                click.echo(f"{stage} …", err=True)
        assert self._bar is not None
        self._bar.update(done - self._bar.n)


def _through(totals: Totals) -> int:
    return totals.done + totals.resumed + totals.failed


def _line(totals: Totals) -> str:
    through = _through(totals)
    left = max(0, totals.expected - through) if totals.expected is not None else 0
    of = f"{through:,} of {counted(totals.expected, 'recording')}" if totals.expected else counted(through, "recording")
    rest = f", about {duration(totals.wall_seconds / totals.done * left)} left" if totals.done and left else ""
    return (
        f"{of}, {duration(totals.audio_seconds)} of audio, "
        f"{totals.speed:.1f} times real time, {totals.failed} failed{rest}"
    )
