"""Folders of clips: whose the clips in them are, and how an export calls them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export.clips.plan import ClipOptions
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.system.files import clear_away, patiently
from anime_whisper_ct2.system.paths import path_of
from anime_whisper_ct2.system.refusals import reason

# In a folder of clips: whose they are.
CLIPS_MARKER = ".awct2-clips.json"
# Behind the name of an export that cuts its own: where these wait for the rest of it.
WAITING = ".partial-clips"


@dataclass(frozen=True, slots=True)
class ClipFolder:
    """Where clips are cut to, and how."""

    path: Path | None = None  # None: into the export itself, in the formats that cut what they hold
    options: ClipOptions | None = None  # None: WAV in those formats, the options' defaults in others
    workers: int | None = None  # processes; None: as many as cores, 0: none but this one
    margin_asked: bool = False  # the margin was chosen, also where it is the default: a run that kept more is refused

    def __post_init__(self) -> None:
        if self.path is not None:
            object.__setattr__(self, "path", path_of(self.path))


def claim(folder: Path, whose: Mapping[str, Any]) -> None:
    """Make a folder that of a corpus's clips: names say nothing of where a clip was cut from.

    Raises InputError for a folder of other things, OutputError where it cannot be written.
    """
    mark = folder / CLIPS_MARKER
    try:
        known = json.loads(mark.read_bytes())
    except FileNotFoundError:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                f"{folder}: holds files that no export cut, which would pass for clips; name an empty folder"
            ) from None
        known = None
    except (OSError, ValueError) as error:
        raise InputError(f"{mark}: cannot be read ({reason(error, mark)}); name another folder with --clips") from error
    if known not in (None, whose):
        raise InputError(f"{folder}: holds clips of {known}; name another folder for these, or remove it")
    if known is not None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        patiently(lambda: mark.write_text(json.dumps(whose), encoding="utf-8"))
    except OSError as error:
        raise OutputError(f"{mark} cannot be written: {reason(error, mark)}") from error


@contextmanager
def waiting(export: Path, whose: Mapping[str, Any]) -> Iterator[Path]:
    """Give the folder, beside an export, where its own clips are cut to before they are put into it.

    It goes when all is done, or nothing was cut; what an interrupted call has cut is there for the next.

    Raises OutputError when another process works in it, InputError for a folder of that name that holds anything else.
    """
    target = Path(os.path.realpath(export))
    folder = target.with_name(target.name + WAITING)
    claim(folder, whose)
    lock = FolderLock(folder)
    try:
        lock.acquire()
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {reason(error, folder)}") from error
    done = False
    try:
        yield folder
        done = True
    finally:
        lock.release()
        if done or not _holds_clips(folder):
            clear_away(folder)


def below(clips: Path, export: Path) -> Path | None:
    """Give the folder of the clips where it lies below the export, which must not take it away.

    Raises InputError where the two are one.
    """
    inside, outside = os.path.realpath(clips), os.path.realpath(export)
    if inside == outside:
        raise InputError(f"{clips}: the export has that place; name a folder in it or elsewhere for the clips")
    return clips if inside.startswith(os.path.join(outside, "")) else None  # noqa: PTH118 - of strings


def way(export: Path, clips: Path) -> str | None:
    """Give the way from an export to clips that lie below or beside it, else None."""
    try:
        found = Path(os.path.relpath(os.path.realpath(clips), os.path.realpath(export)))
    except ValueError:  # on another drive
        return None
    # From further away, the export would break as soon as one of the two is moved.
    return None if found.parts[:2] == ("..", "..") or found.parts == ("..",) else found.as_posix()


def _holds_clips(folder: Path) -> bool:
    return any(name.endswith(".wav") for _, _, names in os.walk(folder) for name in names)
