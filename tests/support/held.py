"""Files that another program has open on Windows: what renames or removes them is refused, here on every system."""

from __future__ import annotations

import builtins
import errno
import os
import shutil
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from anime_whisper_ct2.system import files, refusals


def refusal(number: int, *paths: str, winerror: int | None = None) -> OSError:
    """An error of the system; `winerror` as Windows' calls give it, and C's library does not."""
    error = OSError(number, os.strerror(number), *paths)
    if winerror is not None:
        error.winerror = winerror  # type: ignore[attr-defined,unused-ignore]
    return error


@dataclass
class _Hold:
    place: str
    tries: int | None
    shared: bool
    readable: bool


class Holders:
    """Programs that have files open; time passes only while somebody waits for them, in `waited_s`."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._holds: list[_Hold] = []
        self.waited_s = 0.0
        self.refusals: list[str] = []
        for room in (files, refusals):
            patch.setattr(room, "_ON_WINDOWS", True)
        patch.setattr(files, "time", SimpleNamespace(monotonic=lambda: self.waited_s, sleep=self._sleep))
        # By whole paths, so that these functions see them.
        patch.setattr(shutil, "_use_fd_functions", False)
        for name in ("replace", "rename"):
            patch.setattr(os, name, self._renaming(getattr(os, name)))
        for name in ("unlink", "remove"):
            patch.setattr(os, name, self._removing(getattr(os, name)))
        patch.setattr(files, "open", self._open, raising=False)

    def hold(
        self, place: os.PathLike[str] | str, *, tries: int | None = None, shared: bool = True, readable: bool = True
    ) -> None:
        """Have a file open until it was asked for `tries` times; None: for good.

        `shared`: others may write into it; `readable`: they may open it at all.
        """
        self._holds.append(_Hold(_plain(place), tries, shared, readable))

    def let_go(self) -> None:
        """Close all files."""
        self._holds.clear()

    def _sleep(self, seconds: float) -> None:
        self.waited_s += seconds

    def _refuse(self, place: str, winerror: int, *, below: bool = False) -> None:
        for held in self._holds:
            if held.place != place and not (below and held.place.startswith(os.path.join(place, ""))):
                continue
            if not self._is_open(held):
                continue
            error = PermissionError(errno.EACCES, "The process cannot access the file", place)
            error.winerror = winerror  # type: ignore[attr-defined,unused-ignore]
            raise error

    def _is_open(self, held: _Hold) -> bool:
        """Say whether a file is held still, and note that it was asked for."""
        if held.tries == 0:
            return False
        if held.tries is not None:
            held.tries -= 1
        self.refusals.append(held.place)
        return True

    def _renaming(self, real: Any) -> Any:
        def rename(source: Any, target: Any, **more: Any) -> None:
            """Rename what nobody has open, over what nobody has open."""
            # ERROR_SHARING_VIOLATION of a file, and ERROR_ACCESS_DENIED of a folder, and of what is renamed over.
            self._refuse(_plain(source), 5 if os.path.isdir(source) else 32, below=True)
            self._refuse(_plain(target), 5)
            real(source, target, **more)

        return rename

    def _removing(self, real: Any) -> Any:
        def remove(path: Any, **more: Any) -> None:
            """Remove what nobody has open."""
            self._refuse(_plain(path), 32)
            real(path, **more)

        return remove

    def _open(self, path: Any, mode: str = "r", *args: Any, **more: Any) -> Any:
        for held in self._holds:
            refused = held.place == _plain(path) and not (held.readable and (held.shared or mode == "rb"))
            if refused and self._is_open(held):
                # As C's library says it, which knows no code of Windows'.
                raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return builtins.open(path, mode, *args, **more)


def _plain(place: Any) -> str:
    return os.path.normcase(os.path.abspath(os.fsdecode(place)))
