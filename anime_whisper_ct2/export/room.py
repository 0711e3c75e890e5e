"""How long names may be, so that no path of an export is longer than was asked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anime_whisper_ct2.audio import PARTIAL_SUFFIX
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clip_folders import WAITING, ClipFolder
from anime_whisper_ct2.export.formats import Format
from anime_whisper_ct2.export.naming import Room, units
from anime_whisper_ct2.system.refusals import ROOM_IN_FOLDER

# While it is written, an export's folder has `.partial-` and the number of a process behind its name; a folder in which
# one file waits has a shorter one.
_UNTIL_WHOLE = len(".partial-") + 10
# What a clip has behind its recording's name: two times, a few `_`, its extension, and the mark of what is not whole.
_BEHIND_CLIPS = len("_00000.000-00000.000") + 4 + len(".flac") + len(PARTIAL_SUFFIX)
# What `flat` may put behind a name.
_BEHIND_FLAT = 11
# The longest of the names that are the same in every export is `supervisions.jsonl.gz`.
_LONGEST_FIXED = 24
# Of a recording's name: that many are its own, with a hash.
_LEAST = 24


def room_for_names(
    max_path: int, format_: Format, out: Path | None, clips: ClipFolder | None, title: str
) -> Room | None:
    """Say how long the names of recordings may be; None where there are no files of such names.

    `max_path` is what the absolute path of a file may have; `out` is None for a stream. Raises InputError where the
    places themselves leave no room.
    """
    place = os.path.realpath(out if out is not None else tempfile.gettempdir())
    titled = len(format_.file_of_title(title)) if format_.file_of_title else 0
    taken = [(place, _UNTIL_WHOLE + 1 + max(titled, _LONGEST_FIXED))]
    named = [(at, before + behind) for at, before, behind in _places(place, format_, clips)]
    taken += [(at, beside + _LEAST) for at, beside in named]
    longest, beside = max(taken, key=lambda one: units(one[0]) + one[1])
    if units(longest) + beside > max_path:
        raise InputError(
            f"--max-path {max_path} is too little for {longest}, which has {units(longest)} characters, and what is "
            f"written there; give at least {units(longest) + beside}, or choose a place nearer to the root"
        )
    if not named:
        return None
    return Room(min(max_path - units(at) - beside for at, beside in named), slash=2 if format_.flat else 1)


def _places(place: str, format_: Format, clips: ClipFolder | None) -> Iterator[tuple[str, int, int]]:
    """Give the folders that files are called by recordings in: what comes between them and names, and what behind."""
    flat = _BEHIND_FLAT if format_.flat else 0
    given = clips.path if clips else None
    behind_clips = _BEHIND_CLIPS if given or format_.cuts else 0
    if format_.extension is not None:
        yield place, _UNTIL_WHOLE + 1, max(len(format_.extension) + 1, ROOM_IN_FOLDER)
    if format_.audio_below is not None:
        yield place, _UNTIL_WHOLE + 1 + len(format_.audio_below), max(behind_clips + flat, ROOM_IN_FOLDER)
    if given is not None:
        yield os.path.abspath(given), 1, _BEHIND_CLIPS  # noqa: PTH100 - a string
    elif format_.cuts:
        yield place + WAITING, 1, _BEHIND_CLIPS
