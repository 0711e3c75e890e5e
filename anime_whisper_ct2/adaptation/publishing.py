"""The new checkpoint takes its place, whole or not at all, and the work on it goes.

Whatever ends the process on the way, `settle` finds the earlier result or the new one, and leaves that in its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
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
)
from anime_whisper_ct2.adaptation.report import RESULT
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.system import files, swapping

# As averages call what they leave beside OUT: whoever is next at that place puts it right.
_KIND = "checkpoint"


def publish(folder: Path, out: Path) -> None:
    """Have the checkpoint in a work folder appear at its place; an earlier result there goes once it is.

    Raises OutputError; the earlier result is in its place then.
    """
    made = folder / CHECKPOINT
    with writing(folder):
        files.put(folder / MARKER, _known_by(made))
    with writing(Path(os.path.realpath(out))):
        swapping.bring(made, out, _KIND)


def settle(out: Path, work: Path | None = None) -> None:
    """Put right what a process has left that was ended while its result took its place.

    An earlier result is given back where none is there, and work that is done goes, unless its folder was named.
    """
    if not Path(os.path.realpath(out)).name:
        return  # a whole drive, which is no place for a result
    folder = work_folder(out, work)
    try:
        # Not while somebody is at it; where no work is left, nobody is.
        with held(folder) if (folder / MARKER).is_file() else contextlib.nullcontext():
            swapping.settle(out, _KIND)
    except (OSError, OutputError):
        return  # whatever is wrong there, `check_place` and `held` say so
    if work is None and _is_done(folder, out):
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


def _known_by(checkpoint: Path) -> bytes:
    """Give what a result is known again by: the digest of its report, which has the seconds that all took."""
    return hashlib.sha256((checkpoint / RESULT).read_bytes()).hexdigest().encode()


def _is_done(folder: Path, out: Path) -> bool:
    """Say whether it is the result of this work that lies at its place."""
    try:
        return (folder / MARKER).read_bytes() == _known_by(out)
    except OSError:
        return False
