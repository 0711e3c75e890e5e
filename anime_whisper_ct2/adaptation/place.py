"""Where an adaptation puts its result and its work: what is no earlier result or work of its own is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.adaptation.lessons import TEACHER
from anime_whisper_ct2.adaptation.report import RESULT
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.paths import at_home, beginning_below, below
from anime_whisper_ct2.system.refusals import reason

# In the work folder.
LESSONS, TEXTS, TRAINING = "lessons", "texts.json", "training.pt"
CHECKPOINT, CONVERTED = "checkpoint", "converted"
# What makes it known as one.
MARKER = ".adapt"
# Behind the name of the result: where all that is kept until it is there.
_WORK = ".work"
_LOCK = frozenset((".lock", ".holder"))


def work_folder(out: Path, work: Path | None = None) -> Path:
    """Give the folder for lessons, checkpoints and conversions: the one that is named, or the one beside `out`."""
    if work is not None:
        return work
    whole = Path(os.path.abspath(out))  # noqa: PTH100 - Path.absolute() keeps `..`, which has no name beside it
    return whole.with_name(whole.name + _WORK)


def check_place(
    checkpoint: str, out: Path, work: Path | None = None, *, read: Sequence[str] = (), overwrite: bool = False
) -> None:
    """Refuse places at which something would be lost or nothing can be written, before anything is fetched.

    `read`: folders and files of the corpus. With `overwrite`, an earlier result may lie at `out`, and nothing else.
    Raises InputError.
    """
    try:
        _check_out(checkpoint, out, read, overwrite)
        kept = work_folder(out, work)
        _check_work(checkpoint, out, kept, read)
        for path, option in ((Path(os.path.realpath(out)).parent, "-o"), (kept, "--work")):
            _check_writable(path, option)
    except OSError as error:
        raise InputError(
            f"{error.filename or out}: cannot be looked at ({reason(error, out)}); name another folder"
        ) from error


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Have the work folder for oneself; one that is not there is made, and marked as one."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder)
    with writing(folder):
        lock.acquire()
        try:
            if not (folder / MARKER).exists():
                files.put(folder / MARKER, b"")
        except BaseException:
            lock.release()
            raise
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


def _check_out(checkpoint: str, out: Path, read: Sequence[str], overwrite: bool) -> None:
    if _lies_in(os.getcwd(), out):  # noqa: PTH109 - may be no UTF-8
        raise InputError(f"{out}: is the folder that you are in, or holds it; name a folder in it with -o")
    if not Path(os.path.abspath(out)).name:  # noqa: PTH100 - as in `work_folder`
        raise InputError(f"{out}: is a whole drive; name a folder on it with -o")
    _check_free(out, overwrite)
    folder = at_home(checkpoint)
    if os.path.isdir(folder):  # noqa: PTH112 - may be a hub's id, or no UTF-8
        if _lies_in(out, folder):
            raise InputError(
                f"{out}: lies in the checkpoint {folder}, which stays as it is; name another folder with -o"
            )
        if _lies_in(folder, out):
            raise InputError(f"{out}: the checkpoint lies in it, and would be replaced; name another folder with -o")
    for path in read:
        if _lies_in(path, out):
            raise InputError(f"{out}: {path} lies in it, and would be replaced; name another folder with -o")


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


def _check_work(checkpoint: str, out: Path, kept: Path, read: Sequence[str]) -> None:
    if kept.exists() and not kept.is_dir():
        raise InputError(f"{kept}: is a file, and the work goes into a folder of that name; name one with --work")
    if _lies_in(kept, out):
        raise InputError(f"{kept}: lies in {out}, which appears when all is done; name another folder with --work")
    if _lies_in(out, kept):
        raise InputError(f"{out}: lies in {kept}, where the work is; name another folder with -o")
    folder = at_home(checkpoint)
    if os.path.isdir(folder):  # noqa: PTH112 - as above
        if _lies_in(kept, folder):
            raise InputError(f"{kept}: lies in the checkpoint, which stays as it is; name another folder with --work")
        if _lies_in(folder, kept):
            raise InputError(f"{kept}: the checkpoint lies in it; name a folder for the work alone with --work")
    for path in read:
        if _lies_in(path, kept):
            raise InputError(f"{kept}: {path} lies in it; name a folder for the work alone with --work")
    if kept.is_dir() and not _is_work(kept):
        raise InputError(f"{kept}: is not empty, and no work of `awct2 adapt`; name another folder with --work")


def _is_work(folder: Path) -> bool:
    """Say whether there is nothing in a folder, or an adaptation's work; older ones have no mark."""
    names = {path.name for path in folder.iterdir()} - _LOCK
    return not names or MARKER in names or (folder / LESSONS / TEACHER).is_file()


def _check_writable(folder: Path, option: str) -> None:
    there = files.nearest_existing(folder)
    if not there.is_dir():
        raise InputError(f"{folder}: cannot be made, since {there} is a file; name another folder with {option}")
    if not files.is_writable(there):
        raise InputError(f"{there}: nothing can be written there by this user; name another folder with {option}")


def _lies_in(path: str | Path, folder: str | Path) -> bool:
    """Say whether a path is a folder or lies below it, wherever links lead."""
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return os.path.normcase(inner) == os.path.normcase(outer) or below(inner, beginning_below(outer)) is not None
