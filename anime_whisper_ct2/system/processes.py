"""Children apart from this process's console, what they died of, and how much memory they may take."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import IO, Any

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
# As SIGKILL is called where there are signals; of a process that this one has ended.
KILLED = -9
_ENDED = 1  # with what Popen's `kill` ends a process on Windows


def started(
    command: Sequence[str], env: Mapping[str, str], inherited: Collection[int] = ()
) -> tuple[subprocess.Popen[bytes], threading.Thread | None]:
    """Start a child with pipes for its standard input and output, which is no part of this terminal.

    Ctrl-C in a terminal is this process's business, and so is a closed console. On Windows no console window opens for
    it, whatever this process has. Its standard error is this process's: where that is a console of Windows, a thread
    passes on what the child says, and ends with it. Of other descriptors it has those `inherited`, by the same numbers;
    Windows passes on none. Raises OSError.
    """
    # A console of Windows shows nothing that comes from outside of it.
    relayed = sys.platform == "win32" and _is_console(2)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if relayed else None,
        env=env,
        pass_fds=inherited,
        **_apart(),
    )
    if process.stderr is None:
        return process, None
    relay = threading.Thread(target=_relay, args=(process.stderr,), name="stderr", daemon=True)
    relay.start()
    return process, relay


def status_of(process: subprocess.Popen[bytes], *, killed: bool) -> int:
    """Give the exit status of a child that has ended; `KILLED` where this process did it."""
    code = int(process.returncode)
    return KILLED if sys.platform == "win32" and killed and code == _ENDED else code


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
        return "it was killed" if code == KILLED else f"signal {-code}"


def no_dialogs() -> None:
    """Let this process die without asking anybody, which on Windows would keep it until a window is closed."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 - Windows' alone

        msvcrt.SetErrorMode(
            msvcrt.SEM_FAILCRITICALERRORS | msvcrt.SEM_NOGPFAULTERRORBOX | msvcrt.SEM_NOOPENFILEERRORBOX
        )


def limit_memory(most_bytes: int) -> None:
    """Let this process take no more memory of its own than this, where the system knows such a limit."""
    if sys.platform == "win32":
        _limit_by_job(most_bytes)
        return
    import resource  # noqa: PLC0415 - absent on Windows

    # Not RLIMIT_AS: libraries map far more addresses than they ever fill.
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _apart() -> dict[str, Any]:
    """Give Popen's arguments for a child that signals to this process's terminal or group do not reach."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _is_console(stream: int) -> bool:
    with contextlib.suppress(OSError):
        return os.isatty(stream)
    return False


def _relay(source: IO[bytes]) -> None:
    """Pass on what a child says, line by line, until it ends."""
    with source, contextlib.suppress(OSError, ValueError):
        for line in source:
            os.write(2, line)


def _limit_by_job(most_bytes: int) -> None:
    """Put this process into a job of its own, whose processes get no more memory than this; Windows alone has jobs."""
    if sys.platform != "win32":
        return
    import ctypes  # noqa: PLC0415 - for the few processes that want it

    class Basic(ctypes.Structure):
        """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

        _fields_ = (
            ("process_time", ctypes.c_int64),
            ("job_time", ctypes.c_int64),
            ("flags", ctypes.c_uint32),
            ("least_set", ctypes.c_size_t),
            ("most_set", ctypes.c_size_t),
            ("processes", ctypes.c_uint32),
            ("affinity", ctypes.c_size_t),
            ("priority", ctypes.c_uint32),
            ("scheduling", ctypes.c_uint32),
        )

    class Extended(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

        _fields_ = (
            ("basic", Basic),
            ("io", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process", ctypes.c_size_t),
            ("peak_job", ctypes.c_size_t),
        )

    of_process, extended = 0x100, 9  # JOB_OBJECT_LIMIT_PROCESS_MEMORY, JobObjectExtendedLimitInformation
    limits = Extended(basic=Basic(flags=of_process), process_memory=most_bytes)
    kernel32 = ctypes.WinDLL("kernel32")
    for name in ("CreateJobObjectW", "GetCurrentProcess"):
        getattr(kernel32, name).restype = ctypes.c_void_p
    # Never closed: the job lasts as long as the process. Where the system refuses, there is no limit.
    if job := ctypes.c_void_p(kernel32.CreateJobObjectW(None, None)):
        kernel32.SetInformationJobObject(job, extended, ctypes.byref(limits), ctypes.sizeof(limits))
        kernel32.AssignProcessToJobObject(job, ctypes.c_void_p(kernel32.GetCurrentProcess()))
