"""What is known of each line of the logs without reading it again: packed columns, some 50 bytes a line."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.reviews.lines import Entry, microseconds

# In the place of a recording's number, of lines that are about none.
_NONE = 0xFFFFFFFF
# Lines that may have come since the last sorting; what is looked up goes through all of them by a dictionary.
_MOST_FRESH = 1 << 16

# Numbers of lines, shape (n,).
Lines: TypeAlias = npt.NDArray[np.int64]


class Kind(IntEnum):
    """What a line is about: a verdict is a decision that leaves text and times as they are."""

    DECISION = 0
    UNDO = 1
    SAMPLE = 2
    VERDICT = 3


KINDS = {
    "undo": Kind.UNDO,
    "sample": Kind.SAMPLE,
    "accept": Kind.VERDICT,
    "reject": Kind.VERDICT,
    "tag": Kind.VERDICT,
}
DECISIONS = frozenset((Kind.DECISION, Kind.VERDICT))


class Ids(Collection[str]):
    """The ids of the recordings that have decisions, each once, in the order in which they came.

    They may be looked up by one thread while another adds to them: what is sorted is never changed, only replaced.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        # Those from before the last sorting are found by bisection, in 4 bytes each.
        self._sorted = array("I")
        self._fresh: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._ids))

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, str) and self.number(id_) is not None

    def __getitem__(self, number: int) -> str:
        return self._ids[number]

    def number(self, id_: str) -> int | None:
        """Give the number of an id; None for one that has no decisions."""
        if (number := self._fresh.get(id_)) is not None:
            return number
        ordered = self._sorted
        at = bisect_left(ordered, id_, key=self._ids.__getitem__)
        return ordered[at] if at < len(ordered) and self._ids[ordered[at]] == id_ else None

    def add(self, id_: str) -> int:
        """Give the number of an id, a new one where it is new."""
        number = self.number(id_) if self._sorted else self._fresh.get(id_)
        if number is None:
            number = self._fresh[id_] = len(self._ids)
            self._ids.append(id_)
        return number

    def settle(self) -> None:
        """Sort those that are new among the others."""
        if self._fresh:
            self._sorted = array("I", sorted(range(len(self._ids)), key=self._ids.__getitem__))
            self._fresh = {}


