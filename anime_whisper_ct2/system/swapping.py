"""A folder takes its place whole or not at all: it is made beside it, synced, and swapped in by renaming.

An earlier one waits beside the place, under a name that nobody else has, until the new one is there. Whatever ends the
process on the way, `settle` finds one of the two, and leaves that in the place. What a process is at is held by it, so
that `settle` leaves it alone, whoever calls that and wherever: two processes at one place do not clear each other's
work away. Which of them is the last to take the place is for whoever calls.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from anime_whisper_ct2.system import files, locks

_ON_WINDOWS = sys.platform == "win32"
# In the folder that is made beside a place for as long as something takes it.
_OLD, _NEW = "old", "new"
# What conversions of earlier versions, which may have been killed too, called the first of these.
_ALSO_OLD = "model"
# Held for as long as the folder beside the place is in use.
_HELD = ".held"


@contextmanager
def replacing(place: Path, kind: str) -> Iterator[Path]:
    """Give an empty folder to fill; it takes its place when the block ends, and vanishes when the block raises.

    `kind`: a word for what is made, in the name of the folder beside the place. The folder's rights are those that any
    new folder gets. Where a link leads elsewhere, that is the place. What stood there goes. Raises OSError; what stood
    there is in its place then.
    """
    with _beside(place, kind) as (new, target):
        new.mkdir()
        yield new
        sync_tree(new)
        _swap(new, target)


def bring(made: Path, place: Path, kind: str) -> None:
    """Have a folder that lies ready elsewhere take a place, as `replacing` does; from another disk it comes as a copy.

    `made` is gone afterwards. Raises OSError; what stood at the place is there then.
    """
    with _beside(place, kind) as (new, target):
        try:
            files.move(made, new)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copytree(made, new)
            sync_tree(new)
        _swap(new, target)
    files.clear_away(made)


def settle(place: Path, kind: str) -> None:
    """Put right what a process has left that was ended while it replaced a folder; what one is at now stays as it is.

    An earlier one is given back where nothing is in its place, and what was unfinished goes. Raises OSError.
    """
    target = _real(place)
    if not target.name:
        return  # a whole drive, which is no place for a result
    for beside in target.parent.glob(f"{_prefix(target, kind)}*"):
        _settle(beside, target)


def sync_tree(folder: Path) -> None:
    """Have all files in a folder, and their names, outlive a power cut. Raises OSError."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            # Windows syncs what it can write; elsewhere, copies of what may only be read are synced too.
            with files.opened(path, "rb+" if os.access(path, os.W_OK) else "rb") as file:
                os.fsync(file.fileno())
        files.sync_folder(at)


def _settle(beside: Path, target: Path) -> None:
    with ExitStack() as stack:
        try:
            if not stack.enter_context(locks.tried(beside / _HELD)):
                return
        except OSError:
            return  # another one has just cleared it away, or it is another user's
        for old in (beside / _OLD, beside / _ALSO_OLD):
            if os.path.lexists(old) and not os.path.lexists(target):
                files.move(old, target)
        # While it is held: nobody may begin in it meanwhile.
        if not _ON_WINDOWS:
            files.clear_away(beside)
    # Windows removes nothing that is open.
    files.clear_away(beside)


@contextmanager
def _beside(place: Path, kind: str) -> Iterator[tuple[Path, Path]]:
    """Give the name of the new folder, in one that is nobody else's, and the place that is meant."""
    target = _real(place)
    above = [folder for folder in (target.parent, *target.parent.parents) if not os.path.lexists(folder)]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _own(target, kind) as beside:
            yield beside / _NEW, target
    except BaseException:
        for folder in above:
            # Unless somebody has put something there.
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def _own(target: Path, kind: str) -> Iterator[Path]:
    """Make a folder beside a place that `settle` leaves alone for as long as this process is at it."""
    beside = Path()
    try:
        with ExitStack() as stack:
            held = False
            while not held:
                # Not `mkdtemp`: since Python 3.12.4, what is moved out of its folder stays closed to others on Windows.
                beside = target.parent / f"{_prefix(target, kind)}{secrets.token_hex(6)}"
                beside.mkdir()
                # `settle` may come between the two.
                with suppress(FileNotFoundError):
                    held = stack.enter_context(locks.tried(beside / _HELD))
            yield beside
    finally:
        # An earlier one that could not be put back is for `settle`.
        if beside.name and (os.path.lexists(target) or not os.path.lexists(beside / _OLD)):
            files.clear_away(beside)


def _swap(new: Path, target: Path) -> None:
    old = new.with_name(_OLD)
    try:
        if os.path.lexists(target):
            files.move(target, old)
        files.move(new, target)
    except BaseException:
        # An interrupt may come when a move is done.
        if os.path.lexists(old) and not os.path.lexists(target):
            with suppress(OSError):
                files.move(old, target)
        raise
    finally:
        # The name has to outlive a power cut before the other folder goes.
        files.sync_folder(target.parent)


def _real(place: Path) -> Path:
    # Where a link leads to another disk, the result is wanted on that.
    return Path(os.path.realpath(place))


def _prefix(target: Path, kind: str) -> str:
    # Brackets and stars of a user's folder name would be a pattern to glob.
    return f".awct2-{kind}-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"
