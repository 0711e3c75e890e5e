"""One run at a time in a folder.

OUT/.lock     held while a run writes here
OUT/.holder   by which process
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from filelock import FileLock, Timeout

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system.files import patiently, remove

_LOCK = ".lock"
# Who has the lock; not in the lock's own file, which whoever tries it next empties.
_HOLDER = ".holder"
# A run that is just ending has let go by then, and one that has just begun has said who it is.
_PATIENCE_S = 0.5


class FolderLock:
    """The lock of a folder; it goes with the process that holds it, however that ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(str(folder / _LOCK))

    def acquire(self, patience_s: float = _PATIENCE_S) -> None:
        """Take the lock. Raises OutputError when another process has it for so long, naming that, and OSError."""
        try:
            self._lock.acquire(timeout=patience_s)
            patiently(lambda: (self._folder / _HOLDER).write_text(str(os.getpid()), encoding="ascii"))
        except Timeout:
            raise OutputError(
                f"{self._folder}: {self._holder()} is writing there; wait for it, stop it, or choose another output"
            ) from None

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self._lock.is_locked:
            # Before the lock: behind it, the name could be the next holder's.
            with contextlib.suppress(OSError):
                remove(self._folder / _HOLDER)
            self._lock.release()

    def _holder(self) -> str:
        """Name the process that has the lock, as far as it has said so."""
        try:
            return f"process {int((self._folder / _HOLDER).read_text(encoding='ascii'))}"
        except (OSError, ValueError):
            return "another process"
