"""Frozen queues by their numbers: deciding moves no row in them, and only splits and merges change their number."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.review.refusing import RefusedError, unknown

# How many are kept; the page makes an older one anew.
_KEPT = 32

Rows = npt.NDArray[np.int32]


@dataclass(slots=True)
class FrozenQueue:
    """Rows in the order in which they are looked through.

    `order` holds those too that a merge has taken away (`gone`): its undoing puts them back where they were. `filters`
    is what it was made of, as the page wrote it. May be used by several threads.
    """

    number: int
    order: Rows
    filters: Mapping[str, Any] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    _rows: Rows | None = None
    _moved: int | None = None
    _lock: RLock = field(default_factory=RLock)

    @property
    def rows(self) -> Rows:
        """The rows that are there, int32."""
        with self._lock:
            if self._rows is None:
                gone = np.fromiter(self.gone, np.int32, len(self.gone))
                self._rows = self.order[~np.isin(self.order, gone)] if self.gone else self.order
            return self._rows

    def moved(self) -> int | None:
        """Give the first position that has changed since this was asked last, or None where none has."""
        with self._lock:
            moved, self._moved = self._moved, None
            return moved

    def position(self, row: int, guess: int | None = None) -> int | None:
        """Say where a row stands, or None; `guess` is looked at first."""
        rows = self.rows
        if guess is not None and 0 <= guess < len(rows) and rows[guess] == row:
            return guess
        found = np.flatnonzero(rows == row)
        return int(found[0]) if len(found) else None

    def change(self, before: Sequence[int], after: Sequence[int], total: int) -> int | None:
        """Follow a recording whose rows, in the order of time, were `before` and are `after`.

        Rows from `total` on came out of splits: they are put behind what they were split from. Of others that come
        back, only those are put in that were there. Gives the first position that changed, or None where none did.
        """
        with self._lock:
            changed = self._change(before, after, total)
            if changed is not None:
                self._moved = changed if self._moved is None else min(self._moved, changed)
            return changed

    def _change(self, before: Sequence[int], after: Sequence[int], total: int) -> int | None:
        gone, come = set(before).difference(after), [row for row in after if row not in set(before)]
        places = [place for row in gone if (place := self.position(row)) is not None]
        self.gone.update(row for row in gone if row in self.order)
        self._rows = None
        for row in come:
            if (place := self._put(row, after, total)) is not None:
                places.append(place)
        return min(places, default=None)

    def _put(self, row: int, after: Sequence[int], total: int) -> int | None:
        """Put a row where it was, or behind the one before it in its recording."""
        if row in self.order:
            self.gone.discard(row)
        elif row < total:
            return None
        else:
            at = after.index(row)
            place = self.position(after[at - 1]) if at else None
            if place is None:
                return None
            behind = int(np.flatnonzero(self.order == after[at - 1])[0]) + 1
            self.order = np.insert(self.order, behind, row).astype(np.int32)
        self._rows = None
        return self.position(row)


class Shelf:
    """The queues that were made last. Their numbers rise over restarts: a page's old number is never another queue.

    May be used by several threads, whoever holds a lock on what the queues show.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._next = int(time.time()) * 1000
        self._queues: OrderedDict[int, FrozenQueue] = OrderedDict()
        self._latest: FrozenQueue | None = None

    def add(self, rows: Rows, filters: Mapping[str, Any]) -> FrozenQueue:
        """Keep a queue; the oldest goes."""
        with self._lock:
            queue = FrozenQueue(self._next, rows, filters)
            self._next += 1
            self._queues[queue.number] = queue
            while len(self._queues) > _KEPT:
                self._queues.popitem(last=False)
            self._latest = queue
            return queue

    def get(self, number: int) -> FrozenQueue:
        """Give a queue. Raises RefusedError: 410 for one that is gone, 404 for one that never was."""
        queue = self.find(number)
        if queue is None:
            raise RefusedError("this queue is kept no longer: make it anew", "queue_gone", 410)
        return queue

    def find(self, number: int) -> FrozenQueue | None:
        """Give a queue, or None where it is gone. Raises RefusedError, 404, for one that never was."""
        with self._lock:
            if not 0 < number < self._next:
                raise unknown("queue", number)
            queue = self._queues.get(number)
            if queue is not None:
                self._queues.move_to_end(number)
                self._latest = queue
            return queue

    @property
    def latest(self) -> FrozenQueue | None:
        """The queue that was used last."""
        return self._latest

    def change(self, before: Sequence[int], after: Sequence[int], total: int) -> None:
        """Let all queues follow a recording's rows."""
        with self._lock:
            for queue in self._queues.values():
                queue.change(before, after, total)
