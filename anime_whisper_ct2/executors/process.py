"""Child processes that take and give pickles over their standard streams.

A fresh interpreter and nothing inherited: no `__main__` imported again, no locks or CUDA contexts carried over by a
fork. A child ends when its standard input does, so none outlives this process, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast


class Child:
    """One process running `python -m module`, and the two ends of its pipes."""

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **env, "PYTHONPATH": path},
        )
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Hand over a message; blocks while the pipe is full. Raises OSError when the child is gone."""
        pickle.dump(message, self._stdin, protocol=5)
        self._stdin.flush()

    def receive(self) -> Any:
        """Wait for the next message. Raises EOFError when the child is done or gone."""
        try:
            return pickle.load(self._stdout)
        except (pickle.UnpicklingError, OSError, ValueError) as error:
            raise EOFError from error  # it died in the middle of a message, or was closed by another thread

    def finish_input(self) -> None:
        """Tell the child that nothing more comes."""
        with contextlib.suppress(OSError):
            self._stdin.close()

    def kill(self) -> None:
        """End the child at once; `close` still has to be called."""
        self._process.kill()

    def close(self) -> int:
        """Close the pipes, wait for the end and give the exit status; negative: the signal that killed it."""
        for pipe in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        return self._process.wait()


def streams() -> tuple[IO[bytes], IO[bytes]]:
    """Give a child its ends of the pipes, to be called before anything else is imported.

    What C code prints must not end up among the pickles, so standard output is put in the place of standard error; and
    Ctrl-C, which a terminal sends to all processes, is left to the parent.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source = sys.stdin.buffer
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 16)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return source, sink


def cause_of_death(code: int) -> str:
    """Put an exit status into words."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
