"""Lines sorted on disk, as many as there are."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from typing import IO

# Lines that are in memory at a time: some tens of megabytes of those that Kaldi takes.
_MOST_HELD = 200_000


class SortedLines:
    r"""Takes lines in any order and gives them in that of their bytes; beyond `most_held` of them they wait on disk.

    A line ends with `\n` and holds no other.
    """

    def __init__(self, most_held: int = _MOST_HELD) -> None:
        self._most_held = most_held
        self._held: list[bytes] = []
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> SortedLines:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.clear()
        for file in self._files:
            file.close()

    def add(self, line: bytes) -> None:
        """Take one line."""
        self._held.append(line)
        if len(self._held) >= self._most_held:
            self._held.sort()
            file = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit
            self._files.append(file)
            file.writelines(self._held)
            self._held.clear()

    def __iter__(self) -> Iterator[bytes]:
        self._held.sort()
        for file in self._files:
            file.seek(0)
        return heapq.merge(self._held, *self._files)
