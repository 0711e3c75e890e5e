"""What lies on the table while a run is reviewed: its index, the logs, and the queues, all in one state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anime_whisper_ct2.errors import Awct2Error, InputError, OutputError
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.review.batch_lines import Batch
from anime_whisper_ct2.review.index.index import Index
from anime_whisper_ct2.review.index.marking import Mark
from anime_whisper_ct2.review.index.noting import Noting
from anime_whisper_ct2.review.index.rows import Row, Said
from anime_whisper_ct2.review.refusing import RefusedError, changing, not_saved, saved, unknown
from anime_whisper_ct2.review.shelf import Rows, Shelf
from anime_whisper_ct2.reviews import Decision, Log, Logs, Piece, Replayed, Step, replay, version_of

# Recordings that are replayed at a time: between two portions, it is said how far it is.
_PORTION = 20_000
# From so many lines on, a step is undone without reading its recordings, where that can be.
_MANY = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """A recording as it stands; one row for each piece, in the order of time."""

    rec: int
    transcript: Transcript
    replayed: Replayed
    rows: tuple[int, ...]

    def piece(self, row: int) -> Piece:
        """Give the piece of a row."""
        return self.replayed.pieces[self.rows.index(row)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A row, and the version of its segment, which is to be sent back with a decision."""

    row: Row
    seen: str


@dataclass(frozen=True, slots=True)
class Change:
    """What new lines of the logs came to: recordings by number of which the rows are others, before and after."""

    recs: Mapping[int, tuple[tuple[int, ...], tuple[int, ...]]]


