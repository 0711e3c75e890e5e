"""Samples as they are meant: what is no number is silence, and floats that are scaled like integers come to -1 … 1."""

from __future__ import annotations

import numpy as np

from anime_whisper_ct2.records import Float32

# Floats may go beyond 1.0, but nobody records at 36 dB over full scale; what is beyond the last is no sound at all.
_HIGHEST = 64.0
_LOUDEST = 1e6
_NO_SAMPLE = 2.2e9
# The share of samples beyond `_HIGHEST` from which on it is the scale, and not a few of them.
_SCALED_SHARE = 0.01
_SCALES = (2.0**15, 2.0**23, 2.0**31)


class Levels:
    """Brings the blocks of one recording to -1 … 1, with one factor for all from where that is known."""

    def __init__(self) -> None:
        self._factor: float | None = None

    def __call__(self, block: Float32) -> Float32:
        """Take a block of shape (n, channels), and give one of the same shape, all of it finite."""
        # Said so that no number, which compares with nothing, is not within.
        if not len(block) or (self._factor is None and block.max() <= _HIGHEST and block.min() >= -_HIGHEST):
            return block
        loud = np.abs(block)
        loud[~(loud <= _NO_SAMPLE)] = 0.0
        if self._factor is None and np.count_nonzero(loud > _HIGHEST) > _SCALED_SHARE * np.count_nonzero(loud):
            # The share leaves room for junk; so must the scale.
            peak = float(np.percentile(loud, 99.9))
            self._factor = 1.0 / next((scale for scale in _SCALES if peak <= 1.2 * scale), _SCALES[-1])
        if self._factor is not None:
            scaled: Float32 = np.where(loud > 0, block, np.float32(0.0)) * np.float32(self._factor)
            return scaled
        return np.where((loud > 0) & (loud <= _LOUDEST), block, np.float32(0.0))
