"""Many rows decided on at once in the index, and put back: a batch is of any size, and its recordings are not read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.review.index.rows import STATUSES
from anime_whisper_ct2.review.index.vocabulary import Vocabulary
from anime_whisper_ct2.reviews import Decision
from anime_whisper_ct2.reviews.lines import microseconds

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

_STATUSES = {"accept": "accepted", "reject": "rejected"}
_COLUMNS = ("status", "tagset", "reviewer", "decided_at", "heard")
# A page of undo is long, but nobody undoes more batches than that.
_KEPT = 8
# As `reviews.lines.at_of` writes it.
_AT = "strftime(make_timestamp(at_us), '%Y-%m-%dT%H:%M:%S.%fZ')"


@dataclass(slots=True)
class Mark:
    """What a batch has changed in the index; `left`, shape (recordings,): which have to be read instead.

    They are those that were left from the beginning, and those on which something else was decided since.
    """

    table: str
    left: npt.NDArray[np.bool_]

    @property
    def recs(self) -> npt.NDArray[np.int64]:
        """The recordings that are `left`, by number."""
        return np.flatnonzero(self.left)


class Marking:
    """Puts batches that leave texts and times as they are into the index.

    `moved`: recordings that were split or merged, see `updating.Updating`. Memory: DuckDB's, of the last batches, and a
    byte a recording for each of them.
    """

    def __init__(
        self,
        con: Connection,
        recordings: int,
        tags: Vocabulary,
        reviewers: Vocabulary,
        moved: Collection[int],
        transaction: Callable[[], AbstractContextManager[None]],
        lock: RLock,
    ) -> None:
        self._con = con
        self._recordings = recordings
        self._tags = tags
        self._reviewers = reviewers
        self._moved = moved
        self._transaction = transaction
        self._lock = lock
        self._numbers = count(1)
        self._marks: list[Mark] = []

    def mark(self, rows: npt.NDArray[np.int32], first: Decision) -> Mark:
        """Decide on rows, as lines do of which `first` is the first, each a microsecond later than the one before."""
        mark = self._new()
        with self._lock, self._transaction():
            wanted = np.ascontiguousarray(rows, np.int32)
            self._con.register("staged", {"row": wanted, "at_us": microseconds(first.at) + np.arange(len(wanted))})
            self._fill(mark, "staged.at", f"(SELECT row, {_AT} AS at FROM staged) staged USING (row)")
            self._con.unregister("staged")
            self._leave_to_be_read(mark, first)
            if first.action == "tag":
                self._tag(mark.table, first)
            else:
                self._con.execute(
                    f"UPDATE {mark.table} SET new_status = ?, new_reviewer = ?, new_heard = ?",
                    [STATUSES.index(_STATUSES[first.action]), self._reviewers.number(first.reviewer), first.heard],
                )
            self._put(mark, "new_")
        return self._kept(mark)

    def take_back(self, recs: npt.NDArray[np.int32]) -> Mark:
        """Undo all that was decided on recordings, of which texts and times are the run's own; `turn` does it again."""
        mark = self._new()
        with self._lock, self._transaction():
            self._con.register("staged", {"rec": recs})
            self._fill(mark, "s.decided_at", "staged USING (rec)")
            self._con.unregister("staged")
            self._con.execute(
                f"UPDATE {mark.table} SET status = 0, tagset = 0, reviewer = NULL, decided_at = NULL, heard = NULL"
            )
            self._leave_to_be_read(mark)
            self._put(mark, "")
        return self._kept(mark)

    def has(self, mark: Mark) -> bool:
        """Say whether a batch can be put back: not one that is too long ago."""
        return any(each is mark for each in self._marks)

    def turn(self, mark: Mark, way: Literal["undo", "redo"]) -> None:
        """Put rows back as they were before a batch, or as that had left them, but for recordings that are `left`."""
        with self._lock, self._transaction():
            self._delete(mark)
            self._put(mark, "" if way == "undo" else "new_")

    def touch(self, recs: Sequence[int]) -> None:
        """Note that something else was decided on recordings."""
        for mark in self._marks:
            mark.left[recs] = True

    def _new(self) -> Mark:
        return Mark(f"mark_{next(self._numbers)}", np.zeros(self._recordings, bool))

    def _kept(self, mark: Mark) -> Mark:
        self._marks.append(mark)
        while len(self._marks) > _KEPT:
            self._con.execute(f"DROP TABLE {self._marks.pop(0).table}")
        return mark

    def _fill(self, mark: Mark, at: str, joined: str) -> None:
        """Keep how rows stand; how they will is the same as yet, but for when it was decided."""
        columns = ", ".join(f"s.{name} AS {name}" for name in _COLUMNS)
        self._con.execute(
            f"CREATE TEMP TABLE {mark.table} AS SELECT s.row, s.rec, {columns}, s.status AS new_status, "
            f"s.tagset AS new_tagset, s.reviewer AS new_reviewer, {at} AS new_decided_at, s.heard AS new_heard "
            f"FROM segments s JOIN {joined} WHERE NOT s.gone"
        )

    def _leave_to_be_read(self, mark: Mark, first: Decision | None = None) -> None:
        """Leave recordings of which the index does not know what becomes: whose texts are others by a split."""
        if first is not None and first.action == "accept":
            query = f"SELECT DISTINCT rec FROM {mark.table} WHERE status <> {STATUSES.index('open')}"
            mark.left[self._con.execute(query).fetchnumpy()["rec"]] = True
        moved = np.fromiter(self._moved, np.int64, len(self._moved))
        there = self._con.execute(f"SELECT DISTINCT rec FROM {mark.table}").fetchnumpy()["rec"]
        mark.left[np.intersect1d(moved, there)] = True
        self._delete(mark)

    def _delete(self, mark: Mark) -> None:
        self._con.register("staged", {"rec": mark.recs.astype(np.int32)})
        self._con.execute(f"DELETE FROM {mark.table} WHERE rec IN (SELECT rec FROM staged)")
        self._con.unregister("staged")

    def _tag(self, table: str, first: Decision) -> None:
        """Give the rows their new tags; a batch is of few sets of them. Who decided, and when, stays."""
        for (number,) in self._con.execute(f"SELECT DISTINCT tagset FROM {table}").fetchall():
            tags = dict.fromkeys((*self._tags.values[number], *first.value.get("add", ())))
            for name in first.value.get("remove", ()):
                tags.pop(name, None)
            self._con.execute(
                f"UPDATE {table} SET new_tagset = ? WHERE tagset = ?", [self._tags.number(list(tags)), number]
            )
        self._con.execute(f"UPDATE {table} SET new_decided_at = decided_at")

    def _put(self, mark: Mark, prefix: str) -> None:
        columns = ", ".join(f"{name} = m.{prefix}{name}" for name in _COLUMNS)
        self._con.execute(f"UPDATE segments SET {columns} FROM {mark.table} m WHERE m.row = segments.row")
