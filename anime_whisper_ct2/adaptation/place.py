"""Where an adaptation puts its result and its work: what is no earlier result or work of its own is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.adaptation.lessons import TEACHER
from anime_whisper_ct2.adaptation.report import RESULT
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.output.places import check_apart, check_free, check_writable, looking_at, writing
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.paths import lies_in

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
    with looking_at(out):
        check_free(out, RESULT, "awct2 adapt", "an adapted checkpoint", overwrite=overwrite)
        check_apart(out, [checkpoint], read, goes=True)
        kept = work_folder(out, work)
        _check_work(checkpoint, out, kept, read)
        for path, option in ((Path(os.path.realpath(out)).parent, "-o"), (kept, "--work")):
            check_writable(path, option)


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


def _check_work(checkpoint: str, out: Path, kept: Path, read: Sequence[str]) -> None:
    if kept.exists() and not kept.is_dir():
        raise InputError(f"{kept}: is a file, and the work goes into a folder of that name; name one with --work")
    if lies_in(kept, out):
        raise InputError(f"{kept}: lies in {out}, which appears when all is done; name another folder with --work")
    if lies_in(out, kept):
        raise InputError(f"{out}: lies in {kept}, where the work is; name another folder with -o")
    check_apart(kept, [checkpoint], read, option="--work")
    if kept.is_dir() and not _is_work(kept):
        raise InputError(f"{kept}: is not empty, and no work of `awct2 adapt`; name another folder with --work")


def _is_work(folder: Path) -> bool:
    """Say whether there is nothing in a folder, or an adaptation's work; older ones have no mark."""
    names = {path.name for path in folder.iterdir()} - _LOCK
    return not names or MARKER in names or (folder / LESSONS / TEACHER).is_file()
