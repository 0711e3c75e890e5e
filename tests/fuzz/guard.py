"""What no case may do: write outside its folder, start a process, connect with a host, unpickle."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = frozenset(
    (
        *("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "subprocess.Popen", "pickle.find_class"),
        *("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "os.putenv", "os.chmod"),
    )
)
# Which of an event's arguments are paths that are written to, and which of them the folders that these begin in.
_WRITES = {
    **dict.fromkeys(("os.rmdir", "os.remove"), ((0, 1),)),
    "os.mkdir": ((0, 2),),
    "os.truncate": ((0, None),),
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Sees what Python's own audit events tell, while it is watching; it cannot be taken away again.

    `allowed` are the folders that may be written in.
    """

    def __init__(self, *allowed: str) -> None:
        self._allowed = tuple(os.path.realpath(folder) + os.sep for folder in allowed)
        self._watching = False
        self._seen: list[str] = []
        sys.addaudithook(self._hook)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Raise AssertionError at the end when something was done that may not be."""
        self._seen.clear()
        self._watching = True
        try:
            yield
        finally:
            self._watching = False
        assert not self._seen, f"it did what it may not: {self._seen[0]}"

    def _hook(self, event: str, args: tuple[object, ...]) -> None:
        if not self._watching:
            return
        if event in _NEVER:
            self._seen.append(f"{event} {args!r:.200}")
        elif event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITING:
                self._check(event, path)
        elif event in _WRITES:
            for at, folder in _WRITES[event]:
                self._check(event, args[at], -1 if folder is None else args[folder])

    def _check(self, event: str, path: object, folder: object = -1) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        if isinstance(folder, int) and folder >= 0:
            path = os.path.join(f"/proc/self/fd/{folder}", os.fsdecode(path))
        self._watching = False  # what follows has events of its own
        try:
            written = os.path.realpath(os.fsdecode(path))
        except ValueError:  # a NUL: no file has such a name
            return
        finally:
            self._watching = True
        if written != os.devnull and not (written + os.sep).startswith(self._allowed):
            self._seen.append(f"{event} {written!r}")
