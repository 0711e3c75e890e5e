"""The new checkpoint takes its place, whole or not at all, and the work on it goes.

An earlier result waits beside it, under a name that nobody else has, until the new one is there. Whatever ends the
process on the way, `settle` finds one of the two, and leaves that in its place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from anime_whisper_ct2.adaptation.place import (
    CHECKPOINT,
    CONVERTED,
    LESSONS,
    MARKER,
    TEXTS,
    TRAINING,
    held,
    work_folder,
    writing,
)
from anime_whisper_ct2.adaptation.report import RESULT
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system import files

# In the folder that is made beside a result for as long as it takes its place.
_OLD, _NEW = "old", "new"


def publish(folder: Path, out: Path) -> None:
    """Have the checkpoint in a work folder appear at its place; an earlier result there goes once it is.

    Raises OutputError; the earlier result is in its place then.
    """
    made, out = folder / CHECKPOINT, _real(out)
    with writing(folder):
        files.put(folder / MARKER, _known_by(made))
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=_prefix(out), dir=out.parent))
        old, new = beside / _OLD, beside / _NEW
        try:
            _bring(made, new)
            if os.path.lexists(out):
                files.move(out, old)
            try:
                files.move(new, out)
            except BaseException:
                if os.path.lexists(old):
                    files.move(old, out)
                raise
            # The new name has to outlive a power cut before the earlier result goes.
            files.sync_folder(out.parent)
        finally:
            if os.path.lexists(out) or not os.path.lexists(old):
                files.clear_away(beside)
    files.clear_away(made)


def settle(out: Path, work: Path | None = None) -> None:
    """Put right what a process has left that was ended while its result took its place.

    An earlier result is given back where none is there, and work that is done goes, unless its folder was named.
    """
    place = _real(out)
    if not place.name:
        return  # a whole drive, which is no place for a result
    folder = work_folder(out, work)
    try:
        # Not while somebody is at it; where no work is left, nobody is.
        with held(folder) if (folder / MARKER).is_file() else contextlib.nullcontext():
            for beside in place.parent.glob(f"{_prefix(place)}*"):
                if os.path.lexists(beside / _OLD) and not os.path.lexists(place):
                    files.move(beside / _OLD, place)
                files.clear_away(beside)
    except (OSError, OutputError):
        return  # whatever is wrong there, `check_place` and `held` say so
    if work is None and _is_done(folder, place):
        clear_work(folder)


def clear_work(folder: Path) -> None:
    """Remove what an adaptation has put into its work folder, and the folder, if there is nothing else in it."""
    try:
        with held(folder):
            for name in (CHECKPOINT, CONVERTED, LESSONS):
                files.clear_away(folder / name)
            # The mark is the last to go: where it is, somebody comes back for the rest.
            for name in (TEXTS, TRAINING, MARKER):
                for path in (folder / (name + files.BESIDE), folder / name):
                    files.remove(path, missing_ok=True)
    except (OSError, OutputError):
        return  # another process has it, or the system holds on to something: it is in nobody's way
    with contextlib.suppress(OSError):
        files.remove(folder / ".lock", missing_ok=True)
        folder.rmdir()


def _real(out: Path) -> Path:
    # Where a link leads to another disk, the result is wanted on that.
    return Path(os.path.realpath(out))


def _prefix(out: Path) -> str:
    # Brackets and stars of a user's folder name would be a pattern to glob.
    return f".awct2-adapt-{hashlib.sha256(os.fsencode(out.name)).hexdigest()[:8]}-"


def _known_by(checkpoint: Path) -> bytes:
    """Give what a result is known again by: the digest of its report, which has the seconds that all took."""
    return hashlib.sha256((checkpoint / RESULT).read_bytes()).hexdigest().encode()


def _is_done(folder: Path, out: Path) -> bool:
    """Say whether it is the result of this work that lies at its place."""
    try:
        return (folder / MARKER).read_bytes() == _known_by(out)
    except OSError:
        return False


def _bring(made: Path, new: Path) -> None:
    """Move a folder, from another disk as well: the copy is on the disk before it gets its name."""
    try:
        files.move(made, new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(made, new)
        for path in new.rglob("*"):
            if path.is_file():
                with files.opened(path, "rb+") as file:
                    os.fsync(file.fileno())
        files.sync_folder(new)
