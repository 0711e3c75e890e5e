"""Bring windows of different recordings together into batches of one length."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from anime_whisper_ct2.records import Batch, Drained, Tick, Window

T = TypeVar("T")

# A decoder step costs nearly the same for one text as for a few, so an engine without work is given a few.
_FEW = 8
# So often may a length stand back behind those of more recordings.
_MOST_PASSED_OVER = 6


class Batcher:
    """A stage that holds windows back until a batch of one length is full.

    `length` gives the frames that a window of so many real ones is padded to, `capacity` how many windows of so many
    frames the engine takes at a time; it is asked each time, because an engine that ran out of memory takes fewer. What
    are `enough`, of so many frames, go although there could be more.
    Whatever is no window passes straight through. While the engine is `hungry` and the source `dry`, a few windows will
    do, and when nothing new has come for a moment, any. A window that has waited `patience_s` goes with those it has
    found, so that a rare length delays no recording for ever; time that the engine takes does not count. Ahead of the
    batches that end it comes `Drained`.
    """

    def __init__(
        self,
        length: Callable[[int], int],
        capacity: Callable[[int], int],
        hungry: Callable[[], bool] = lambda: False,
        dry: Callable[[], bool] = lambda: True,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        enough: Callable[[Sequence[Window], int], bool] = lambda _windows, _frames: False,
    ) -> None:
        self._length = length
        self._capacity = capacity
        self._hungry = hungry
        self._dry = dry
        self._patience_s = patience_s
        self._clock = clock
        self._enough = enough
        self._away_s = 0.0
        self._waiting: dict[int, list[Window]] = {}
        self._since: dict[int, float] = {}
        self._meals = 0
        self._first_meal: dict[int, int] = {}  # the first that a length could have been

    def __call__(self, items: Iterable[Window | T]) -> Iterator[Batch | Drained | T]:
        """Turn a stream of windows, with other items among them, into batches with the same items among them."""
        for item in items:
            if not isinstance(item, Window):
                yield from self._timed(self._overdue())
                if isinstance(item, Tick):
                    yield from self._timed(self._meal(1))
                yield from self._timed([item])
            else:
                yield from self._added(item)
            # While there is more to be had at once, batches had better fill.
            if self._waiting and self._dry():
                yield from self._timed(self._meal(_FEW))
        yield Drained()
        # Of equals the longest first: the short ones then fill the end of the run evenly.
        for frames in sorted(self._waiting, key=self._recordings, reverse=True):
            yield self._take(frames)

    def _added(self, window: Window) -> Iterator[Batch]:
        """Put a window to those of its length, and give them when they are a batch."""
        frames = self._length(window.mel.values.shape[1])
        waiting = self._waiting.setdefault(frames, [])
        if not waiting:
            self._since[frames] = self._now()
            self._first_meal[frames] = self._meals
        waiting.append(window)
        if len(waiting) >= self._capacity(frames) or self._enough(waiting, frames):
            yield from self._timed([self._take(frames)])

    def _timed(self, items: Iterable[Batch | T]) -> Iterator[Batch | T]:
        """Hand items on, and leave out of the waiting time what the engine takes for them."""
        for item in items:
            start = self._clock()
            yield item
            self._away_s += self._clock() - start

    def _now(self) -> float:
        return self._clock() - self._away_s

    def _overdue(self) -> Iterator[Batch]:
        now = self._now()
        due = [frames for frames, since in self._since.items() if now - since >= self._patience_s]
        for frames in due:
            yield self._take(frames)

    def _meal(self, least: int) -> Iterator[Batch]:
        """Give a hungry engine a length with `least` windows or more, and now and then the oldest."""
        while self._waiting and self._hungry():
            frames = min(self._first_meal, key=self._first_meal.__getitem__)
            if self._meals - self._first_meal[frames] < _MOST_PASSED_OVER:
                enough = [frames for frames, waiting in self._waiting.items() if len(waiting) >= least]
                if not enough:
                    return
                frames = max(enough, key=self._recordings)
            self._meals += 1
            yield self._take(frames)

    def _recordings(self, frames: int) -> tuple[int, int]:
        """Count the recordings that a length is of: many clips go before many windows of one long recording."""
        return len({window.key for window in self._waiting[frames]}), frames

    def _take(self, frames: int) -> Batch:
        del self._since[frames], self._first_meal[frames]
        return Batch(tuple(self._waiting.pop(frames)), frames)
