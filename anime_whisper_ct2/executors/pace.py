"""How much a CPU is given at a time: little at first, so that a run shows life, and of one recording never much."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.records import Batch, Decoded, Window

# What a kill may cost of a recording that is alone in work: a batch takes so long, or holds the least that is worth
# while. With Whisper base at 30 s, batches of 4 cost 6 % more time than of 16, and of 1 a sixth.
_BATCH_S = 2.0
_LEAST = 4


class Pace:
    """Hands batches to an engine, and learns from those that are done how large the next ones should be.

    On a GPU they are as large as it takes them: it is through with any in a moment.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._is_slow = engine.description.get("device") == "cpu"
        # The frames of the largest batch that is done, and what a frame took in the last one.
        self._largest = WINDOW_FRAMES // 2
        self._frame_s = 0.0
        # When the engine was last through with as many batches as it computes side by side.
        self._freed: deque[float] = deque(maxlen=max(1, engine.in_flight - 1))

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Start on a batch."""
        future = self._engine.submit(batch)
        # A search takes its own time, for which nothing else is kept waiting.
        if self._is_slow and batch.step != "beam":
            future.add_done_callback(partial(self._note, batch.frames, len(batch.windows), self._clock()))
        return future

    def capacity(self, frames: int) -> int:
        """Give how many windows of so many frames go together: 30 s of them at first, then twice what ever did."""
        most = self._engine.capacity(frames)
        return min(most, max(1, 2 * self._largest // frames)) if self._is_slow else most

    def are_enough(self, windows: Sequence[Window], frames: int) -> bool:
        """Say whether windows are a batch although there could be more: those of one recording, which a kill costs."""
        if not self._is_slow or len(windows) < _LEAST or any(one.key != windows[0].key for one in windows):
            return False
        return len(windows) * frames * self._frame_s >= _BATCH_S

    def _note(self, frames: int, windows: int, submitted_s: float, future: Future[list[Decoded]]) -> None:
        now_s = self._clock()
        if not future.cancelled() and future.exception() is None:
            # Those before it may have kept it waiting.
            waited = len(self._freed) == self._freed.maxlen
            begun_s = max(submitted_s, self._freed[0]) if waited else submitted_s
            self._frame_s = (now_s - begun_s) / (windows * frames)
            self._largest = max(self._largest, windows * frames)
        self._freed.append(now_s)
