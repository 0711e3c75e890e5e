"""One reviewer at a run: what is decided, undone and done again, and what of the queue that changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from anime_whisper_ct2.errors import Awct2Error
from anime_whisper_ct2.review.batch_lines import Batch
from anime_whisper_ct2.review.batches import BatchPreview, batch_of, previewed
from anime_whisper_ct2.review.bench import Bench, Change, Shown, Standing
from anime_whisper_ct2.review.details import Detail, detail_of
from anime_whisper_ct2.review.index.rows import Frozen
from anime_whisper_ct2.review.refusing import RefusedError, saved
from anime_whisper_ct2.review.replacing import ReplacePreview, Replacing
from anime_whisper_ct2.review.requests import (
    BatchRequest,
    ChosenRequest,
    DecideRequest,
    QueueRequest,
    ReplaceRequest,
    SampleRequest,
)
from anime_whisper_ct2.review.sampling import Sample, SampleClosed, Sampling
from anime_whisper_ct2.review.shelf import FrozenQueue
from anime_whisper_ct2.review.stepping import Recording, RefusedIn, drafted, no_character
from anime_whisper_ct2.reviews import Decision, Step, replay, version_of_piece
from anime_whisper_ct2.text import Normalizer

# So many rows of a batch are answered; the page asks for those that it shows.
_MOST_ROWS = 200
# Later than every line, as the one that is tried would be.
_LAST = "9999-12-31T23:59:59.999999Z"
_STRUCTURE = ("trim", "split", "merge")


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a frozen queue: how many rows it has now, and from which position on they are others."""

    count: int
    first: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What a request has changed: `count` segments, of which the first of `rows` is the one to be at.

    `what`: which action was undone or done again. `moved`: None where the queue is as it was. `position`: of the first
    row in the queue.
    """

    rows: Sequence[Shown]
    count: int
    position: int | None
    can_undo: bool
    can_redo: bool
    counts: Mapping[str, int]
    what: str | None = None
    moved: Moved | None = None


@dataclass(frozen=True, slots=True)
class State:
    """How things stand, as the page shows it; `seconds` of sound in `total` segments, `progress` from 0 to 1."""

    run: str
    kind: Literal["run", "list"]
    reviewer: str
    normalizer: str
    ready: bool = False
    progress: float = 0.0
    problem: str | None = None
    total: int = 0
    seconds: float = 0.0
    against: str | None = None
    words: bool = False
    flags: Sequence[str] = ()
    tags: Sequence[str] = ()
    reviewers: Sequence[str] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    stale: int = 0
    can_undo: bool = False
    can_redo: bool = False
    note: str | None = None


class Session:
    """What the page asks for; from any number of threads, of which one writes at a time."""

    def __init__(self, bench: Bench, normalizer: Normalizer, refused_in: RefusedIn = no_character) -> None:
        self.bench = bench
        self._sampling = Sampling(bench)
        self._replacing = Replacing(bench, refused_in)
        self._refused_in = refused_in
        self._normalizer = normalizer

    def state(self, opening: State) -> State:
        """Say how things stand; what others have decided is taken in where nothing else is under way."""
        bench = self.bench
        trouble = None
        if bench.lock.acquire(blocking=False):
            try:
                bench.follow()
            except Awct2Error as error:
                trouble = str(error)
            finally:
                bench.lock.release()
        index = bench.index
        steps = bench.logs.history(bench.log.reviewer)
        return replace(
            opening,
            ready=True,
            progress=1.0,
            total=index.total,
            seconds=index.seconds,
            against=index.against_name,
            words=index.words,
            flags=index.flags,
            tags=index.tags(),
            reviewers=index.reviewers(),
            counts=bench.counts,
            stale=bench.stale,
            can_undo=len(steps.undoable) > 0,
            can_redo=len(steps.redoable) > 0,
            note="; ".join(filter(None, (*index.notes, bench.logs.problem, trouble))) or None,
        )

    def queue(self, request: QueueRequest) -> tuple[FrozenQueue, Frozen]:
        """Freeze the rows that fit, in order, as all reviewers have left them."""
        with self.bench.lock:
            self.bench.follow()
            self.bench.note()
        frozen = self.bench.index.queue(request.filters, request.sort, descending=request.descending)
        return self.bench.shelf.add(frozen.rows, request.written), frozen

    def rows(self, number: int, first: int, count: int) -> Sequence[Shown]:
        """Give some rows of a queue as they are now."""
        rows = self.bench.shelf.get(number).rows[first : first + count]
        return self.bench.shown(rows.tolist())

    def detail(self, row: int) -> Detail:
        """Give all about a row."""
        return detail_of(self.bench, self._normalizer, row)

    def draw(self, request: SampleRequest) -> Sample:
        """Draw a sample of a queue."""
        with self.bench.lock:
            return self._sampling.draw(request)

    def close_sample(self, name: str) -> SampleClosed:
        """Say what listening to a sample has told, and keep that."""
        with self.bench.lock:
            self.bench.follow()
            return self._sampling.close(name)

    def decide(self, wish: DecideRequest) -> Decided:
        """Carry a decision out; it is on the disk then. Raises RefusedError, and nothing has changed."""
        with self.bench.lock:
            queue = self.bench.shelf.find(wish.queue)
            standing = self.bench.standing_of(wish.row)
            recording = Recording(standing.transcript.id, standing.transcript.duration, standing.replayed.pieces)
            if version_of_piece(recording.id, standing.piece(wish.row)) != wish.seen:
                # Another reviewer's lines may be what the page has not seen, and the index neither.
                self.bench.follow()
                raise RefusedError("the segment is not what was seen any more", "stale", 409, wish.row)
            draft = drafted(wish, recording, standing.rows.index(wish.row), self._refused_in)
            if wish.action in _STRUCTURE:
                self._try(standing, draft)
            self.bench.write([draft])
            with saved():
                change = self.bench.follow()
                return self._decided(self._touched(change, standing.rec, wish.row), queue, wish.position)

    def batch(self, request: BatchRequest) -> Decided:
        """Decide on all of a queue in one step."""
        with self.bench.lock:
            queue = self.bench.shelf.get(request.queue)
            self.bench.settle()
            return self._many(batch_of(self.bench, request, queue.rows), queue)

    def batch_preview(self, request: BatchRequest) -> BatchPreview:
        """Say what a batch would come to."""
        return previewed(self.bench, request, self.bench.shelf.get(request.queue).rows)

    def replace_preview(self, request: ReplaceRequest) -> ReplacePreview:
        """Say what rules would change."""
        return self._replacing.preview(request, self.bench.shelf.get(request.queue).rows)

    def replace(self, request: ChosenRequest) -> Decided:
        """Make the changes of a preview in one step."""
        with self.bench.lock:
            self.bench.settle()
            decided = self._many(self._replacing.batch_of(request.preview, request.left_out), self.bench.shelf.latest)
            self._replacing.forget(request.preview)
            return decided

    def undo(self) -> Decided:
        """Take this reviewer's last step back; nothing where none is left."""
        return self._turn("undo")

    def redo(self) -> Decided:
        """Do the step again that was undone last; nothing where none is left."""
        return self._turn("redo")

    def _turn(self, way: Literal["undo", "redo"]) -> Decided:
        with self.bench.lock:
            self.bench.follow()
            queue = self.bench.shelf.latest
            history = self.bench.logs.history(self.bench.log.reviewer)
            steps = history.undoable if way == "undo" else history.redoable
            if not steps:
                return self._decided([], queue, None)
            step = steps[-1]
            named = step.name if way == "undo" else step.undone_by
            first = step.first
            line = Decision("", "", first.id, first.start, first.end, first.seen, "undo", named)
            change = self.bench.turn_back(step, line, way)
            with saved():
                rows = self._of_step(step, change)
                return replace(self._decided(rows, queue, None, max(step.count, len(rows))), what=first.action)

    def _many(self, batch: Batch, queue: FrozenQueue | None) -> Decided:
        self.bench.carry_out(batch)
        with saved():
            return self._decided(batch.rows[:_MOST_ROWS].tolist(), queue, None, len(batch.rows))

    def _try(self, standing: Standing, draft: Decision) -> None:
        """Carry a line out without writing it. Raises RefusedError where it would come to nothing."""
        line = replace(draft, at=_LAST, reviewer=self.bench.log.reviewer)
        logs = self.bench.logs
        tried = replay(
            standing.transcript,
            (*logs.of(standing.transcript.id), line),
            lambda each: each is not line and logs.is_undone(each),
        )
        if line in tried.stale:
            raise RefusedError(
                "the segment cannot be cut so: it must stay in its recording, and beside others", "bad_times"
            )

    def _touched(self, change: Change, rec: int, row: int) -> list[int]:
        """Give the row that was decided on, and those that came out of it."""
        before, after = change.recs.get(rec, ((), (row,)))
        return [each for each in after if each == row or each not in before]

    def _of_step(self, step: Step, change: Change) -> list[int]:
        """Give the rows that a step that goes or comes back was about; of a batch, its first."""
        rows = self._at(step.first, change)
        if step.count > 1:
            return rows
        rec = self.bench.index.record_of(step.first.id)
        before, after = change.recs.get(rec, ((), ())) if rec is not None else ((), ())
        return rows + [row for row in after if row not in before and row not in rows]

    def _at(self, line: Decision, change: Change) -> list[int]:
        """Give the row that stands where a line's segment was, if any does."""
        rec = self.bench.index.record_of(line.id)
        if rec is None:
            return []
        there = change.recs[rec][1] if rec in change.recs else self.bench.index.rows_of(rec)
        rows = self.bench.index.rows(there)
        # The very same segment, else the one that begins where it began, as the first part of a split does.
        rows.sort(
            key=lambda row: (
                (row.start, row.end) != (line.start, line.end),
                min(row.end, line.end) <= max(row.start, line.start),
                abs(row.start - line.start),
            )
        )
        return [row.row for row in rows[:1]]

    def _decided(
        self,
        rows: Collection[int],
        queue: FrozenQueue | None,
        guess: int | None,
        count: int | None = None,
    ) -> Decided:
        shown = self.bench.shown(list(rows))
        steps = self.bench.logs.history(self.bench.log.reviewer)
        first = None if queue is None else queue.moved()
        return Decided(
            rows=shown,
            count=len(shown) if count is None else count,
            position=queue.position(shown[0].row.row, guess) if queue is not None and shown else None,
            can_undo=len(steps.undoable) > 0,
            can_redo=len(steps.redoable) > 0,
            counts=self.bench.counts,
            moved=None if queue is None or first is None else Moved(len(queue.rows), first),
        )
