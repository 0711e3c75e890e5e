"""The processes that are at one study, and those that share a work folder, each known by a lock that goes with it.

However a process ends, its lock is free then. Who tries what is settled among those at a study, wherever they keep
their work; what may go from a work folder, among those in it, which are all at one study.

STUDY.processes/             a folder beside the study
STUDY.processes/.lock        held while somebody proposes what to try
STUDY.processes/ending/      held while somebody writes the result
STUDY.processes/TOKEN/       held for as long as that process is at it
STUDY.processes/TOKEN/study  which study that is
WORK/.processes/             the same for a work folder
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.system import files

BEHIND = ".processes"
_ENDING, _STUDY = "ending", "study"
# Who does not have it within the first is told that it waits. One try after the other, it hears signals all the while.
_SOON_S, _TRY_S = 1.0, 60.0


def folder_of(study: Path) -> Path:
    """Give the folder of those that are at a study."""
    return study.with_name(study.name + BEHIND)


def check_company(study: Path, work: Path) -> None:
    """Raise InputError where others are in a work folder that are at another study."""
    for path in _members(work / BEHIND):
        with contextlib.suppress(OSError):
            other = (path / _STUDY).read_bytes()
            if other != _known(study) and _is_held(path):
                raise InputError(
                    f"{work}: another search is at work there, with the study {os.fsdecode(other)}; wait for it, or "
                    "name another folder with -o or --work"
                )


class Company:
    """This process among those that are at a study, for as long as the context lasts.

    `work`: among those in a work folder instead. Raises OutputError, and InputError where these are at another study.
    """

    def __init__(self, study: Path, work: Path | None = None) -> None:
        self.folder = folder_of(study) if work is None else work / BEHIND
        self.token = uuid.uuid4().hex[:12]
        self._study, self._work = study, work
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
                if self._work is not None:
                    check_company(self._study, self._work)
                (self.folder / self.token).mkdir()
                (self.folder / self.token / _STUDY).write_bytes(_known(self._study))
                self._own.acquire()
                self._there = True

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError), self.leaving():
            pass

    def alone(self) -> contextlib.AbstractContextManager[None]:
        """Have what all share for oneself, for a moment; wait for it."""
        return holding(self.folder)

    def ending(self, on_wait: Callable[[], None] = lambda: None) -> contextlib.AbstractContextManager[None]:
        """Be the one that writes the result; wait for another one that does."""
        return holding(self.folder / _ENDING, on_wait)

    def is_there(self, token: str) -> bool:
        """Say whether a process is still at it; to be asked by one that is alone."""
        return token == self.token or _is_held(self.folder / token)

    def others(self) -> int:
        """Count the other processes at it, and clear away what those that are gone have left; as `is_there`."""
        there = 0
        for path in _members(self.folder):
            if path.name != self.token:
                if _is_held(path):
                    there += 1
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
def holding(folder: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Have a folder for oneself; wait for whoever has it, and say so once it takes a while."""
    lock, patience_s = FolderLock(folder), _SOON_S
    while True:
        with contextlib.suppress(OutputError):
            lock.acquire(patience_s)
            break
        if patience_s == _SOON_S:
            on_wait()
        patience_s = _TRY_S
    try:
        yield
    finally:
        lock.release()


def _members(folder: Path) -> list[Path]:
    """Give the folders of those that are at it, or were; none where there is no such folder."""
    with contextlib.suppress(FileNotFoundError):
        return [path for path in folder.iterdir() if path.is_dir() and path.name != _ENDING]
    return []


def _known(study: Path) -> bytes:
    # However it was named.
    return os.fsencode(os.path.normcase(os.path.realpath(study)))


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
