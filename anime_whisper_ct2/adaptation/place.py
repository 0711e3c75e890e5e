"""Where an adaptation puts its result and its work: nothing that is somebody's own is ever written over."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.adaptation.report import RESULT
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.paths import at_home, beginning_below, below
from anime_whisper_ct2.system.refusals import reason

# Behind the name of the result: where lessons and checkpoints are kept until it is there.
_WORK = ".work"


def work_folder(out: Path, work: Path | None = None) -> Path:
    """Give the folder for lessons, checkpoints and conversions: the one that is named, or the one beside `out`."""
    if work is not None:
        return work
    whole = Path(os.path.abspath(out))  # noqa: PTH100 - Path.absolute() keeps `..`, which has no name beside it
    return whole.with_name(whole.name + _WORK)


def check_place(
    checkpoint: str, out: Path, work: Path | None = None, *, read: Sequence[str] = (), overwrite: bool = False
) -> None:
    """Refuse places at which something would be lost, before anything is fetched.

    `read`: folders and files of the corpus. With `overwrite`, an earlier result may lie at `out`, and nothing else.
    Raises InputError.
    """
    _check_free(out, overwrite)
    folder = at_home(checkpoint)
    here = os.path.isdir(folder)  # noqa: PTH112 - may be a hub's id, or no UTF-8
    if here and _lies_in(out, folder):
        raise InputError(f"{out}: lies in the checkpoint {folder}, which stays as it is; name another folder with -o")
    if here and _lies_in(folder, out):
        raise InputError(f"{out}: the checkpoint lies in it, and would be replaced; name another folder with -o")
    for path in read:
        if _lies_in(path, out):
            raise InputError(f"{out}: {path} lies in it, and would be replaced; name another folder with -o")
    kept = work_folder(out, work)
    if kept.exists() and not kept.is_dir():
        raise InputError(f"{kept}: is a file, and the work goes into a folder of that name; name one with --work")
    if _lies_in(kept, out):
        raise InputError(f"{kept}: lies in {out}, which appears when all is done; name another folder with --work")
    if here and _lies_in(kept, folder):
        raise InputError(f"{kept}: lies in the checkpoint, which stays as it is; name another folder with --work")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Have the work folder for oneself."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    with writing(folder):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name what could not be written. Raises OutputError."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error


def publish(made: Path, out: Path) -> None:
    """Have the new checkpoint appear at its place, whole; an earlier one goes behind it."""
    aside = out.with_name(out.name + ".old")
    with writing(out):
        if out.is_dir():
            files.clear_away(aside)
            files.move(out, aside)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, out)
    files.clear_away(aside)


def _check_free(out: Path, overwrite: bool) -> None:
    """Refuse what is no folder, and a folder with anything in it but an earlier result that may go."""
    if not os.path.lexists(out):
        return
    if not out.is_dir():
        raise InputError(f"{out}: is no folder; name a folder that is not there yet with -o")
    if next(out.iterdir(), None) is None:
        return
    if not (out / RESULT).is_file():
        raise InputError(f"{out}: is not empty, and no result of `awct2 adapt`; name another folder with -o")
    if not overwrite:
        raise InputError(f"{out}: holds an adapted checkpoint already; name another folder with -o, or add --overwrite")


def _lies_in(path: str | Path, folder: str | Path) -> bool:
    """Say whether a path is a folder or lies below it, wherever links lead."""
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return os.path.normcase(inner) == os.path.normcase(outer) or below(inner, beginning_below(outer)) is not None
