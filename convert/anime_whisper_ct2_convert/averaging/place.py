"""Where an average may go, and having that place for oneself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.model_dir import cache_root
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.paths import LITTER, lies_in
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.system.swapping import settle
from anime_whisper_ct2_convert.source import as_folder

# Searches and adaptations call what they leave beside OUT so too: whoever is next at that place puts it right.
KIND = "checkpoint"
# What the best average of a search has beside the files that its record lists.
_OF_A_SEARCH = frozenset(("search.json", "search.md", "search.svg"))
_ANOTHER = "name another folder with -o"


def check_place(names: Sequence[str], out: Path, known_by: str, *, overwrite: bool) -> None:
    """Refuse a place at which something would be lost, or nothing can be written.

    `known_by`: the file that an earlier average has, which lists all others. Raises InputError.
    """
    try:
        if lies_in(os.getcwd(), out):  # noqa: PTH109 - may be no UTF-8
            raise InputError(f"{out}: is the folder that you are in, or holds it; name a folder in it with -o")
        if os.path.ismount(os.path.realpath(out)):
            raise InputError(f"{out}: is a whole drive, or where one is mounted; name a folder in it with -o")
        for name in names:
            if (folder := as_folder(name)) is None:
                continue
            if lies_in(out, folder):
                raise InputError(f"{out}: lies in the checkpoint {folder}, which stays as it is; {_ANOTHER}")
            if lies_in(folder, out):
                raise InputError(f"{out}: the checkpoint lies in it ({folder}), and would be replaced; {_ANOTHER}")
        _check_free(out, known_by, overwrite)
        _check_writable(Path(os.path.realpath(out)).parent)
    except OSError as error:
        raise InputError(f"{error.filename or out}: cannot be looked at ({reason(error, out)}); {_ANOTHER}") from error


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Have a place for oneself, and put right what a killed process has left there. Raises OutputError."""
    # In the cache and not beside the place: a lock file cannot be removed safely, and would stay there.
    name = hashlib.sha256(os.fsencode(os.path.realpath(out))).hexdigest()[:24]
    lock = FileLock(cache_root() / "locks" / f"average-{name}.lock")
    try:
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(f"{out}: another `awct2 average` is at work there; wait for its end") from error
    except OSError as error:
        raise OutputError(f"{lock.lock_file}: cannot be locked ({reason(error, lock.lock_file)})") from error
    try:
        try:
            settle(out, KIND)
        except OSError as error:
            raise OutputError(f"{out}: cannot be written ({reason(error, out)}); {_ANOTHER}") from error
        yield
    finally:
        lock.release()


def _check_free(out: Path, known_by: str, overwrite: bool) -> None:
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise InputError(f"{out}: is no folder; name a folder that is not there yet with -o")
    there = {path.name for path in out.iterdir()}
    if not there:
        return
    if not (out / known_by).is_file():
        raise InputError(f"{out}: is not empty, and no result of `awct2 average`; {_ANOTHER}")
    if not overwrite:
        raise InputError(f"{out}: holds an average already; {_ANOTHER}, or add --overwrite")
    if others := sorted(there - _listed(out / known_by) - _OF_A_SEARCH - LITTER - {known_by}):
        raise InputError(f"{out}: holds {others[0]}, which no `awct2 average` has written; move it away, or {_ANOTHER}")


def _listed(record: Path) -> frozenset[str]:
    """Give the files that a result says it has; none where it says nothing."""
    try:
        return frozenset(map(str, json.loads(record.read_bytes())["files"]))
    except (ValueError, KeyError, TypeError):
        return frozenset()


def _check_writable(folder: Path) -> None:
    there = files.nearest_existing(folder)
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be made, since {there} is a file; {_ANOTHER}")
    if not files.is_writable(there):
        raise InputError(f"{there}: nothing can be written there by this user; {_ANOTHER}")
