"""Children without a console of their own, what they died of, and how much memory they may take."""

from __future__ import annotations

import signal
import sys
from typing import Any

# What Windows ends a process with, as Popen gives it: an exit status of 32 bits without a sign.
_STATUSES = {
    0x40010004: "ended by a debugger or with its session",
    0xC0000005: "access violation",
    0xC0000017: "out of memory",
    0xC000001D: "illegal instruction: the processor lacks what the library was built for",
    0xC0000025: "exception that could not be continued",
    0xC0000094: "division by zero",
    0xC00000FD: "stack overflow",
    0xC0000135: "a DLL was not found",
    0xC0000139: "a function was not found in a DLL",
    0xC000013A: "Ctrl-C, or its console was closed",
    0xC0000142: "a DLL could not be initialised",
    0xC0000374: "heap corruption",
    0xC0000409: "abort or stack overrun",
    0xC000041D: "exception in a callback",
    0xE06D7363: "C++ exception",
}
_LEAST_STATUS = 0x40000000


def apart() -> dict[str, Any]:
    """Give Popen's arguments for a child that signals to this process's terminal or group do not reach.

    Ctrl-C in a terminal is this process's business, and so is a closed console. On Windows no console window opens for
    it either, whatever this process has.
    """
    if sys.platform == "win32":
        import subprocess  # noqa: PLC0415 - names that only Windows' Python has

        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def cause_of_death(code: int) -> str:
    """Put an exit status into words: a signal's name, or Windows' status in hex with what it stands for."""
    if code >= _LEAST_STATUS:
        meaning = _STATUSES.get(code)
        return f"exit status 0x{code:08X}" + (f", {meaning}" if meaning else "")
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {-code}, {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
