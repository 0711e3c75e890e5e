"""A VAD without a network, for tests of whatever stands around one."""

from __future__ import annotations

import numpy as np

from anime_whisper_ct2.records import Float32
from anime_whisper_ct2.segments.vad import FRAME_SAMPLES


class LoudnessVad:
    """Gives a frame's peak, times `gain`, for its probability; `calls` counts the samples of each call."""

    def __init__(self, gain: float = 1.0) -> None:
        self.calls: list[int] = []
        self._gain = gain
        self._rest: Float32 = np.empty(0, np.float32)

    def __call__(self, samples: Float32, /) -> Float32:
        """Give the frames that the samples finish: shape (frames,)."""
        self.calls.append(len(samples))
        joined = np.concatenate((self._rest, samples))
        frames = len(joined) // FRAME_SAMPLES
        self._rest = joined[frames * FRAME_SAMPLES :]
        peaks: Float32 = np.abs(joined[: frames * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)).max(axis=1, initial=0.0)
        return (peaks * self._gain).clip(0.0, 1.0).astype(np.float32)

    def finish(self) -> Float32:
        """Give the last frame: shape (1,), or (0,) where nothing is left."""
        return self(np.zeros(-len(self._rest) % FRAME_SAMPLES, np.float32))

    def reset(self) -> None:
        """Forget the rest."""
        self._rest = np.empty(0, np.float32)
