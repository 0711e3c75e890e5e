"""A folder of this machine, or one that it shares with others."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.storage.beside import BESIDE, publishing
from anime_whisper_ct2.system.files import opened, patiently, remove, remove_tree
from anime_whisper_ct2.system.paths import can_be_no_name
from anime_whisper_ct2.system.refusals import reason


@dataclass(frozen=True, slots=True)
class LocalStorage:
    """A `Storage` in a local folder; its path may hold bytes that are no UTF-8, hence `open` and `os` throughout."""

    place: str

    def __str__(self) -> str:
        return self.place

    def write(self, name: str, content: bytes) -> None:
        """Make a file, or replace it."""
        path = self._path(name)
        # No fsync: it would cost more than the small files that are written here.
        with _trouble(path, "written"), publishing(path) as place, open(place, "xb") as file:  # noqa: PTH123 - see class
            file.write(content)

    def read(self, name: str) -> bytes:
        """Read a file whole."""
        path = self._path(name)
        with _trouble(path, "read"), opened(path) as file:
            return file.read()

    def names(self, under: str = "") -> list[str]:
        """List the files below a folder of it, sorted."""
        folder = self._path(under)
        with _trouble(folder, "read"):
            return sorted(name for name in _files(folder, under.strip("/")) if not name.endswith(BESIDE))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        for path in map(self._path, names):
            with _trouble(path, "removed"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
                remove(path)

    def clear(self, under: str) -> None:
        """Remove a folder of it with all that is in it."""
        path = self._path(under)
        with _trouble(path, "removed"):
            remove_tree(path)

    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""
        return os.path.isfile(self._path(name))  # noqa: PTH113 - see class

    def upload(self, file: Path, name: str) -> None:
        """Copy a local file into it."""
        check_readable(file)
        path = self._path(name)
        with _trouble(path, "written"), publishing(path) as place:
            patiently(lambda: shutil.copyfile(file, place))
            with opened(place, "rb+") as copy:
                os.fsync(copy.fileno())

    def download(self, name: str, file: Path) -> None:
        """Copy a file of it to a local one."""
        path = self._path(name)
        with _trouble(path, "copied"), publishing(os.fspath(file)) as place:
            patiently(lambda: shutil.copyfile(path, place))

    def _path(self, name: str) -> str:
        return os.path.join(self.place, name)  # noqa: PTH118 - see class


def check_readable(file: Path) -> None:
    """Raise OutputError for a file that cannot be opened."""
    with _trouble(os.fspath(file), "read"):
        opened(file).close()


def _files(folder: str, name: str) -> Iterator[str]:
    """List the files below a folder; `name` is its own, from the storage on."""
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        if can_be_no_name(error):  # as Windows sees what lies below a file
            return
        raise
    for entry in entries:
        called = f"{name}/{entry.name}" if name else entry.name
        if entry.is_dir():
            yield from _files(entry.path, called)
        else:
            yield called


@contextlib.contextmanager
def _trouble(path: str, done: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{path} cannot be {done}: {reason(error, path)}; mend that and run the same command again to go on"
        ) from error
