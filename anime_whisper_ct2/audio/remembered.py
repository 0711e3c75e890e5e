"""What was found out about files on disk, for as long as they stay the same."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST_FILES = 4096


class Remembered(Generic[T]):
    """Things by the file that they are about; those of the last few thousand files that were asked for.

    A file that was changed is another one. Safe in several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._things: OrderedDict[tuple[object, ...], T] = OrderedDict()

    def get(self, path: str, place: int = 0) -> T | None:
        """Give what is known of a place in a file. Raises OSError."""
        key = _key(path, place)
        with self._lock:
            thing = self._things.get(key)
            if thing is not None:
                self._things.move_to_end(key)
            return thing

    def keep(self, thing: T, path: str, place: int = 0) -> T:
        """Keep something about a place in a file, unless there is something already; give what is kept."""
        with self._lock:
            kept = self._things.setdefault(_key(path, place), thing)
            if len(self._things) > _MOST_FILES:
                self._things.popitem(last=False)
            return kept


def _key(path: str, place: int) -> tuple[object, ...]:
    status = os.stat(path)  # noqa: PTH116 - strings keep invalid UTF-8
    return path, place, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
