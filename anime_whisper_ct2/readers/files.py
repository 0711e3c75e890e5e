"""Audio files on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath

from anime_whisper_ct2.audio import EXTENSIONS
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import Recording


def folder(root: str) -> Iterator[Recording]:
    """List the audio files below a folder, each folder's entries sorted by name.

    A file counts as audio by its extension; pipes, sockets and devices never do. Links are followed, except into a
    folder that the walk is already inside of. Names that are not valid UTF-8 come through as they are.

    Raises InputError for a folder that cannot be listed: a corpus with a hole in it would pass for whole.
    """
    yield from _walk(root, "", (_identity(root),))


def single(path: str) -> Iterator[Recording]:
    """Give the one recording that a file is, whatever its extension; its id is its name."""
    yield Recording(id=PurePath(path).name, name=path, audio=path)


def _walk(folder_path: str, below: str, inside: tuple[tuple[int, int], ...]) -> Iterator[Recording]:
    try:
        with os.scandir(folder_path) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"{folder_path}: cannot be listed: {error.strerror or error}") from error
    for entry in ordered:
        id_ = below + entry.name
        if is_folder(entry.path):
            identity = _identity(entry.path)
            if identity not in inside:
                yield from _walk(entry.path, id_ + "/", (*inside, identity))
        elif Path(entry.name).suffix[1:].lower() in EXTENSIONS and _is_regular(entry):
            yield Recording(id=id_, name=entry.path, audio=entry.path)


def is_folder(path: str) -> bool:
    """Say whether a path leads to a folder; one that leads nowhere, or round in a circle, does not."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - as for scandir, strings keep invalid UTF-8
    except OSError:
        return False


def _is_regular(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a file; a link that leads to none is one too, so that the run reports it."""
    try:
        return stat.S_ISREG(entry.stat().st_mode)
    except OSError:
        return True


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - as for scandir, plain strings keep invalid UTF-8
    return status.st_dev, status.st_ino
