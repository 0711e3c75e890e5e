"""Steps against the clock: each within its limit; what fails or finds no time left is named and costs nothing else."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, TypeVar

from benchmarks.measures.places import ROOT, search_path

T = TypeVar("T")

# What was said last is what tells; all of it may be long.
_SAID = 4_000


class Clock:
    """How much of the time is left, and what it did not suffice for.

    `skipped`: the reason for each step that gave nothing, or not all. `took`: seconds of each, all its turns together.
    `after` is called after every step, so that what there is can be saved.
    """

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes
        self.after: Callable[[], object] = lambda: None
        self.skipped: dict[str, str] = {}
        self.took: dict[str, float] = {}
        self.under_way = "the start"

    @property
    def left_s(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def step(
        self, name: str, work: Callable[[float], T], *, needs_s: float = 1.0, most_s: float = math.inf
    ) -> T | None:
        """Do a step where at least `needs_s` are left; `work` is told how many seconds it may take, at most `most_s`.

        Gives None where it was left out or failed.
        """
        if self.left_s < needs_s:
            self.skipped[name] = "no time left"
            return None
        start, self.under_way = time.monotonic(), name
        try:
            return work(min(self.left_s, most_s))
        except Exception as error:  # whatever it is, the other steps are worth having
            self.skipped[name] = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            return None
        finally:
            took = time.monotonic() - start
            self.took[name] = round(self.took.get(name, 0.0) + took, 1)
            print(f"{name}: {took:.0f} s; {self.left_s:.0f} s left", file=sys.stderr)
            self.after()

    def guard(self, give_up: Callable[[], None], grace_s: float = 10.0) -> None:
        """Call `give_up` from a thread of its own when the time is over by more than `grace_s`: a step is stuck."""
        timer = threading.Timer(max(0.0, self.left_s) + grace_s, give_up)
        timer.daemon = True
        timer.start()


def command_output(arguments: Sequence[str], timeout_s: float | None = None) -> str:
    """Run a module of the benchmarks in a process of its own, and give what it prints.

    Raises RuntimeError where it fails or takes too long; then nothing is left of it, nor of what it started.
    """
    return output_of([sys.executable, "-m", *arguments], timeout_s)


def output_of(command: Sequence[str], timeout_s: float | None = None) -> str:
    """Run any command so; its name in what is raised is the word before its options."""
    name = command[2] if command[1:2] == ["-m"] else command[0]
    # Files, not pipes: a process that outlives the one that was killed would keep a pipe open, and whoever reads it.
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as err:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": search_path()}, stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{_end_of(err)}\n{name} took more than {timeout_s:.0f} s") from error
        finally:
            _kill(process)
        if code:
            raise RuntimeError(f"{name} failed:\n{_end_of(out)}\n{_end_of(err)}")
        out.seek(0)
        return out.read()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_of(file: IO[str]) -> str:
    file.seek(0)
    return file.read()[-_SAID:].strip()
