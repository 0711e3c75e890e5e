"""The ids of an index, in order: found by number and by name, in as many bytes as they have."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

_BYTES, _ENDS = "ids.npy", "ends.npy"
# So many ids are looked for at a time.
_BLOCK = 50_000


class Ids(Sequence[bytes]):
    """Ids as bytes, whose order is that of their code points."""

    def __init__(self, content: bytes, ends: npt.NDArray[np.int64]) -> None:
        self._content = content
        self._ends = ends

    @classmethod
    def load(cls, folder: Path) -> Ids:
        """Read what `write` has written. Raises OSError and ValueError."""
        return cls(np.load(folder / _BYTES).tobytes(), np.load(folder / _ENDS))

    @staticmethod
    def write(folder: Path, ids: Iterable[str]) -> None:
        """Write ids, which come in order, into a folder."""
        content = bytearray()
        ends = []
        for id_ in ids:
            content += encoded(id_)
            ends.append(len(content))
        np.save(folder / _BYTES, np.frombuffer(content, np.uint8))
        np.save(folder / _ENDS, np.array(ends, np.int64))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[bytes]: ...
    def __getitem__(self, number: Any) -> Any:
        """Give the id of a number as bytes."""
        return self._content[self._ends[number - 1] if number else 0 : self._ends[number]]

    def name(self, number: int) -> str:
        """Give the id of a number."""
        return self[number].decode("utf-8", "surrogatepass")

    def find(self, id_: str) -> int | None:
        """Give the number of an id; None where there is no such."""
        wanted = encoded(id_)
        number = bisect_left(self, wanted)
        return number if number < len(self) and self[number] == wanted else None

    def find_all(self, ids: Iterable[str]) -> npt.NDArray[np.int32]:
        """Give the numbers of ids, each once and in order; those that are not there are left out."""
        found = array("i")
        rest = iter(ids)
        while block := sorted(map(encoded, islice(rest, _BLOCK))):
            found.extend(self._found(block))
        return np.unique(np.array(found, np.int32))

    def _found(self, ordered: Iterable[bytes]) -> Iterator[int]:
        number = 0
        for wanted in ordered:
            # From where the last one was, in leaps that grow: of all ids, each is a step away.
            beyond, leap = number, 1
            while beyond < len(self) and self[beyond] < wanted:
                number, beyond, leap = beyond + 1, beyond + leap, 2 * leap
            number = bisect_left(self, wanted, number, min(beyond, len(self)))
            if number < len(self) and self[number] == wanted:
                yield number


def encoded(id_: str) -> bytes:
    """Write an id as bytes that are in the order of its code points."""
    return id_.encode("utf-8", "surrogatepass")
