"""Containers: files and folders that hold many recordings, by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from anime_whisper_ct2.extensions import TABLES, TARS, has_extension
from anime_whisper_ct2.readers.archive import is_in_place
from anime_whisper_ct2.readers.remote import is_web
from anime_whisper_ct2.readers.tables.files import dataset_folder, table
from anime_whisper_ct2.readers.tar import tar_shard
from anime_whisper_ct2.records import Container, Recording


def contained(
    path: str, prefix: str, column: str | None, pass_over: Callable[[str], None] = lambda _id: None
) -> Iterator[Recording]:
    """List what is in a tar, a table or a folder that `datasets` saved; ids lie below `prefix`.

    `pass_over` gets the ids of a tar's members that are of no use.

    Raises InputError for a table that cannot be read at all; what is wrong with a tar is a recording that fails.
    """
    name = urlsplit(path).path if is_web(path) else path
    if has_extension(name, TARS):
        return tar_shard(path, prefix, pass_over)
    return (table if has_extension(name, TABLES) else dataset_folder)(path, prefix, column)


def references(
    path: str, prefix: str, column: str | None, pass_over: Callable[[str], None] = lambda _id: None
) -> Iterator[Recording]:
    """Give what is in a container as references, where it can be read in place, or else one for all of it."""
    # To list such a tar takes its headers alone, and any member can be found again by its place.
    if has_extension(path, TARS) and is_in_place(path):
        yield from tar_shard(path, prefix, pass_over)
    else:
        yield Recording(prefix, path, Container(path, prefix, column))
