"""Paths as Windows has them, on any system: what rooms ask of `os` is answered as it is there."""

from __future__ import annotations

import contextlib
import ntpath
import os
import re
from types import ModuleType
from typing import Any

import pytest

from anime_whisper_ct2.system import paths

INVALID_NAME = 123
_UNNAMEABLE = frozenset('*?<>|"')


class WindowsOs:
    """`os`, with the paths of Windows and `C:\\work` as the working folder; what is on the disks stays what it is."""

    sep, altsep, path = "\\", "/", ntpath

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    @staticmethod
    def getcwd() -> str:
        return "C:\\work"


def windows_paths(patch: pytest.MonkeyPatch, *rooms: ModuleType) -> None:
    """Have these modules take paths as on Windows."""
    for room in rooms:
        patch.setattr(room, "os", WindowsOs())


def in_any_case(patch: pytest.MonkeyPatch) -> None:
    """Have the disk find names in any case, and with spaces and dots behind them, as Windows does."""
    if os.sep == "\\":
        return
    scandir = os.scandir

    def on_disk(path: Any) -> Any:
        """Give the path as it is on the disk, as far as it is there."""
        if not isinstance(path, (str, os.PathLike)):
            return path
        found = ""
        for part in re.split("(/+)", os.fspath(path)):
            name = part
            with contextlib.suppress(OSError), scandir(found or ".") as entries:
                name = {each.name.lower(): each.name for each in entries}.get(part.rstrip(" .").lower(), part)
            found += name
        return found

    for place, name in ((os, "stat"), (os, "lstat"), (os, "scandir"), (os.path, "realpath")):
        real = getattr(place, name)
        patch.setattr(place, name, lambda path=".", *args, real=real, **more: real(on_disk(path), *args, **more))
    patch.setattr(os.path, "normcase", lambda path: os.fspath(path).lower())
    as_named = paths.as_named

    def named(path: str) -> str:
        """Answer as on Windows."""
        with pytest.MonkeyPatch.context() as windows:
            windows_paths(windows, paths)
            return as_named(path)

    patch.setattr(paths, "as_named", named)


def invalid_name(path: str) -> OSError:
    """What Windows says of a name that nothing can have."""
    error = OSError(22, "The filename, directory name, or volume label syntax is incorrect", path)
    error.winerror = INVALID_NAME  # type: ignore[attr-defined,unused-ignore]
    return error


def refuse_wildcards(patch: pytest.MonkeyPatch) -> None:
    """Have the system refuse names with wildcards, as Windows does, rather than say that there is no such file."""
    real = os.stat

    def stat(path: Any, *args: Any, **options: Any) -> os.stat_result:
        if isinstance(path, (str, os.PathLike)) and _UNNAMEABLE & set(os.fspath(path)):
            raise invalid_name(os.fspath(path))
        return real(path, *args, **options)

    patch.setattr(os, "stat", stat)
