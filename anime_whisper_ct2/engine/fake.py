"""An engine without a model, for tests of whatever stands around one."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np

from anime_whisper_ct2.engine.crew import Crew
from anime_whisper_ct2.records import Batch, Decoded, FeatureType, Window, Worked


def _describe(window: Window) -> Decoded:
    text = f"{window.end_s - window.start_s:.2f}秒"
    return Decoded(text, tuple(range(len(text))), avg_logprob=-0.1, no_speech_prob=0.0)


class FakeEngine:
    """Answers each window with `decode(window)`; without one, with its length in seconds as text.

    What `decode` raises becomes the batch's failure, and so does an answer that takes longer than `limit_s`. `batches`
    keeps all that was submitted.
    """

    def __init__(
        self,
        decode: Callable[[Window], Decoded] = _describe,
        *,
        n_mels: int = 80,
        batch_size: int = 4,
        in_flight: int = 2,
        limit_s: float | None = None,
    ) -> None:
        self.n_mels = n_mels
        self.feature_dtype: FeatureType = np.float32
        self.in_flight = in_flight
        self.batches: list[Batch] = []
        self.description: Mapping[str, Any] = {"device": "fake"}
        self._decode = decode
        self._batch_size = batch_size
        self._crew: Crew[list[Decoded]] = Crew(1, limit_s)
        # Its thread would outlive an engine that nobody closes.
        weakref.finalize(self, self._crew.close)

    def capacity(self, frames: int) -> int:
        """Give the batch size, whatever the length."""
        return self._batch_size

    def shrink(self, frames: int, windows: int) -> None:
        """Take half as many from now on."""
        self._batch_size = max(1, min(self._batch_size, windows // 2))

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Answer a batch from a thread, as a real engine does."""
        self.batches.append(batch)
        return self._crew.submit(lambda: [self._decode(window) for window in batch.windows])

    def take_worked(self) -> Worked:
        """Give how long it answered, and waited in between, since this was last asked."""
        return self._crew.take_worked()

    def close(self) -> None:
        """End the thread."""
        self._crew.close()