class Ledger:
    """The lines of all logs, by numbers in the order in which they were read. Exactly equal ones are several here."""

    def __init__(self) -> None:
        self.ids = Ids()
        self.reviewers: list[str] = []
        self.file = array("I")
        self.offset = array("Q")
        self.at = array("q")
        self.kind = array("b")
        self.reviewer = array("I")
        self._reviewer_numbers: dict[str, int] = {}
        self._batch_numbers: dict[str, int] = {}
        self._id = array("I")
        self._batch = array("I")
        self._digest = array("q")
        # Lines by recording: sorted ones, and those since.
        self._by_id: npt.NDArray[np.uint32] = np.empty(0, np.uint32)
        self._begins: npt.NDArray[np.uint32] = np.zeros(1, np.uint32)
        # None while very many are read, as for the first time: they are sorted at the end.
        self._fresh: dict[int, list[int]] | None = None
        self._distinct: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.at)

    def add(self, file: int, offset: int, raw: bytes, entry: Entry) -> int:
        """Note a line; gives its number."""
        line = len(self.at)
        kind = KINDS.get(entry.action, Kind.DECISION)
        self.file.append(file)
        self.offset.append(offset)
        self.at.append(entry.at)
        self.kind.append(kind)
        self.reviewer.append(self.reviewer_number(entry.reviewer))
        self._batch.append(0 if entry.batch is None or kind is Kind.UNDO else self._batch_number(entry.batch))
        # Random in each process, which is as well: nobody can make two lines alike.
        self._digest.append(hash(raw))
        if kind in DECISIONS:
            number = self.ids.add(entry.id)
            self._id.append(number)
            if self._fresh is not None:
                self._fresh.setdefault(number, []).append(line)
                if len(self._fresh) > _MOST_FRESH:
                    self._fresh = None
        else:
            self._id.append(_NONE)
        self._distinct = None
        return line

    def settle(self) -> None:
        """Sort what is new among what is there, at first and then where it has become much."""
        if self._fresh is not None and len(self._fresh) <= _MOST_FRESH:
            return
        self.ids.settle()
        self._fresh = {}
        numbers = np.frombuffer(self._id, np.uint32)
        order = np.argsort(numbers, kind="stable")
        self._begins = np.searchsorted(numbers[order], np.arange(len(self.ids) + 1)).astype(np.uint32)
        self._by_id = order.astype(np.uint32)

    def lines_of(self, id_: str) -> list[int]:
        """Give the lines about a recording."""
        number = self.ids.number(id_)
        if number is None:
            return []
        settled: list[int] = []
        if number < len(self._begins) - 1:
            settled = self._by_id[self._begins[number] : self._begins[number + 1]].tolist()
        return settled + (self._fresh or {}).get(number, [])

    def reviewer_number(self, reviewer: str) -> int:
        """Give the number of a reviewer, a new one where the name is new."""
        number = self._reviewer_numbers.get(reviewer)
        if number is None:
            number = self._reviewer_numbers[reviewer] = len(self.reviewers)
            self.reviewers.append(reviewer)
        return number

    def key(self, step: str) -> int:
        """Number a step of a reviewer: by the time of a line, in microseconds, or below 0 by the batch."""
        if (batch := self._batch_numbers.get(step)) is not None:
            return -batch
        try:
            return microseconds(step)
        except ValueError:
            return -self._batch_number(step)

    def key_of(self, line: int) -> int:
        """Number the step that a line belongs to."""
        return -self._batch[line] or self.at[line]

    def step_lines(self, reviewer: int, key: int) -> Lines:
        """Give the lines of a step, in the order of their times."""
        mine = np.frombuffer(self.reviewer, np.uint32) == reviewer
        batches = np.frombuffer(self._batch, np.uint32)
        times = np.frombuffer(self.at, np.int64)
        lines = np.flatnonzero(mine & ((batches == -key) if key < 0 else ((batches == 0) & (times == key))))
        ordered: Lines = lines[np.argsort(times[lines], kind="stable")]
        return ordered

    def distinct(self) -> npt.NDArray[np.int64]:
        """Give the lines of which no equal one stands before them, in the order of their times."""
        if self._distinct is None:
            first = np.unique(np.frombuffer(self._digest, np.int64), return_index=True)[1]
            times = np.frombuffer(self.at, np.int64)[first]
            self._distinct = first[np.lexsort((first, times))]
        return self._distinct

    def counts(self) -> Mapping[str, int]:
        """Count the distinct lines of each reviewer."""
        numbers = np.frombuffer(self.reviewer, np.uint32)[self.distinct()]
        found = Counter(dict(enumerate(np.bincount(numbers, minlength=len(self.reviewers)).tolist())))
        return {self.reviewers[number]: count for number, count in found.items() if count}

    def since(self, sizes: Iterable[int]) -> Lines:
        """Give the lines that begin behind these sizes of the files, which are in the order of their numbers."""
        limits = np.fromiter(sizes, np.uint64)
        files = np.frombuffer(self.file, np.uint32)
        return np.flatnonzero(np.frombuffer(self.offset, np.uint64) >= limits[files])

    def digests(self, file: int) -> list[int]:
        """Give the digests of the lines of a file, in its order."""
        found: list[int] = np.frombuffer(self._digest, np.int64)[np.frombuffer(self.file, np.uint32) == file].tolist()
        return found

    def digest(self, line: int) -> int:
        """Give the digest of a line."""
        return self._digest[line]

    def recordings(self, lines: Lines) -> Iterator[str]:
        """Give the ids of the recordings that lines are about, each once."""
        numbers = np.unique(np.frombuffer(self._id, np.uint32)[lines])
        return map(self.ids.__getitem__, numbers[numbers != _NONE])

    def undos(self, lines: Lines) -> Lines:
        """Give those of some lines that are undos."""
        found: Lines = lines[np.frombuffer(self.kind, np.int8)[lines] == Kind.UNDO]
        return found

    def lone(self, lines: Lines) -> npt.NDArray[np.bool_]:
        """Say of which lines the recordings are such as no others are about, and texts and times stay as they are."""
        ids = np.frombuffer(self._id, np.uint32)
        about, count = ids[lines], len(self.ids)
        own = np.bincount(about[np.frombuffer(self.kind, np.int8)[lines] == Kind.VERDICT], minlength=count)
        lone: npt.NDArray[np.bool_] = (own == np.bincount(ids[ids != _NONE], minlength=count))[about]
        return lone

    def _batch_number(self, batch: str) -> int:
        return self._batch_numbers.setdefault(batch, len(self._batch_numbers) + 1)
