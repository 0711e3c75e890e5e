"""A folder to write into, wherever it is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.storage.local import LocalStorage
from anime_whisper_ct2.output.storage.remote import RemoteStorage, check
from anime_whisper_ct2.readers.remote import is_url, is_web
from anime_whisper_ct2.readers.remote_errors import protocol, redacted
from anime_whisper_ct2.system.paths import at_home

_HERE = ("file", "local")


class Storage(Protocol):
    """A folder, here or behind a URL; its files have names with slashes, such as `parts/0001.jsonl`.

    It can be pickled and holds nothing open: on another machine it is opened with the credentials that are there. Two
    machines may write one name at a time; the last one counts. As a text, it is its place without credentials. What may
    pass behind a URL is tried again; all methods raise OutputError, with one line that names the file.
    """

    @property
    def place(self) -> str:
        """Its absolute path or URL."""

    def write(self, name: str, content: bytes) -> None:
        """Make a file, or replace it: it appears whole or not at all, with the folders that it needs.

        Nothing is synced to the disk: what must be whole after a power cut needs a checksum.
        """

    def read(self, name: str) -> bytes:
        """Read a file whole."""

    def names(self, under: str = "") -> list[str]:
        """List the files below a folder of it as they are now, sorted; none where there is no such folder.

        The names are those that the other methods take: they begin with `under`. What is still being written has none.
        """

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are gone do not matter."""

    def clear(self, under: str) -> None:
        """Remove a folder of it with all that is in it, also what writers that were killed left unfinished."""

    def exists(self, name: str) -> bool:
        """Say whether there is such a file now."""

    def upload(self, file: Path, name: str) -> None:
        """Copy a local file into it, as `write` does, but in blocks, and synced to the disk where that is local."""

    def download(self, name: str, file: Path) -> None:
        """Copy a file of it to a local one, in blocks; that one appears whole or not at all."""


def local_path(place: str) -> str | None:
    """Give a place as a local path, also where it is the URL of one or begins with `~/`; None for any other URL."""
    if not is_url(place):
        return at_home(place)
    if protocol(place) not in _HERE or "::" in place:
        return None
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - who meets no URL starts without it

    # fsspec has no public name for this, and it knows what `file:` URLs look like on every system.
    return str(LocalFileSystem._strip_protocol(place))


def open_storage(place: str) -> Storage:
    """Give the folder at a path or URL; it need not be there yet.

    Raises InputError for a URL where nothing can be written, or whose filesystem is not known or not installed, and
    OutputError for one whose other side does not answer.
    """
    if (path := local_path(place)) is not None:
        return LocalStorage(os.path.abspath(path))  # noqa: PTH100 - paths with invalid UTF-8 stay plain strings
    shown = redacted(place)
    if is_web(place):
        raise InputError(f"{shown}: nothing can be written to a web server; name a folder, or a URL such as s3://")
    if "::" in place:
        raise InputError(f"{shown}: nothing can be written through a chain of filesystems; name a plain URL")
    if not place.partition("://")[2].strip("/"):
        raise InputError(f"{shown}: names no folder; put its name behind, such as {protocol(place)}://bucket/run")
    check(place)
    return RemoteStorage(place)
