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
    not fit the memory makes all later ones smaller, too. Windows that `ladder` sends further go again at 30 s, each
    step in batches of its own. Raises EngineError when nothing but failures comes back: then it is the device.
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
        self._again: dict[Step, _Waiting] = {}
        # Texts that are home already and are decoded at 30 s only to be compared.
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

    def __call__(self, items: Iterable[Batch | Drained | T]) -> Iterator[tuple[Window, Decoded] | Broken | T]:
        """Turn batches into (window, decoded); whatever is no batch passes straight through."""
        drained = False
        for item in items:
            if isinstance(item, Batch):
                while drained and self._again and not self._stopped():
                    # Company for them will hardly come, and behind the longest windows short ones fill the end evenly.
                    self._submit_again(next(iter(self._again)))
                    yield from self._wait_for_room()
                self._submit(item, ((),) * len(item.windows))
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

    def _submit(self, batch: Batch, before: tuple[Attempts, ...]) -> None:
        self._pending.append(_Submitted(batch, self._pace.submit(batch), before))

    def _submit_due(self, *, idle: bool) -> None:
        """Send on what has waited long enough, or whatever there is when there is nothing else to do."""
        now = self._clock()
        for step, waiting in list(self._again.items()):
            if now - waiting.since > self._patience_s or (idle and self.hungry):
                self._submit_again(step)

    def _submit_again(self, step: Step, *, share: bool = False) -> None:
        waiting = self._again[step]
        take = self._capacity(step)
        if share:  # the last ones: as many batches as are computed side by side, so that none of these waits
            take = min(take, -(-len(waiting.windows) // max(1, self._engine.in_flight - 1)))
        windows, before = waiting.windows[:take], waiting.before[:take]
        del waiting.windows[:take], waiting.before[:take]
        if not waiting.windows:
            del self._again[step]
        self._submit(Batch(tuple(windows), WINDOW_FRAMES, step), tuple(before))

    def _is_batch(self, windows: list[Window], step: Step) -> bool:
        return len(windows) >= self._capacity(step) or self._pace.are_enough(windows, WINDOW_FRAMES)

    def _capacity(self, step: Step) -> int:
        most = self._engine.capacity(WINDOW_FRAMES)
        # Every beam has a cache of its own.
        return max(1, most // RETRY_BEAMS) if step == "beam" else most

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
        step, fitted = done.batch.step, done.batch.frames < WINDOW_FRAMES
        home: list[tuple[Window, Decoded]] = []
        for window, before, now in zip(done.batch.windows, done.before, decoded, strict=True):
            # By identity, since windows hold arrays and have no hash. A batch holds those in here, so that no other one
            # can have come by the same.
            if id(window) in self._audited:
                self._audited.discard(id(window))
                self._ladder.compare(window, before[0][1], now)
            else:
                marked = self._ladder.marked(window, now)
                home.extend(self._decoded(window, (*before, (step, marked)), fitted=fitted))
        for at, one in enumerate(home, 1):
            self.amid_batch = at < len(home)
            yield one
        for further in STEPS:
            while (
                not self._stopped() and further in self._again and self._is_batch(self._again[further].windows, further)
            ):
                self._submit_again(further)

    def _decoded(self, window: Window, attempts: Attempts, *, fitted: bool) -> Iterator[tuple[Window, Decoded]]:
        step = self._ladder.next_step(window, attempts, fitted=fitted)
        if step is not None:
            self._wait(step, window, attempts)
        else:
            yield window, self._ladder.settle(window, attempts)
        if attempts[-1][0] == "full":
            self._ladder.compare(window, attempts[0][1], attempts[-1][1])
        elif fitted and self._ladder.is_audited(window) and step is None:
            self._audited.add(id(window))
            self._wait("full", window, attempts)

    def _wait(self, step: Step, window: Window, attempts: Attempts) -> None:
        waiting = self._again.setdefault(step, _Waiting(since=self._clock()))
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
            if id(window) in self._audited:
                self._audited.discard(id(window))
            else:
                yield window, self._ladder.settle(window, attempts)
            return
        self._lost.append(Broken(window.key, "engine", type(error).__name__, str(error)))
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _MOST_FAILURES:
            raise EngineError(f"the engine fails on everything: {error}") from error
