"""The stage that keeps the engine busy."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, EngineMemoryError
from anime_whisper_ct2.executors.second_look import SecondLook
from anime_whisper_ct2.mel import WINDOW_FRAMES
from anime_whisper_ct2.records import Batch, Broken, Decoded, Window

T = TypeVar("T")

# Windows that fail alone, with none decoded between them, after which the device is taken for broken and not they.
_MOST_FAILURES = 8


@dataclass(frozen=True, slots=True)
class _Submitted:
    batch: Batch
    future: Future[list[Decoded]]
    # What a first decode made of the windows, when this is their second.
    first: tuple[Decoded, ...] = ()


class Decoding:
    """Hands batches to the engine, several in flight, and gives back each window with what became of it.

    A batch that fails is tried again in halves, down to the window at fault, which ends its recording; one that does
    not fit the memory makes all later ones smaller, too. Fitted windows that `second_look` wants go once more, at 30 s
    and in batches of their own. Raises EngineError when nothing but failures comes back: then it is the device.
    """

    def __init__(
        self,
        engine: Engine,
        second_look: SecondLook | None = None,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._second_look = second_look
        self._patience_s = patience_s
        self._clock = clock
        self._pending: deque[_Submitted] = deque()
        self._again: list[tuple[Window, Decoded]] = []
        self._again_since = 0.0
        self._failures_in_a_row = 0
        self.memory_halvings = 0

    @property
    def hungry(self) -> bool:
        """Whether the engine computes fewer batches than it could."""
        # Of those that it takes in advance, one only waits.
        busy = sum(not submitted.future.done() for submitted in self._pending)
        return busy < max(1, self._engine.in_flight - 1)

    def __call__(self, items: Iterable[Batch | T]) -> Iterator[tuple[Window, Decoded] | Broken | T]:
        """Turn batches into (window, decoded); whatever is no batch passes straight through."""
        for item in items:
            if isinstance(item, Batch):
                self._submit(item)
                while len(self._pending) >= self._engine.in_flight:
                    yield from self._finish_oldest()
            else:
                while self._pending and self._pending[0].future.done():
                    yield from self._finish_oldest()
                if self._again and self._clock() - self._again_since > self._patience_s:
                    self._submit_again()
                yield item
        while self._pending or self._again:
            while self._again and len(self._pending) < self._engine.in_flight:
                self._submit_again()
            yield from self._finish_oldest()

    def _submit(self, batch: Batch, first: tuple[Decoded, ...] = ()) -> None:
        self._pending.append(_Submitted(batch, self._engine.submit(batch), first))

    def _submit_again(self) -> None:
        take = self._engine.capacity(WINDOW_FRAMES)
        windows, first = zip(*self._again[:take], strict=True)
        del self._again[:take]
        self._submit(Batch(windows, WINDOW_FRAMES), first)

    def _finish_oldest(self) -> Iterator[tuple[Window, Decoded] | Broken]:
        done = self._pending.popleft()
        try:
            decoded = done.future.result()
        except EngineError as error:
            yield from self._split(done, error)
            return
        self._failures_in_a_row = 0
        for window, first, now in zip(done.batch.windows, done.first or decoded, decoded, strict=True):
            if done.first:
                yield from self._second(window, first, now)
            else:
                yield from self._first(window, now, fitted=done.batch.frames < WINDOW_FRAMES)
        if len(self._again) >= self._engine.capacity(WINDOW_FRAMES):
            self._submit_again()

    def _first(self, window: Window, decoded: Decoded, *, fitted: bool) -> Iterator[tuple[Window, Decoded]]:
        look = self._second_look if fitted else None
        if look is not None and look.wanted(window, decoded):
            if not self._again:
                self._again_since = self._clock()
            self._again.append((window, decoded))
        # A text that is only audited stands as it is and goes home at once.
        if look is None or not look.doubted_now(window, decoded):
            yield window, decoded

    def _second(self, window: Window, first: Decoded, now: Decoded) -> Iterator[tuple[Window, Decoded]]:
        assert self._second_look is not None
        self._second_look.compare(window, first, now)
        if self._second_look.doubted_now(window, first):
            yield window, now

    def _split(self, failed: _Submitted, error: EngineError) -> Iterator[tuple[Window, Decoded] | Broken]:
        windows, frames = failed.batch.windows, failed.batch.frames
        if isinstance(error, EngineMemoryError) and len(windows) > 1:
            self.memory_halvings += 1
            self._engine.shrink(frames, len(windows))
        if len(windows) == 1:
            yield from self._lost(windows[0], failed.first, error)
            return
        middle = len(windows) // 2
        for part in (slice(middle, None), slice(None, middle)):
            half = Batch(windows[part], frames)
            self._pending.appendleft(_Submitted(half, self._engine.submit(half), failed.first[part]))

    def _lost(
        self, window: Window, first: tuple[Decoded, ...], error: EngineError
    ) -> Iterator[tuple[Window, Decoded] | Broken]:
        """One window alone failed: its first text stands, if it has one; else its recording is at fault, or all is."""
        if first:
            if self._second_look is not None and self._second_look.doubted_now(window, first[0]):
                yield window, first[0]
            return
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= _MOST_FAILURES:
            raise EngineError(
                f"the engine fails on everything: {error}; what is finished is kept, and the same command goes on"
            ) from error
        yield Broken(window.key, "engine", type(error).__name__, str(error))
