"""Files below a folder, on disk or behind a URL."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.remote import is_url, list_folder

# What an export or its clips are marked with: below a corpus, they are no part of it, unless they are named.
_OURS = frozenset((".awct2-export.json", ".awct2-clips.json"))
# Stand behind names while these are sorted.
_FILE, _OTHER = "\0", "\1"


def below(root: str, extensions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """List the files below a folder that have one of some extensions: (path below it, path), in a fixed order.

    Each folder's entries come sorted by name. Pipes, sockets and devices never count. Links are followed, except into
    a folder that the walk is already inside of. Names that are not valid UTF-8 come through as they are.

    Raises InputError for a folder that cannot be listed: a corpus with a hole in it would pass for whole.
    """
    wanted = tuple("." + extension for extension in extensions)
    if is_url(root):
        base = root.rstrip("/") + "/"
        found: Iterator[tuple[str, str]] = ((url.removeprefix(base), url) for url in list_folder(root))
    else:
        found = _walk(root, "", (_identity(root),))
    return ((id_, path) for id_, path in found if id_.lower().endswith(wanted) and not _is_apple_double(id_))


def is_folder(path: str) -> bool:
    """Say whether a path leads to a folder; one that leads nowhere, or round in a circle, does not."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - as for scandir, strings keep invalid UTF-8
    except OSError:
        return False


def _is_apple_double(id_: str) -> bool:
    """Say whether a name is that under which macOS puts a file's attributes beside it."""
    return id_.rpartition("/")[2].startswith("._")


def _walk(folder_path: str, above: str, inside: tuple[tuple[int, int], ...]) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(folder_path) as entries:
            # What the folder itself says of an entry saves a call to the system for each of millions of files; a mark
            # behind the name, smaller than what names hold, takes a tenth of the memory that the entries would.
            marked = [entry.name + (_FILE if entry.is_file(follow_symlinks=False) else _OTHER) for entry in entries]
    except OSError as error:
        raise InputError(f"{folder_path}: cannot be listed: {error.strerror or error}") from error
    if above and any(name[:-1] in _OURS for name in marked):
        return
    marked.sort()
    for name in marked:
        id_ = above + name[:-1]
        path = os.path.join(folder_path, name[:-1])  # noqa: PTH118 - as for scandir, strings keep invalid UTF-8
        if name.endswith(_FILE):
            yield id_, path
        elif is_folder(path):
            identity = _identity(path)
            if identity not in inside:
                yield from _walk(path, id_ + "/", (*inside, identity))
        elif os.path.islink(path) and _leads_to_file_or_nowhere(path):  # noqa: PTH114 - as above
            yield id_, path


def _leads_to_file_or_nowhere(path: str) -> bool:
    """Say whether a link leads to a file; one that leads to nothing is taken too, so that the run reports it."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except OSError:
        return True


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)  # noqa: PTH116 - as for scandir, plain strings keep invalid UTF-8
    return status.st_dev, status.st_ino
