"""Child processes that take and give pickles over their standard streams.

A fresh interpreter and nothing inherited: no `__main__` imported again, no locks or CUDA contexts carried over by a
fork. A child ends when its standard input does, so none outlives this process, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any, cast

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.system import processes, signals, waiting

# How long a child that broke its pipe may take to end by itself, so that its own exit status is seen.
_GRACE_S = 2.0
# A message's length goes before it where several are read at a time; so much of them is, a pipe's usual size.
_LENGTH = struct.Struct("<Q")
_AT_A_TIME = 1 << 16
# How long what it said at last may take to be passed on: others may hold that pipe, too.
_LAST_WORDS_S = 0.2


class Child:
    """One process running `main` of a module, and the two ends of its pipes; `inherited` descriptors are its own, too.

    Raises EngineError when the system starts no more processes.
    """

    def __init__(self, module: str, env: Mapping[str, str], inherited: Collection[int] = ()) -> None:
        root = str(Path(__file__).resolve().parents[2])
        # With -m or PYTHONPATH, files of the folder that a user happens to stand in would be imported for libraries.
        code = (
            "import sys; sys.path[:] = filter(None, sys.path); "
            f"sys.path.append({root!r}); from {module} import main; main()"
        )
        try:
            self._process, self._relay = processes.started(
                [sys.executable, "-c", code], {**os.environ, **env}, inherited
            )
        except OSError as error:
            raise EngineError(f"no further process could be started: {error.strerror or error}") from error
        self._killed = False
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)
        self._come = bytearray()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it is known to have ended: `close` leaves one behind that does not."""
        return self._process.poll() is not None

    def send(self, message: object) -> None:
        """Hand over a message; blocks while the pipe is full. Raises OSError when the child is gone."""
        pickle.dump(message, self._stdin, protocol=5)
        self._stdin.flush()

    def receive(self) -> Any:
        """Wait for the next message, deaf to signals. Raises EOFError when the child is done or gone."""
        try:
            return pickle.load(self._stdout)
        except (pickle.UnpicklingError, OSError, ValueError) as error:
            raise EOFError from error  # it died in the middle of a message, or was closed by another thread

    def receive_all(self) -> list[Any]:
        """Wait for a message that was `framed`, and give it with all others that have come whole by then.

        Raises EOFError when the child is done or gone.
        """
        try:
            while not (messages := self._whole()):
                if not (more := self._stdout.read1(_AT_A_TIME)):  # type: ignore[attr-defined] # of what Popen opens
                    raise EOFError
                self._come += more
        except (pickle.UnpicklingError, OSError, ValueError) as error:
            raise EOFError from error
        return messages

    def _whole(self) -> list[Any]:
        """Take the messages that have come whole."""
        messages, at = [], 0
        with memoryview(self._come) as come:
            while (start := at + _LENGTH.size) <= len(come):
                end = start + _LENGTH.unpack_from(come, at)[0]
                if end > len(come):
                    break
                messages.append(pickle.loads(come[start:end]))
                at = end
        del self._come[:at]
        return messages

    def kill(self) -> None:
        """End the child at once; `close` still has to be called."""
        if self._process.poll() is None:
            self._killed = True
        # Of one that is just ending, Windows says that it may not be ended.
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> int:
        """Close the pipes, wait for the end and give the exit status; negative: the signal that killed it.

        A process that a driver keeps from ending is left behind, as if it were dead.
        """
        with contextlib.suppress(OSError):
            self._stdin.close()
        if waiting.exit_status(self._process, _GRACE_S) is None:
            self.kill()
        if waiting.exit_status(self._process, _GRACE_S) is None:
            return processes.KILLED
        with contextlib.suppress(OSError):
            self._stdout.close()
        if self._relay is not None:
            self._relay.join(_LAST_WORDS_S)
        return processes.status_of(self._process, killed=self._killed)


def framed(message: object) -> bytes:
    """Put a message into the form that `receive_all` takes."""
    pickled = pickle.dumps(message, protocol=5)
    return _LENGTH.pack(len(pickled)) + pickled


def streams() -> tuple[IO[bytes], IO[bytes]]:
    """Give a child its ends of the pipes.

    What C code prints must not end up among the pickles, so standard output is put in the place of standard error. A
    SIGTERM to a whole service is left to the parent, which lets the work in hand be finished.
    """
    signals.ignored()
    processes.no_dialogs()
    source = sys.stdin.buffer
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=1 << 16)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return source, sink
