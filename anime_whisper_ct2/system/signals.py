"""What asks a program to end: Ctrl-C, SIGTERM, and on Windows Ctrl-Break and a console that is closed."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

# SIGBREAK is what Ctrl-Break sends, and the one that a parent on Windows can send to a single child.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))
# CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT: once they are answered, Windows ends the process.
_CLOSING = frozenset((2, 5, 6))


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have all of `ENDING` call a handler; to be entered in the main thread."""
    before = {number: signal.signal(number, handler) for number in ENDING}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def closing(settle: Callable[[], None]) -> Iterator[None]:
    """Have `settle` called, in a thread of its own, when the console is closed or its user logs off.

    Windows ends the process when that returns, and 5 s after the event in any case. On other systems nothing is done:
    there a terminal that closes sends SIGHUP, which ends the process.
    """
    if sys.platform != "win32":
        yield
        return
    import ctypes  # noqa: PLC0415 - its `windll` is Windows' alone

    @ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)  # a BOOL of a DWORD
    def asked(event: int) -> int:
        """Answer an event of the console; 0 leaves it to those that were asked before."""
        if event not in _CLOSING:
            return 0
        settle()
        return 1

    ctypes.windll.kernel32.SetConsoleCtrlHandler(asked, 1)
    try:
        yield
    finally:
        ctypes.windll.kernel32.SetConsoleCtrlHandler(asked, 0)
