"""Files below a folder, on disk or behind a URL."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.remote import is_url, list_entries
from anime_whisper_ct2.system.refusals import reason

# What an export or its clips are marked with: below a corpus, they are no part of it, unless they are named.
_OURS = frozenset((".awct2-export.json", ".awct2-clips.json"))
# Stand behind names while these are sorted.
_FILE, _FOLDER, _OTHER = "\0", "\1", "\2"


Identity: TypeAlias = tuple[int, int] | str


class Found(NamedTuple):
    """A file below a folder: its path there, with slashes, and its path; or a folder that cannot be listed.

    The `id` of such a folder ends in a slash, but for the one that was walked, which has none, and `fault` says in one
    line what is wrong with it.
    """

    id: str
    path: str
    fault: str = ""


def below(root: str, extensions: Iterable[str]) -> Iterator[tuple[str, str]]:
    """List the files below a folder that have one of some extensions: (path below it, path), in a fixed order.

    As `walk` does. Raises InputError for a folder that cannot be listed: what has a hole in it would pass for whole.
    """
    wanted = tuple("." + extension for extension in extensions)
    for id_, path, fault in walk(root):
        if fault:
            raise InputError(fault)
        if id_.lower().endswith(wanted):
            yield id_, path


def walk(root: str) -> Iterator[Found]:
    """List all files below a folder, on disk or behind a URL, in a fixed order, and its folders that cannot be listed.

    Each folder's entries come sorted by name. Pipes, sockets and devices never count, nor what macOS puts beside files.
    Links are followed, except into a folder that the walk is already inside of. Names that are not valid UTF-8 come
    through as they are.

    Raises InputError where the way to a URL is broken.
    """
    found = _remote(root) if is_url(root) else _walk(root, "", ())
    return (each for each in found if not _is_apple_double(each.id))


def is_folder(path: str) -> bool:
    """Say whether a path leads to a folder; one that leads nowhere, or round in a circle, does not."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - as for scandir, strings keep invalid UTF-8
    except OSError:
        return False


def _is_apple_double(id_: str) -> bool:
    """Say whether a name is that under which macOS puts a file's attributes beside it."""
    return id_.rpartition("/")[2].startswith("._")


def _remote(root: str) -> Iterator[Found]:
    base = root.rstrip("/") + "/"
    for url, error in list_entries(root):
        yield Found(url.removeprefix(base), url or root, "" if error is None else str(error))


def _walk(folder_path: str, above: str, inside: tuple[Identity, ...]) -> Iterator[Found]:
    try:
        identity = _identity(folder_path)
        if identity in inside:
            return
        with os.scandir(folder_path) as entries:
            # What the folder itself says of an entry saves a call to the system for each of millions of files; a mark
            # behind the name, smaller than what names hold, takes a tenth of the memory that the entries would.
            marked = [entry.name + _mark(entry) for entry in entries]
    except OSError as error:
        yield Found(above, folder_path, f"{folder_path}: cannot be listed: {reason(error, folder_path)}")
        return
    if above and any(name[:-1] in _OURS for name in marked):
        return
    marked.sort()
    for name in marked:
        id_ = above + name[:-1]
        path = os.path.join(folder_path, name[:-1])  # noqa: PTH118 - as for scandir, strings keep invalid UTF-8
        if name.endswith(_FILE):
            yield Found(id_, path)
        elif name.endswith(_FOLDER) or is_folder(path):
            yield from _walk(path, id_ + "/", (*inside, identity))
        elif os.path.islink(path) and _leads_to_file_or_nowhere(path):  # noqa: PTH114 - as above
            yield Found(id_, path)


def _mark(entry: os.DirEntry[str]) -> str:
    if entry.is_file(follow_symlinks=False):
        return _FILE
    # Asked of the path, a folder within one that may be listed and not entered would seem to be none.
    return _FOLDER if entry.is_dir(follow_symlinks=False) else _OTHER


def _leads_to_file_or_nowhere(path: str) -> bool:
    """Say whether a link leads to a file; one that leads to nothing is taken too, so that the run reports it."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
    except OSError:
        return True


def _identity(path: str) -> Identity:
    status = os.stat(path)  # noqa: PTH116 - as for scandir, plain strings keep invalid UTF-8
    # Some network drives number nothing, and all their folders would be one.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
