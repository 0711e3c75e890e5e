"""The stage that keeps the engine busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.records import Batch, Broken, Decoded, Window

T = TypeVar("T")


class Decoding:
    """Hands batches to the engine, several in flight, and gives back each window with what became of it.

    A batch that fails is tried again in halves, down to the window at fault, which ends its recording.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pending: deque[tuple[Batch, Future[list[Decoded]]]] = deque()

    def __call__(self, items: Iterable[Batch | T]) -> Iterator[tuple[Window, Decoded] | Broken | T]:
        """Turn batches into (window, decoded); whatever is no batch passes straight through."""
        for item in items:
            if isinstance(item, Batch):
                self._pending.append((item, self._engine.submit(item)))
                while len(self._pending) >= self._engine.in_flight:
                    yield from self._finish_oldest()
            else:
                while self._pending and self._pending[0][1].done():
                    yield from self._finish_oldest()
                yield item
        while self._pending:
            yield from self._finish_oldest()

    def _finish_oldest(self) -> Iterator[tuple[Window, Decoded] | Broken]:
        batch, future = self._pending.popleft()
        try:
            decoded = future.result()
        except EngineError as error:
            yield from self._split(batch, error)
        else:
            yield from zip(batch.windows, decoded, strict=True)

    def _split(self, batch: Batch, error: EngineError) -> Iterator[Broken]:
        if len(batch.windows) == 1:
            yield Broken(batch.windows[0].key, "engine", type(error).__name__, str(error))
            return
        middle = len(batch.windows) // 2
        for windows in (batch.windows[middle:], batch.windows[:middle]):
            half = Batch(windows, batch.frames)
            self._pending.appendleft((half, self._engine.submit(half)))
