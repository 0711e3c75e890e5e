"""A folder behind a URL, through fsspec."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.storage.beside import BESIDE, beside, publishing
from anime_whisper_ct2.output.storage.local import check_readable
from anime_whisper_ct2.readers.remote import filesystem, walk
from anime_whisper_ct2.readers.remote_errors import RemoteError, attempt, redacted
from anime_whisper_ct2.system.refusals import reason

T = TypeVar("T")

_WILDCARDS = re.compile(r"[*?\[]")
_REMEDY = "mend that and run the same command again to go on"


@dataclass(frozen=True, slots=True, repr=False)
class RemoteStorage:
    """A `Storage` behind a URL.

    Where the filesystem can rename, a file is written beside and renamed. Where it cannot, as in object stores, a file
    is put as one object, and such appear when they are complete.
    """

    place: str

    def __str__(self) -> str:
        return redacted(self.place)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def write(self, name: str, content: bytes) -> None:
        """Make a file, or replace it."""
        self._put(name, lambda system, path: system.pipe_file(path, content))

    def read(self, name: str) -> bytes:
        """Read a file whole."""
        return cast(bytes, self._do(name, lambda system, path: system.cat_file(path)))

    def names(self, under: str = "") -> list[str]:
        """List the files below a folder of it, sorted."""
        return [name for name in self._all_names(under) if not name.endswith(BESIDE)]

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, many with one request where the other side knows that."""
        listed = list(names)
        with _trouble():
            # In lists, fsspec takes for a pattern what looks like one.
            plain = not _WILDCARDS.search("".join((self.place, *listed)))
            if len(listed) > 1 and plain and self._remove_all(listed):
                return
            for name in listed:
                with _absent_is_fine():
                    self._attempt(name, lambda system, path: system.rm_file(path))

    def clear(self, under: str) -> None:
        """Remove a folder of it with all that is in it."""
        self.remove(self._all_names(under))
        with _trouble():
            system, path = self._at(under)
            if _renames(system) and not _WILDCARDS.search(path):
                # Folders that stay, because they are empty, do no harm.
                with contextlib.suppress(Exception):
                    system.rm(path, recursive=True)

    def exists(self, name: str) -> bool:
        """Say whether there is such a file."""
        with _trouble(), _absent_is_fine():
            # An object store has no folders, but calls one what others' names begin with.
            return self._attempt(name, _type_of) != "directory"
        # Where its absence was swallowed.
        return False

    def upload(self, file: Path, name: str) -> None:
        """Copy a local file into it."""
        check_readable(file)
        self._put(name, lambda system, path: system.put_file(os.fspath(file), path))

    def download(self, name: str, file: Path) -> None:
        """Copy a file of it to a local one."""
        try:
            with publishing(os.fspath(file)) as place:
                self._do(name, lambda system, path: system.get_file(path, place))
        except OSError as error:
            raise OutputError(f"{file} cannot be written: {reason(error, file)}; {_REMEDY}") from error

    def _url(self, name: str) -> str:
        return f"{self.place.rstrip('/')}/{name}".rstrip("/")

    def _at(self, name: str) -> tuple[Any, str]:
        system, folder = filesystem(self.place)
        return system, f"{folder.rstrip('/')}/{name}".rstrip("/")

    def _attempt(self, name: str, action: Callable[[Any, str], T]) -> T:
        system, path = self._at(name)
        return attempt(self._url(name), lambda: action(system, path))

    def _do(self, name: str, action: Callable[[Any, str], T]) -> T:
        with _trouble():
            return self._attempt(name, action)

    def _put(self, name: str, put: Callable[[Any, str], object]) -> None:
        def publish(system: Any, path: str) -> None:
            """Put the file in its place, by renaming where the filesystem can."""
            if not _renames(system):
                put(system, path)
                return
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            place = beside(path)
            try:
                put(system, place)
                _rename(system, place, path)
            except BaseException:
                with contextlib.suppress(Exception):
                    system.rm_file(place)
                raise

        self._do(name, publish)

    def _remove_all(self, names: Iterable[str]) -> bool:
        """Remove files at one go; False where that met one that is gone already."""
        system, _ = self._at("")
        paths = [self._at(name)[1] for name in names]
        try:
            attempt(self.place, lambda: system.rm(paths))
        except RemoteError as error:
            if not error.absent:
                raise
            return False
        return True

    def _all_names(self, under: str) -> list[str]:
        with _trouble():
            system, folder = self._at("")
            # Others write here: what fsspec remembers of a folder is old.
            system.invalidate_cache()
            urls = walk(system, self._at(under)[1], lambda path: self._url(path[len(folder) :].strip("/")))
            start = len(self._url("")) + 1
            with _absent_is_fine():
                return sorted(url[start:] for url in urls)
        return []


def check(url: str) -> None:
    """Raise InputError for a URL that fsspec or this installation does not know, OutputError where nobody answers."""
    try:
        filesystem(url)
    except RemoteError as error:
        kind = InputError if isinstance(error.__cause__, (ImportError, ValueError)) else OutputError
        raise kind(str(error)) from error


@contextlib.contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        raise OutputError(f"{error}; {_REMEDY}") from error


@contextlib.contextmanager
def _absent_is_fine() -> Iterator[None]:
    try:
        yield
    except RemoteError as error:
        if not error.absent:
            raise


def _type_of(system: Any, path: str) -> str:
    system.invalidate_cache()
    return cast(str, system.info(path)["type"])


def _renames(system: Any) -> bool:
    """Say whether a filesystem renames; fsspec else copies and removes."""
    from fsspec import AbstractFileSystem  # noqa: PLC0415 - as in readers.remote

    return type(system).mv is not AbstractFileSystem.mv


def _rename(system: Any, old: str, new: str) -> None:
    try:
        system.mv(old, new)
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
    # Some replace nothing, and not all of those say so.
    system.invalidate_cache()
    if system.exists(old):
        system.rm_file(new)
        system.mv(old, new)
