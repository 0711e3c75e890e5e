"""An export appears whole or not at all: it is written beside its place, then renamed."""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError, OutputError, counted
from anime_whisper_ct2.system import files, refusals

logger = logging.getLogger(__name__)

MARKER = ".awct2-export.json"
# Behind an export's name, with the process's number: what is not whole yet, and what it replaces.
_PARTIAL, _OLD = ".partial-", ".old-"
# What file managers leave where they have looked.
_LITTER = frozenset((".DS_Store", "Thumbs.db", "desktop.ini"))


@contextmanager
def publishing(path: Path, about: Mapping[str, Any], keep: Path | None = None) -> Iterator[Path]:
    """Give an empty folder to write into, which takes the place of `path` at the end.

    `about` says in the marker file what was exported; nothing in it may depend on time or place. An earlier export at
    `path` is replaced if nothing but its own files is in it. `keep` is a path below `path` that is no part of any
    export and stays. When anything goes wrong, `path` is as it was and what was written is removed.

    Raises InputError when `path` is no export and not empty, OutputError when the disk does not take it.
    """
    target = Path(os.path.realpath(path))
    below = None if keep is None else Path(os.path.realpath(keep)).relative_to(target)
    _check_replaceable(target, below)
    own = (f"{target}{_PARTIAL}", f"{target}{_OLD}")
    try:
        partial = _new(target)
    except OSError as error:
        raise not_written(path, error, own) from error
    try:
        yield partial
        count, listing = _listing(partial, None)
        marker = json.dumps({**about, "files": count, "listing": listing}, ensure_ascii=False, indent=2, sort_keys=True)
        (partial / MARKER).write_bytes(marker.encode("utf-8", "backslashreplace") + b"\n")
        # Once more: an export can take hours, in which somebody may have put something there.
        _check_replaceable(target, below)
        _swap(partial, target, below)
    except OSError as error:
        raise not_written(path, error, own) from error
    finally:
        files.clear_away(partial)


def not_written(place: Path | str, error: OSError, own: tuple[str, ...]) -> OutputError:
    """Say why an export was not written, and which file that is about: one that it is made of, as a recording.

    It is not named where it is the place itself, or begins as one of `own`, which nobody finds behind an error.
    """
    about = refusals.subject(error, "")
    known = not about or about.startswith(own) or os.path.realpath(about) == os.path.realpath(place)
    why = refusals.reason(error) if known else f"{about}: {refusals.reason(error)}"
    return OutputError(f"{place}: the export could not be written: {why}; mend that and export again")


def _new(target: Path) -> Path:
    """Make a folder beside an export; what is there is left alone, whoever made it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for count in itertools.count():
        partial = target.with_name(f"{target.name}{_PARTIAL}{os.getpid()}" + f".{count}" * bool(count))
        with suppress(FileExistsError):
            partial.mkdir()
            break
    return partial


def _swap(partial: Path, target: Path, below: Path | None) -> None:
    """Put `partial` in the place of `target`, but for what is to be kept of it; undone when it fails halfway."""
    old = target.with_name(f"{target.name}{_OLD}{os.getpid()}")
    if not target.exists():
        files.move(partial, target)
        return
    files.move(target, old)
    try:
        if below is not None and (old / below).exists():
            (partial / below).parent.mkdir(parents=True, exist_ok=True)
            if (partial / below).exists():
                (partial / below).rmdir()
            files.move(old / below, partial / below)
        files.move(partial, target)
    except BaseException:
        if below is not None and (partial / below).exists() and not (old / below).exists():
            files.move(partial / below, old / below)
        try:
            files.move(old, target)
        except OSError as error:
            raise OutputError(
                f"{target} cannot be put back: {refusals.reason(error)}; it is in {old}, rename that, and export again"
            ) from error
        raise
    files.clear_away(old)
    if old.exists():
        logger.warning("%s: what is left of the earlier export is held by another program; remove it later", old)


def _check_replaceable(target: Path, below: Path | None) -> None:
    """Refuse a place that holds anything which no export wrote: it would be gone."""
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; name a folder for the export with -o")
    count, listing = _listing(target, below)
    if not count and not (target / MARKER).exists():
        return
    try:
        marker = json.loads((target / MARKER).read_bytes())
        written, known = marker["files"], marker["listing"]
    except FileNotFoundError:
        raise InputError(f"{target} is not empty, and no earlier export; name another folder with -o") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{target / MARKER} cannot be read ({refusals.reason(error)}); name another folder with -o"
        ) from error
    if (count, listing) != (written, known):
        raise InputError(
            f"{target} is an earlier export of {counted(written, 'file')}, and now holds others ({count} in all); "
            "move what is yours out of it and remove it, or name another folder with -o"
        )
    if edited := _edited(target, below):
        raise InputError(
            f"{target}: {edited} was changed since it was exported; keep it by naming another folder with -o, "
            "or remove it"
        )


def _edited(folder: Path, below: Path | None) -> str | None:
    """Name a file that was changed since the export, whose marker came last; a recording's own file is no concern."""
    last_ns = (folder / MARKER).stat().st_mtime_ns
    for at, name in _files(folder, below):
        path = os.path.join(at, name)  # noqa: PTH118 - a million paths
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - as above
        if status.st_nlink == 1 and status.st_mtime_ns > last_ns:
            return os.path.relpath(path, folder)
    return None


def _files(folder: Path, below: Path | None) -> Iterator[tuple[str, str]]:
    """Give the files of an export: the folder of each, and its name."""
    kept = None if below is None else os.fspath(folder / below)
    for at, folders, names in os.walk(folder):
        if kept is not None:
            folders[:] = [name for name in folders if os.path.join(at, name) != kept]  # noqa: PTH118 - a million paths
        for name in names:
            if name not in _LITTER and not (name == MARKER and at == os.fspath(folder)):
                yield at, name


def _listing(folder: Path, below: Path | None) -> tuple[int, str]:
    """Count the files in a folder, and digest their paths in a way that their order does not matter to."""
    count, digest = 0, 0
    for at, name in _files(folder, below):
        path = os.path.relpath(at, folder).replace(os.sep, "/") + "/" + name
        count += 1
        digest += int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:16], "big")
    return count, f"{digest % (1 << 128):032x}"
