"""The stage that keeps the engine busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, EngineMemoryError
from anime_whisper_ct2.executors.second_look import SecondLook
from anime_whisper_ct2.mel import WINDOW_FRAMES
from anime_whisper_ct2.records import Batch, Broken, Decoded, Window

T = TypeVar("T")


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
    and in batches of their own.
    """

    def __init__(self, engine: Engine, second_look: SecondLook | None = None) -> None:
        self._engine = engine
        self._second_look = second_look
        self._pending: deque[_Submitted] = deque()
        self._again: list[tuple[Window, Decoded]] = []
        self.memory_halvings = 0

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
                yield item
        while self._pending or self._again:
            if not self._pending:
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
        for window, first, now in zip(done.batch.windows, done.first or decoded, decoded, strict=True):
            if self._second_look is None or (done.batch.frames == WINDOW_FRAMES and not done.first):
                yield window, now
            elif done.first:
                yield window, self._second_look.judge(window, first, now)
            elif self._second_look.wanted(window, now):
                self._again.append((window, now))
            else:
                yield window, now
        if len(self._again) >= self._engine.capacity(WINDOW_FRAMES):
            self._submit_again()

    def _split(self, failed: _Submitted, error: EngineError) -> Iterator[Broken]:
        windows, frames = failed.batch.windows, failed.batch.frames
        if len(windows) == 1:
            yield Broken(windows[0].key, "engine", type(error).__name__, str(error))
            return
        if isinstance(error, EngineMemoryError):
            self.memory_halvings += 1
            self._engine.shrink(frames, len(windows))
        middle = len(windows) // 2
        for part in (slice(middle, None), slice(None, middle)):
            half = Batch(windows[part], frames)
            self._pending.appendleft(_Submitted(half, self._engine.submit(half), failed.first[part]))
