"""Places of results: what is nobody's but the user's is left alone, and nothing begins that could not be written."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.paths import LITTER, at_home, lies_in
from anime_whisper_ct2.system.refusals import reason


def check_free(
    out: Path,
    known_by: str,
    command: str,
    holds: str,
    *,
    overwrite: bool = False,
    own: Collection[str] | None = None,
    option: str = "-o",
) -> None:
    """Refuse a place for a result where anything lies but an earlier one that may go.

    `known_by`: the file by which a folder is known as a result of `command`, which `holds` what (`an adapted
    checkpoint`). `own`: files that a result has beside those that this one lists; then nothing else may go with it.
    `option` is the one that names the place. Raises InputError, and OSError for a folder that nobody may look into: see
    `looking_at`.
    """
    another = f"name another folder with {option}"
    if lies_in(os.getcwd(), out):  # noqa: PTH109 - may be no UTF-8
        raise InputError(f"{out}: is the folder that you are in, or holds it; name a folder in it with {option}")
    if os.path.ismount(os.path.realpath(out)):
        raise InputError(f"{out}: is a whole drive, or where one is mounted; name a folder in it with {option}")
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise InputError(f"{out}: is no folder; name a folder that is not there yet with {option}")
    there = {path.name for path in out.iterdir()}
    if not there:
        return
    if not (out / known_by).is_file():
        raise InputError(f"{out}: is not empty, and no result of `{command}`; {another}")
    if not overwrite:
        raise InputError(f"{out}: holds {holds} already; {another}, or add --overwrite")
    if own is not None and (others := sorted(there - _listed(out / known_by) - {known_by, *own} - LITTER)):
        raise InputError(f"{out}: holds {others[0]}, which no `{command}` has written; move it away, or {another}")


def check_apart(
    place: Path, checkpoints: Sequence[str], read: Sequence[str] = (), *, goes: bool = False, option: str = "-o"
) -> None:
    """Refuse a place in a checkpoint, and one in which a checkpoint lies, or what else is read.

    `checkpoints` may be ids of a hub, which lie nowhere here. What is at the place now `goes`, or stays beside what is
    made there. Raises InputError.
    """
    another = f"name another folder with {option}"
    lost = ", and would be replaced" if goes else ""
    for checkpoint in checkpoints:
        folder = at_home(checkpoint)
        if not os.path.isdir(folder):  # noqa: PTH112 - may be a hub's id, or no UTF-8
            continue
        if lies_in(place, folder):
            raise InputError(f"{place}: lies in the checkpoint {folder}, which stays as it is; {another}")
        if lies_in(folder, place):
            raise InputError(f"{place}: the checkpoint lies in it ({folder}){lost}; {another}")
    for path in read:
        if lies_in(path, place):
            raise InputError(f"{place}: {path} lies in it{lost}; {another}")


def check_writable(folder: Path, option: str) -> None:
    """Refuse a folder in which this user cannot write, or which cannot be made. Raises InputError."""
    there = files.nearest_existing(folder)
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be made, since {there} is a file; name another folder with {option}")
    if not files.is_writable(there):
        raise InputError(f"{there}: nothing can be written there by this user; name another folder with {option}")


def _listed(record: Path) -> frozenset[str]:
    """Give the files that a result says it has; none where it says nothing."""
    try:
        return frozenset(map(str, json.loads(record.read_bytes())["files"]))
    except (ValueError, KeyError, TypeError):
        return frozenset()


@contextmanager
def looking_at(place: Path) -> Iterator[None]:
    """Name what could not be looked at. Raises InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or place}: cannot be looked at ({reason(error, place)}); name another folder"
        ) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name what could not be written. Raises OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error
