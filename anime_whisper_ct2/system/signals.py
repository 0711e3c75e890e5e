"""What asks a program to end: Ctrl-C, SIGTERM, a terminal that is closed, and on Windows Ctrl-Break."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

# SIGBREAK is what Ctrl-Break sends, and the one that a parent on Windows can send to a single child; SIGHUP is a
# terminal's end.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP") if hasattr(signal, name))
BESIDE_CTRL_C = ENDING[1:]
_HANGUP = getattr(signal, "SIGHUP", None)
# CTRL_CLOSE_EVENT: once it is answered, Windows ends the process. That its user logs off, or that it is shut down, it
# tells no process that has loaded user32, as ctypes does.
_CLOSING = 2


@contextlib.contextmanager
def handled(handler: Callable[[int, FrameType | None], None], numbers: Iterable[int] = ENDING) -> Iterator[None]:
    """Have signals call a handler; to be entered in the main thread.

    A hangup that `nohup` has this process ignore stays ignored, and of several the first is heard.
    """

    def called(number: int, frame: FrameType | None) -> None:
        """Call the handler, which may print."""
        if number == _HANGUP:
            # It comes from the shell and from the system, and is not for that a second wish.
            signal.signal(number, signal.SIG_IGN)
            _leave_terminal()
        handler(number, frame)

    before = {}
    for number in numbers:
        if number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, called)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def ignored() -> None:
    """Leave all of `ENDING` to the parent, for good; to be called in a child's main thread."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def closing(settle: Callable[[], None]) -> Iterator[None]:
    """Have `settle` called, in a thread of its own, when the console is closed.

    Windows ends the process when that returns, and 5 s after the event in any case. On other systems nothing is done:
    there a terminal that closes sends SIGHUP, which is among `ENDING`.
    """
    if sys.platform != "win32":
        yield
        return
    import ctypes  # noqa: PLC0415 - its `windll` is Windows' alone

    # Intel's Fortran runtime, which comes with the engine's MKL, is asked before all that came earlier, and aborts.
    os.environ.setdefault("FOR_DISABLE_CONSOLE_CTRL_HANDLER", "1")

    # Asked before C's runtime, which takes these events for SIGBREAK and answers them at once.
    @ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)  # a BOOL of a DWORD
    def asked(event: int) -> int:
        """Answer an event of the console; 0 leaves it to those that were asked before."""
        if event != _CLOSING:
            return 0
        settle()
        return 1

    ctypes.windll.kernel32.SetConsoleCtrlHandler(asked, 1)
    try:
        yield
    finally:
        ctypes.windll.kernel32.SetConsoleCtrlHandler(asked, 0)


def _leave_terminal() -> None:
    """Put nothing in the place of a terminal that is gone, so that what is printed is no error."""
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            # What was a terminal answers no more, and is a device still.
            if not os.isatty(stream) and stat.S_ISCHR(os.fstat(stream).st_mode):
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, stream)
                os.close(nothing)
