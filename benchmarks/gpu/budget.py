"""Steps against the clock: each within its limit; what fails or finds no time left is named and costs nothing else."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmarks.measures.places import ROOT, search_path

T = TypeVar("T")


class Clock:
    """How much of the time is left, and what it did not suffice for.

    `skipped`: the reason for each step that gave nothing. `took`: seconds of each, all its turns together. `after` is
    called after every step, so that what there is can be saved.
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
    """Run a module of the benchmarks in a process of its own. Raises RuntimeError where it fails or takes too long."""
    path = search_path()
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True,
            timeout=timeout_s,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        said = error.stderr or b""
        said = said if isinstance(said, str) else said.decode(errors="replace")
        raise RuntimeError(f"{said[-2000:]}\n{arguments[0]} took more than {timeout_s:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{arguments[0]} failed:\n{error.stdout[-2000:]}\n{error.stderr[-4000:]}") from error
    return done.stdout