class Bench:
    """Index, logs and queues. Whoever writes holds `lock`, from looking at a segment until its line is in the index.

    A line that is in a log is a decision, whatever becomes of the index over it: what that does not know yet is
    remembered, and taken over with the next request, or by the next start.
    """

    def __init__(self, index: Index, logs: Logs, log: Log) -> None:
        self.index = index
        self.logs = logs
        self.log = log
        self.shelf = Shelf()
        self.lock = threading.RLock()
        self.counts: Mapping[str, int] = index.counts()
        self._marks: dict[str, Mark] = {}
        # Recordings of which the index does not know what was read in the logs.
        self._pending: set[int] = set()
        self._noting = Noting(index)

    @property
    def stale(self) -> int:
        """How many decisions are about what is not there any more."""
        return self._noting.stale

    def standing_of(self, row: int) -> Standing:
        """Read the recording of a row strictly, and what was decided about it; for who holds `lock`.

        Raises RefusedError: 404 for a row that never was, 409 for one that is gone, 503 where the index lags behind.
        """
        try:
            rec = self.index.record_of_row(self._checked(row))
        except (KeyError, IndexError, ValueError) as error:
            raise unknown("row", row) from error
        if rec in self._pending:
            self.settle()
        transcript = self.index.transcript(rec)
        replayed = replay(transcript, self.logs.of(transcript.id), self.logs.is_undone)
        standing = Standing(rec, transcript, replayed, self._rows_of(transcript.id, rec, replayed.pieces))
        if row not in standing.rows:
            raise RefusedError("this segment is not there any more: it was merged, or a split was undone", "stale", 409)
        return standing

    def heard(self, row: int) -> tuple[Transcript, Row]:
        """Give a row and the run's own line of its recording, which says where its sound is."""
        rows = self.index.rows([self._checked(row)])
        if not rows:
            raise unknown("row", row)
        return self.index.transcript(rows[0].rec), rows[0]

    def shown(self, rows: Sequence[int]) -> list[Shown]:
        """Give rows with the versions of their segments; those that are gone are left out."""
        return [self._shown(row) for row in self.index.rows(rows)]

    def said(self, rows: Rows) -> Iterator[Said]:
        """Give what rows say, in their order."""
        return self.index.texts(rows)

    def write(self, drafts: Sequence[Decision]) -> tuple[Decision, ...]:
        """Append lines, which are on the disk then. Raises RefusedError where they are not; all is as it was."""
        try:
            return self.log.append(drafts)
        except OutputError as error:
            raise not_saved(error) from error

    def catch_up(self, on_progress: Callable[[float], object]) -> None:
        """Take over what the logs have come to since the index was last written."""
        ids = self.logs.ids_since(self._noting.sizes)
        self._pending.update(self._known(self.logs.ids if ids is None else ids))
        if ids is None or self._noting.is_ahead:
            decided = self.logs.ids
            self._pending.update(rec for rec in self.index.changed() if self.index.id_of(rec) not in decided)
        self.settle(on_progress=on_progress)
        self.note()

    def note(self) -> None:
        """Note how much of the logs the index knows, for the next opening."""
        with self.lock:
            # A log may be another by now, and what others wrote is in the index the sooner.
            self._pending.update(self._known(self.logs.refresh()))
            if len(self._pending) <= _PORTION:
                with suppress(Awct2Error):
                    self.settle()
            # Else that one has to take over what is pending: what is noted already says since when.
            if not self._pending:
                self._noting.note(self.logs.sizes, self.log.path.parent)

    def follow(self) -> Change:
        """Bring index and queues to where the logs are, of other reviewers too. Raises RefusedError as `settle`."""
        with self.lock:
            self._pending.update(self._known(self.logs.refresh()))
            return self.settle()

    def carry_out(self, batch: Batch) -> Change:
        """Write a batch, and bring index and queues to where the logs are then.

        Raises RefusedError where it cannot be written, and all is as it was; with the code `saved_not_shown`, where the
        index could not take it in.
        """
        with self.lock:
            before = self.logs.sizes
            first = self._written(batch)
            with saved():
                if batch.action == "correct":
                    return self.follow()
                with self._taken_over(before) as is_told:
                    if is_told:
                        self._marks[batch.name] = self.index.marking.mark(batch.rows, first)
                        self._pending.update(self._marks[batch.name].recs.tolist())
                return self.settle(recount=True)

    def turn_back(self, step: Step, line: Decision, way: Literal["undo", "redo"]) -> Change:
        """Write the line that undoes a step, or its undoing, and bring index and queues to where the logs are then.

        Raises RefusedError as `carry_out`.
        """
        with self.lock:
            before = self.logs.sizes
            self.write([line])
            with saved():
                mark = self._marks.get(step.name)
                if mark is not None and not self.index.marking.has(mark):
                    mark = None
                if mark is None and (way == "redo" or step.count < _MANY):
                    return self.follow()
                with self._taken_over(before) as is_told:
                    if is_told and mark is not None:
                        self.index.marking.turn(mark, way)
                        self._pending.update(mark.recs.tolist())
                    elif is_told:
                        self._take_back(step)
                return self.settle(recount=True)

    def _take_back(self, step: Step) -> None:
        """Undo a step of before the start, as far as it leaves nothing behind but the run's own."""
        lone, others = map(self.index.records_of, self.logs.step_ids(step))
        stale = self._noting.recs
        is_stale = np.ones(len(lone), bool) if stale is None else np.isin(lone, list(stale))
        mark = self._marks[step.name] = self.index.marking.take_back(lone[~is_stale])
        self._pending.update(mark.recs.tolist(), others.tolist(), lone[is_stale].tolist())

    @contextmanager
    def _taken_over(self, before: Mapping[str, int]) -> Iterator[bool]:
        """Read on in the logs, and let own lines since these sizes be put into the index by themselves.

        What others have decided is pending then. Gives False where nobody can tell it apart, or where something was
        pending before: then all is pending. It is as well where the index cannot be changed.
        """
        self.logs.read()
        own = self.log.path.name
        others = self.logs.ids_since({**before, own: self.logs.sizes.get(own, 0)})
        if others is None or self._pending:
            self._pending.update(self._known(self.logs.refresh()))
            yield False
            return
        try:
            with changing():
                self._noting.go_ahead()
                yield True
        except BaseException:
            self._pending.update(self._known(self.logs.refresh()))
            raise
        self.logs.pass_over()
        self._pending.update(self._known(others))

    def settle(self, *, recount: bool = False, on_progress: Callable[[float], object] = lambda _: None) -> Change:
        """Take over what pending recordings have come to; `recount`: others have changed already.

        Raises RefusedError, 503, where the index cannot be changed: what is not taken over stays pending.
        """
        if not self._pending and not recount:
            return Change({})
        changed: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        ordered = sorted(self._pending)
        with changing():
            self._noting.go_ahead()
            for at in range(0, len(ordered), _PORTION):
                on_progress(at / len(ordered))
                portion = ordered[at : at + _PORTION]
                self.index.marking.touch(portion)
                before = {rec: self.index.rows_of(rec) for rec in portion}
                after = self.index.update(self._outcomes(portion))
                self._pending.difference_update(portion)
                for rec, rows in after.items():
                    if rows != before[rec]:
                        changed[rec] = before[rec], rows
                        self.shelf.change(before[rec], rows, self.index.total)
            self.counts = self.index.counts()
        return Change(changed)

    def _written(self, batch: Batch) -> Decision:
        """Write the lines of a batch; gives the first."""
        first: list[Decision] = []
        try:
            self.log.append_all(batch.lines(), lambda line: None if first else first.append(line))
        except OutputError as error:
            raise not_saved(error) from error
        return first[0]

    def _rows_of(self, id_: str, rec: int, pieces: Sequence[Piece]) -> tuple[int, ...]:
        """Give the rows of pieces, which are in the order of time, as a run need not have written its segments."""
        rows = self.index.rows_of(rec)
        if len(rows) != len(pieces):
            raise InputError(f"{id_}: its line was changed since the page was opened; open it again")
        numbers = [piece.origins[0] for piece in pieces if len(piece.origins) == 1]
        if rows and sorted(numbers) == list(range(len(rows))) and max(rows) - min(rows) == len(rows) - 1:
            return tuple(min(rows) + number for number in numbers)
        return rows

    def _known(self, ids: Iterable[str]) -> list[int]:
        """Give the recordings of these ids that are open here, in order: others are another part's."""
        known: list[int] = self.index.records_of(ids).tolist()
        return known

    def _outcomes(self, recs: Sequence[int]) -> Iterator[tuple[int, Sequence[Piece]]]:
        for rec, transcript in zip(recs, self.index.transcripts(recs), strict=True):
            replayed = replay(transcript, self.logs.of(transcript.id), self.logs.is_undone)
            self._noting.count(rec, len(replayed.stale))
            yield rec, replayed.pieces

    @staticmethod
    def _checked(row: int) -> int:
        """Raise RefusedError for what cannot be the number of a row."""
        if not 0 <= row < 1 << 31:
            raise unknown("row", row)
        return row

    @staticmethod
    def _shown(row: Row) -> Shown:
        if row.seen is not None or row.status == "conflict":
            return Shown(row, row.seen or "")
        verdict = None if row.status == "open" else row.status
        return Shown(row, version_of(row.id, row.start, row.end, row.text, verdict))
