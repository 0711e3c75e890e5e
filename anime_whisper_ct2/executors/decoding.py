"""The stage that keeps the engine busy."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TypeVar

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError
from anime_whisper_ct2.executors.ladder import STEPS, Attempts, Ladder
from anime_whisper_ct2.executors.pace import Pace
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.features.windows import enough_together, longer_length
from anime_whisper_ct2.options import RETRY_BEAMS
from anime_whisper_ct2.records import Batch, Broken, Decoded, Drained, Step, Tick, Window
from anime_whisper_ct2.system.waiting import first_done, result_of

T = TypeVar("T")

# Windows that fail alone, with none decoded between them, after which the device is taken for broken and not they.
_MOST_FAILURES = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Submitted:
    batch: Batch
    future: Future[list[Decoded]]
    # What earlier steps made of the windows; empty for their first.
    before: tuple[Attempts, ...]


@dataclass(slots=True)
class _Waiting:
    """Windows that are to go one step further down the ladder."""

    windows: list[Window] = field(default_factory=list)
    before: list[Attempts] = field(default_factory=list)
    since: float = 0.0


class Decoding:
    """Hands batches to the engine, several in flight, and gives back each window with what became of it.

    A batch that fails is tried again in halves, down to the window at fault, which ends its recording; one that does
    not fit the memory makes all later ones smaller, too. Windows that `ladder` sends further go again as soon as they
    are a batch: each step in batches of its own, but that longer windows join others of their length. Raises
    EngineError when nothing but failures comes back: then it is the device.
    """

    def __init__(
        self,
        engine: Engine,
        ladder: Ladder | None = None,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        stopped: Callable[[], bool] = lambda: False,
        pace: Pace | None = None,
    ) -> None:
        self._engine = engine
        self._ladder = ladder or Ladder(retry=False)
        self._patience_s = patience_s
        self._clock = clock
        self._stopped = stopped
        self._pace = pace or Pace(engine)
        self._pending: deque[_Submitted] = deque()
        # By step and length.
        self._again: dict[tuple[Step, int], _Waiting] = {}
        # Windows that were drawn for the audit, and of those the ones whose texts are home already, and which are
        # decoded at 30 s only to be compared; by identity, since windows hold arrays and have no hash.
        self._drawn: set[int] = set()
        self._audited: set[int] = set()
        # Told only when a later batch, or that nothing more comes, shows that the device is not to blame.
        self._lost: list[Broken] = []
        self._failures_in_a_row = 0
        self.memory_halvings = 0
        # Whether more windows of one batch follow at once.
        self.amid_batch = False

    @property
    def hungry(self) -> bool:
        """Whether the engine computes fewer batches than it could."""
        # Of those that it takes in advance, one only waits.
        busy = sum(not submitted.future.done() for submitted in self._pending)
        return busy < max(1, self._engine.in_flight - 1)

    def room(self, frames: int) -> int:
        """Give how many windows of so many frames go together beside those that wait to be decoded again."""
        waiting = self._again.get(("longer", frames))
        return max(1, self._pace.capacity(frames) - (len(waiting.windows) if waiting else 0))

    def __call__(self, items: Iterable[Batch | Drained | T]) -> Iterator[tuple[Window, Decoded] | Broken | T]:
        """Turn batches into (window, decoded); whatever is no batch passes straight through."""
        drained = False
        for item in items:
            if isinstance(item, Batch):
                while drained and self._again and not self._stopped():
                    # Company for them will hardly come, and behind the longest windows short ones fill the end evenly.
                    self._submit_again(next(iter(self._again)))
                    yield from self._wait_for_room()
                self._submit(*self._joined(item))
                yield from self._wait_for_room()
            elif isinstance(item, Drained):
                drained = True
            else:
                while any(submitted.future.done() for submitted in self._pending):
                    yield from self._finish_one()
                self._submit_due(idle=isinstance(item, Tick))
                if isinstance(item, Tick) and not self._pending:
                    yield from self._told()
                yield item
        while self._pending or (self._again and not self._stopped()):
            while self._again and not self._stopped() and len(self._pending) < self._engine.in_flight:
                self._submit_again(next(iter(self._again)), share=True)
            yield from self._finish_one()
        if not self._stopped():
            yield from self._told()

    def _wait_for_room(self) -> Iterator[tuple[Window, Decoded] | Broken]:
        while len(self._pending) >= self._engine.in_flight:
            yield from self._finish_one()

    def _joined(self, batch: Batch) -> tuple[Batch, tuple[Attempts, ...]]:
        """Add windows of that length which are to be decoded once more in the same way."""
        before: tuple[Attempts, ...] = ((),) * len(batch.windows)
        more = self._pace.capacity(batch.frames) - len(batch.windows)
        if ("longer", batch.frames) not in self._again or more <= 0:
            return batch, before
        windows, attempts = self._taken(("longer", batch.frames), more)
        return replace(batch, windows=(*batch.windows, *windows)), (*before, *attempts)

    def _submit(self, batch: Batch, before: tuple[Attempts, ...]) -> None:
        self._pending.append(_Submitted(batch, self._pace.submit(batch), before))

    def _submit_due(self, *, idle: bool) -> None:
        """Send on what has waited long enough, or whatever there is when there is nothing else to do."""
        now = self._clock()
        for way, waiting in list(self._again.items()):
            if now - waiting.since > self._patience_s or (idle and self.hungry):
                self._submit_again(way)

    def _submit_again(self, way: tuple[Step, int], *, share: bool = False) -> None:
        step, frames = way
        take = self._most(step, frames)
        if share:  # the last ones: as many batches as are computed side by side, so that none of these waits
            take = min(take, -(-len(self._again[way].windows) // max(1, self._engine.in_flight - 1)))
        windows, before = self._taken(way, take)
        self._submit(Batch(windows, frames, step), before)

    def _taken(self, way: tuple[Step, int], most: int) -> tuple[tuple[Window, ...], tuple[Attempts, ...]]:
        waiting = self._again[way]
        taken = tuple(waiting.windows[:most]), tuple(waiting.before[:most])
        del waiting.windows[:most], waiting.before[:most]
        waiting.since = self._clock()
        if not waiting.windows:
            del self._again[way]
        return taken

    def _is_batch(self, windows: list[Window], step: Step, frames: int) -> bool:
        return len(windows) >= self._most(step, frames) or self._pace.are_enough(windows, frames)

    def _most(self, step: Step, frames: int) -> int:
        """Give how many windows go again together: no more than are worth waiting for, so that none are left last."""
        fit = self._engine.capacity(frames)
        # Every beam has a cache of its own.
        return min(enough_together(frames), max(1, fit // RETRY_BEAMS) if step == "beam" else fit)

    def _finish_one(self) -> Iterator[tuple[Window, Decoded] | Broken]:
        """Take in the oldest of the batches that are done, or the first that will be."""
        first_done([submitted.future for submitted in self._pending])
        done = next(submitted for submitted in self._pending if submitted.future.done())
        self._pending.remove(done)
        try:
            decoded = result_of(done.future)
        except EngineLostError:  # it answers nothing else either
            raise
        except EngineError as error:
            yield from self._split(done, error)
            return
        self._failures_in_a_row = 0
        yield from self._told()
        frames = done.batch.frames
        self._ladder.note_work(len(decoded), frames)
        home: list[tuple[Window, Decoded]] = []
        for window, before, now in zip(done.batch.windows, done.before, decoded, strict=True):
            # A batch holds those in here, so that no other window can have come by the same identity.
            if id(window) in self._audited:
                self._audited.discard(id(window))
                self._ladder.compare(before[0][1], now)
            else:
                # What went before says that it has joined a batch of others.
                step: Step = "longer" if before and done.batch.step == "first" else done.batch.step
                marked = self._ladder.marked(window, now)
                home.extend(self._decoded(window, (*before, (step, marked)), frames))
        for at, one in enumerate(home, 1):
            self.amid_batch = at < len(home)
            yield one
        for way in sorted(self._again, key=lambda way: STEPS.index(way[0])):
            while not self._stopped() and way in self._again and self._is_batch(self._again[way].windows, *way):
                self._submit_again(way)

    def _decoded(self, window: Window, attempts: Attempts, frames: int) -> Iterator[tuple[Window, Decoded]]:
        step = self._ladder.next_step(window, attempts, frames)
        if attempts[-1][0] == "first" and frames < WINDOW_FRAMES and self._ladder.is_audited(window):
            self._drawn.add(id(window))
        if step is not None:
            self._wait(step, window, attempts, frames)
        else:
            yield window, self._ladder.settle(window, attempts)
        if attempts[-1][0] == "full" and id(window) in self._drawn:
            self._drawn.discard(id(window))
            self._ladder.compare(attempts[0][1], attempts[-1][1])
        elif step is None and id(window) in self._drawn:
            self._drawn.discard(id(window))
            self._audited.add(id(window))
            self._ladder.note_audit()
            self._wait("full", window, attempts, frames)

    def _wait(self, step: Step, window: Window, attempts: Attempts, frames: int) -> None:
        length = longer_length(window.mel.values.shape[1], frames) if step == "longer" else WINDOW_FRAMES
        waiting = self._again.setdefault((step, length), _Waiting(since=self._clock()))
        waiting.windows.append(window)
        waiting.before.append(attempts)

    def _split(self, failed: _Submitted, error: EngineError) -> Iterator[tuple[Window, Decoded] | Broken]:
        batch = failed.batch
        if isinstance(error, EngineMemoryError) and len(batch.windows) > 1:
            self.memory_halvings += 1
            # In windows of one beam, as capacities are.
            self._engine.shrink(batch.frames, len(batch.windows) * (RETRY_BEAMS if batch.step == "beam" else 1))
        if len(batch.windows) == 1:
            yield from self._given_up(batch.windows[0], failed.before[0], error)
            return
        middle = len(batch.windows) // 2
        for part in (slice(middle, None), slice(None, middle)):
            half = replace(batch, windows=batch.windows[part])
            self._pending.appendleft(_Submitted(half, self._pace.submit(half), failed.before[part]))

    def _told(self) -> Iterator[Broken]:
        """Say which recordings are lost."""
        lost, self._lost = self._lost, []
        yield from lost

    def _given_up(
        self, window: Window, attempts: Attempts, error: EngineError
    ) -> Iterator[tuple[Window, Decoded] | Broken]:
        """One window alone failed: a text that it has stands; without one its recording is at fault, or all is."""
        if attempts:
            self._drawn.discard(id(window))
            if id(window) in self._audited:
                self._audited.discard(id(window))
            else:
                yield window, self._ladder.settle(window, attempts)
            return
        self._lost.append(Broken(window.key, "engine", type(error).__name__, str(error)))
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _MOST_FAILURES:
            raise EngineError(f"the engine fails on everything: {error}") from error
