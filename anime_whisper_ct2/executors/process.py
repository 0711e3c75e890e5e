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

from anime_whisper_ct2.errors import EngineError

# How long a child that broke its pipe may take to end by itself, so that its own exit status is seen.
_GRACE_S = 2.0
_KILLED = -9  # as SIGKILL is called where there are signals


class Child:
    """One process running `main` of a module, and the two ends of its pipes.

    Raises EngineError when the system starts no more processes.
    """

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        root = str(Path(__file__).resolve().parents[2])
        # With -m or PYTHONPATH, files of the folder that a user happens to stand in would be imported for libraries.
        code = (
            "import sys; sys.path[:] = filter(None, sys.path); "
            f"sys.path.append({root!r}); from {module} import main; main()"
        )
        # A session of its own: Ctrl-C in a terminal and signals to the process group are this process's business.
        # 0x200 is CREATE_NEW_PROCESS_GROUP, a name that only Windows' Python has.
        apart = {"creationflags": 0x200} if sys.platform == "win32" else {"start_new_session": True}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **env},
                **cast(dict[str, Any], apart),
            )
        except OSError as error:
            raise EngineError(f"no further process could be started: {error.strerror or error}") from error
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

    def kill(self) -> None:
        """End the child at once; `close` still has to be called."""
        self._process.kill()

    def close(self) -> int:
        """Close the pipes, wait for the end and give the exit status; negative: the signal that killed it.

        A process that a driver keeps from ending is left behind, as if it were dead.
        """
        with contextlib.suppress(OSError):
            self._stdin.close()
        code = self._wait()
        if code is None:
            self._process.kill()
            code = self._wait()
        if code is None:
            return _KILLED
        with contextlib.suppress(OSError):
            self._stdout.close()
        return code

    def _wait(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_GRACE_S)
        return None


def streams() -> tuple[IO[bytes], IO[bytes]]:
    """Give a child its ends of the pipes.

    What C code prints must not end up among the pickles, so standard output is put in the place of standard error. A
    SIGTERM to a whole service is left to the parent, which lets the work in hand be finished.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    source = sys.stdin.buffer
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 16)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return source, sink


def limit_memory(most_bytes: int) -> None:
    """Let this process take no more memory of its own than this, where the system knows such a limit."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return
    # Not RLIMIT_AS: libraries map far more addresses than they ever fill.
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def cause_of_death(code: int) -> str:
    """Put an exit status into words."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
