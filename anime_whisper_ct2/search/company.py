"""The processes that are at one study, each known by a lock that goes with it however it ends.

STUDY.processes/             a folder beside the study
STUDY.processes/.lock        held while somebody proposes what to try
STUDY.processes/ending/      held while somebody writes the result
STUDY.processes/TOKEN/       held for as long as that process is at it
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.system import files

_BEHIND = ".processes"
_ENDING = "ending"
# How long whoever waits for others lets a signal go unheard; they themselves take much longer.
_LOOK_EVERY_S = 60.0


def folder_of(study: Path) -> Path:
    """Give the folder of those that are at a study."""
    return study.with_name(study.name + _BEHIND)


class Company:
    """This process among those that are at a study, for as long as the context lasts. Raises OutputError."""

    def __init__(self, study: Path) -> None:
        self.folder = folder_of(study)
        self.token = uuid.uuid4().hex[:12]
        self._own = FolderLock(self.folder / self.token)
        self._there = False

    def __enter__(self) -> Company:
        with writing(self.folder):
            while not self._there:
                # Whoever was the last of all before may be clearing the folder away.
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / _ENDING).mkdir(parents=True, exist_ok=True)
                    self._join()
        return self

    def _join(self) -> None:
        with self.alone():
            if (self.folder / _ENDING).is_dir():
                (self.folder / self.token).mkdir()
                self._own.acquire()
                self._there = True

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError), self.leaving():
            pass

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Have what all share for oneself, for a moment; wait for it."""
        return holding(self.folder)

    def ending(self) -> contextlib.AbstractContextManager[None]:
        """Be the one that writes the result; wait for another one that does."""
        return holding(self.folder / _ENDING)

    def is_there(self, token: str) -> bool:
        """Say whether a process is still at it; to be asked by one that is alone."""
        return token == self.token or _is_held(self.folder / token)

    def others(self) -> bool:
        """Say whether another process is at it, and clear away what those that are gone have left; as `is_there`."""
        there = False
        for path in self.folder.iterdir():
            if path.is_dir() and path.name not in (_ENDING, self.token):
                if _is_held(path):
                    there = True
                else:
                    files.clear_away(path)
        return there

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """Leave, once; give whether nobody is left, so that what is kept for all may go: nobody comes meanwhile."""
        if not self._there:
            yield False
            return
        with self.alone():
            self._there = False
            self._own.release()
            files.clear_away(self.folder / self.token)
            last = not self.others()
            yield last
            if last:
                files.clear_away(self.folder / _ENDING)
        if last:
            with contextlib.suppress(OSError):
                files.remove(self.folder / ".lock", missing_ok=True)
                self.folder.rmdir()


def is_ending(study: Path) -> bool:
    """Say whether a process writes its result right now."""
    return _is_held(folder_of(study) / _ENDING)


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Have a folder for oneself; wait for whoever has it."""
    lock = FolderLock(folder)
    while True:
        with contextlib.suppress(OutputError):
            lock.acquire(_LOOK_EVERY_S)
            break
    try:
        yield
    finally:
        lock.release()


def _is_held(folder: Path) -> bool:
    if not os.path.lexists(folder):
        return False
    lock = FolderLock(folder)
    try:
        lock.acquire(0.0)
    except OutputError:
        return True
    except OSError:
        return False
    lock.release()
    return False
