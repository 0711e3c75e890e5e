"""Bring windows of different recordings together into batches of one length."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from anime_whisper_ct2.mel import WINDOW_FRAMES
from anime_whisper_ct2.options import WindowMode
from anime_whisper_ct2.records import Batch, Window

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WindowLength:
    """How many frames (10 ms) the engine gets for a window of so many real ones."""

    mode: WindowMode = "full"

    def __call__(self, frames: int) -> int:
        """Give the padded length; `full` is always 3,000."""
        if frames > WINDOW_FRAMES:
            raise ValueError(f"{frames} frames are more than a window holds")
        return WINDOW_FRAMES


class Batcher:
    """A stage that holds windows back until a batch of one length is full.

    Whatever is no window passes straight through. A window that has waited `patience_s` goes with those it has found,
    so that a rare length, or a slow source, delays no recording for ever.
    """

    def __init__(
        self,
        length: Callable[[int], int],
        batch_size: int,
        patience_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._length = length
        self._batch_size = batch_size
        self._patience_s = patience_s
        self._clock = clock
        self._waiting: dict[int, list[Window]] = {}
        self._since: dict[int, float] = {}

    def __call__(self, items: Iterable[Window | T]) -> Iterator[Batch | T]:
        """Turn a stream of windows, with other items among them, into batches with the same items among them."""
        for item in items:
            if not isinstance(item, Window):
                yield from self._overdue()
                yield item
                continue
            frames = self._length(item.mel.values.shape[1])
            waiting = self._waiting.setdefault(frames, [])
            if not waiting:
                self._since[frames] = self._clock()
            waiting.append(item)
            if len(waiting) >= self._batch_size:
                yield self._take(frames)
        # The longest first: the short ones then fill the end of the run evenly.
        for frames in sorted(self._waiting, reverse=True):
            yield self._take(frames)

    def _overdue(self) -> Iterator[Batch]:
        now = self._clock()
        due = [frames for frames, since in self._since.items() if now - since >= self._patience_s]
        for frames in due:
            yield self._take(frames)

    def _take(self, frames: int) -> Batch:
        del self._since[frames]
        return Batch(tuple(self._waiting.pop(frames)), frames)
