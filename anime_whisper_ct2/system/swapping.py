"""A folder takes its place whole or not at all: it is made beside it, synced, and swapped in by renaming.

An earlier one waits beside the place, under a name that nobody else has, until the new one is there. Whatever ends the
process on the way, `settle` finds one of the two, and leaves that in the place. One process at a time for each place
and kind: whoever calls sees to that.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.system import files

# In the folder that is made beside a place for as long as something takes it.
_OLD, _NEW = "old", "new"
# What conversions of earlier versions, which may have been killed too, called the first of these.
_ALSO_OLD = "model"


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
    """Put right what a process has left that was ended while it replaced a folder; not while another one is at it.

    An earlier one is given back where nothing is in its place, and what was unfinished goes. Raises OSError.
    """
    target = _real(place)
    if not target.name:
        return  # a whole drive, which is no place for a result
    for beside in target.parent.glob(f"{_prefix(target, kind)}*"):
        for old in (beside / _OLD, beside / _ALSO_OLD):
            if os.path.lexists(old) and not os.path.lexists(target):
                files.move(old, target)
        files.clear_away(beside)


def sync_tree(folder: Path) -> None:
    """Have all files in a folder, and their names, outlive a power cut. Raises OSError."""
    for at, _, names in os.walk(folder):
        for name in names:
            path = Path(at, name)
            # Windows syncs what it can write; elsewhere, copies of what may only be read are synced too.
            with files.opened(path, "rb+" if os.access(path, os.W_OK) else "rb") as file:
                os.fsync(file.fileno())
        files.sync_folder(at)


@contextmanager
def _beside(place: Path, kind: str) -> Iterator[tuple[Path, Path]]:
    """Give the name of the new folder, in one that is nobody else's, and the place that is meant."""
    target = _real(place)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=_prefix(target, kind), dir=target.parent))
    try:
        yield beside / _NEW, target
    finally:
        # An earlier one that could not be put back is for `settle`.
        if os.path.lexists(target) or not os.path.lexists(beside / _OLD):
            files.clear_away(beside)


def _swap(new: Path, target: Path) -> None:
    old = new.with_name(_OLD)
    if os.path.lexists(target):
        files.move(target, old)
    try:
        files.move(new, target)
    except BaseException:
        if os.path.lexists(old):
            files.move(old, target)
        raise
    # The new name has to outlive a power cut before the earlier one goes.
    files.sync_folder(target.parent)


def _real(place: Path) -> Path:
    # Where a link leads to another disk, the result is wanted on that.
    return Path(os.path.realpath(place))


def _prefix(target: Path, kind: str) -> str:
    # Brackets and stars of a user's folder name would be a pattern to glob.
    return f".awct2-{kind}-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"
