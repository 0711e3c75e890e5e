"""What Windows does and the other systems do not: where tests run there, and what they hold processes with."""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import sys
from typing import Any

ON_WINDOWS = sys.platform == "win32"

_PROCESS_IDS = 3  # JobObjectBasicProcessIdList
_MOST = 256
_SYNCHRONIZE = 0x00100000  # what one must be allowed to wait for a process


def system_says(number: int, winerror: int) -> str:
    """Give the system's words for an error: of its number, or on Windows, in the user's language, of Windows' own."""
    return ctypes.FormatError(winerror) if sys.platform == "win32" else os.strerror(number)


class _ProcessIds(ctypes.Structure):
    """JOBOBJECT_BASIC_PROCESS_ID_LIST."""

    _fields_ = (("assigned", ctypes.c_uint32), ("count", ctypes.c_uint32), ("ids", ctypes.c_size_t * _MOST))


def words_of(line: str) -> list[str]:
    """Split a command into its words as the system does."""
    if not ON_WINDOWS:
        return shlex.split(line)
    split = ctypes.WinDLL("shell32").CommandLineToArgvW  # type: ignore[attr-defined]
    split.restype = ctypes.POINTER(ctypes.c_wchar_p)
    count = ctypes.c_int()
    words = split(ctypes.c_wchar_p(line), ctypes.byref(count))
    return [words[n] or "" for n in range(count.value)]


def is_running(pid: int) -> bool:
    """Say whether a process has not ended yet."""
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.OpenProcess.restype = ctypes.c_void_p
    if not (handle := ctypes.c_void_p(kernel.OpenProcess(_SYNCHRONIZE, 0, pid))):
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0))
    finally:
        kernel.CloseHandle(handle)


def suspend(process: subprocess.Popen[Any]) -> None:
    """Let a process stand still, as SIGSTOP does."""
    ctypes.WinDLL("ntdll").NtSuspendProcess(_handle(process))  # type: ignore[attr-defined]


def resume(process: subprocess.Popen[Any]) -> None:
    """Let it go on."""
    ctypes.WinDLL("ntdll").NtResumeProcess(_handle(process))  # type: ignore[attr-defined]


def _handle(process: subprocess.Popen[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(int(process._handle))  # type: ignore[attr-defined]


class Job:
    """A process and all that it starts from now on, wherever these go: what a mark in the environment is elsewhere."""

    def __init__(self, process: subprocess.Popen[Any]) -> None:
        """Take a process that was just started."""
        self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._job = ctypes.c_void_p(self._kernel.CreateJobObjectW(None, None))
        if not self._kernel.AssignProcessToJobObject(self._job, _handle(process)):
            raise ctypes.WinError(ctypes.get_last_error())  # type: ignore[attr-defined]

    @property
    def pids(self) -> list[int]:
        """The processes that are still there."""
        found = _ProcessIds()
        size = ctypes.sizeof(found)
        if not self._kernel.QueryInformationJobObject(self._job, _PROCESS_IDS, ctypes.byref(found), size, None):
            raise ctypes.WinError(ctypes.get_last_error())  # type: ignore[attr-defined]
        return list(found.ids[: found.count])
