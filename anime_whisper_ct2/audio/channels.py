"""Many channels become the one that is heard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from anime_whisper_ct2.audio.findings import Findings
from anime_whisper_ct2.audio.source import Piece
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.options import AudioOptions
from anime_whisper_ct2.records import Float32

# Channels cancel out where their mix has less than this share of the power that it had were they strangers.
_CANCELLED = 0.1
_PIECE_S = 0.5
_NEARLY_LOUDEST = 0.9
# Reverberation may cancel as it likes: what does must be so much of a recording's power to be worth a flag.
_NOTABLE = 0.01
# How FFmpeg mixes the usual layouts: left and right, centre, low frequencies, surrounds; by the number of channels.
_SIDE, _CENTRE, _LOW, _BACK = 0.5**0.5, 1.0, 0.0, 0.5
_LAYOUTS = {
    3: (_SIDE, _SIDE, _LOW),
    4: (_SIDE, _SIDE, _CENTRE, _BACK),
    5: (_SIDE, _SIDE, _CENTRE, _BACK, _BACK),
    6: (_SIDE, _SIDE, _CENTRE, _LOW, _BACK, _BACK),
    7: (_SIDE, _SIDE, _CENTRE, _LOW, _BACK, _BACK, _BACK),
    8: (_SIDE, _SIDE, _CENTRE, _LOW, _BACK, _BACK, _BACK, _BACK),
}


class Mixer:
    """Mixes the blocks of one recording, or takes the one channel that is asked for.

    Where channels cancel each other out, the loudest one is taken, half a second at a time, and the findings say so.
    """

    def __init__(self, options: AudioOptions, findings: Findings) -> None:
        self._options = options
        self._findings = findings
        self._total = self._cancelled = 0.0  # of the powers of all channels

    def __call__(self, piece: Piece) -> Float32:
        """Mix a piece to shape (n,). Raises DecodeError for a channel that it does not have."""
        samples, count = piece.samples, piece.samples.shape[1]
        if count == 1 and self._options.channel in ("mix", "left", "right"):
            return np.ascontiguousarray(samples[:, 0])
        index = self._options.index
        if index is not None:
            if index >= count:
                raise DecodeError(
                    f"has {count} channel{'s' * (count > 1)}, and channel {self._options.channel} is asked for; "
                    "choose another with --channel"
                )
            return np.ascontiguousarray(samples[:, index])
        weights = np.array(_LAYOUTS.get(count, (1.0,) * count), np.float32)
        weights /= weights.sum()
        mixed: Float32 = samples @ weights
        # By the recording's clock, so that a stretch is mixed as the whole is.
        size = max(1, round(_PIECE_S * piece.rate_hz))
        first = -round(piece.at_s * piece.rate_hz) % size
        for start, stop in pairwise(dict.fromkeys((0, *range(first, len(samples), size), len(samples)))):
            self._mend(samples[start:stop], weights, mixed[start:stop])
        return mixed

    def _mend(self, samples: Float32, weights: Float32, mixed: Float32) -> None:
        """Put the loudest channel where the mix of a piece is far below what goes into it."""
        powers = np.array([np.dot(samples[:, channel], samples[:, channel]) for channel in range(samples.shape[1])])
        strangers = float(np.square(weights) @ powers)
        self._total += float(powers.sum())
        if float(np.dot(mixed, mixed)) < _CANCELLED * strangers:
            self._cancelled += float(powers.sum())
            # Of those that are nearly as loud the first, so that they do not change places from piece to piece.
            loudest = int(np.flatnonzero(powers >= _NEARLY_LOUDEST * powers.max())[0])
            mixed[:] = samples[:, loudest]
        self._findings.antiphase = self._cancelled > _NOTABLE * self._total
