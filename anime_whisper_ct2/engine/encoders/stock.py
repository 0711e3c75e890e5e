"""CTranslate2's own encoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np

from anime_whisper_ct2.engine.capacity import decoder_windows_by_index, windows_by_index
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.features.windows import AMBIGUOUS_FRAMES
from anime_whisper_ct2.model_dir import ModelShape
from anime_whisper_ct2.records import Batch, Features, FeatureType

# Frames that a CPU encodes at a time: a few windows, whose sums still fit its caches.
CPU_ENCODE_FRAMES = 1_500


@dataclass(frozen=True, slots=True)
class _Stacked:
    """A batch as CTranslate2 holds it, and rows on the CPU of which some can be decoded again."""

    source: Any
    values: Features

    def rows(self, at: Sequence[int]) -> Any:
        """Give some windows, as a view of their own."""
        return ctranslate2.StorageView.from_array(self.values[list(at)])


class StockEncoder:
    """Hands mel to CTranslate2, or its own encoder output where that is of use more than once.

    `model`: `ctranslate2.models.Whisper`, of that `shape`. `on_cpu`: where that computes. `aligned`: whether word times
    are asked for, so that each batch is needed twice.
    """

    library = "ctranslate2"

    def __init__(self, model: Any, shape: ModelShape, dtype: FeatureType, *, on_cpu: bool, aligned: bool) -> None:
        self._model = model
        self._n_mels = int(model.n_mels)
        self._shape = shape
        self._dtype = dtype
        self._on_cpu = on_cpu
        self._aligned = aligned

    @contextmanager
    def __call__(self, batch: Batch) -> Iterator[_Stacked]:
        """Give a batch as mel, or encoded. Raises MemoryError for more windows than may go together."""
        most = self.most_windows(batch.frames)
        if most is not None and len(batch.windows) > most:
            raise MemoryError(f"CTranslate2 counts to {counted(most, 'window')} of {batch.frames} frames")
        features = stack(batch, self._n_mels, self._dtype)
        # Encoder output of such a length would be taken for mel, and encoded once more.
        if batch.frames not in AMBIGUOUS_FRAMES:
            if self._on_cpu and (len(features) > 1 or self._aligned):
                features = self._encode_few(features)
            elif self._aligned:
                yield _Stacked(self._model.encode(ctranslate2.StorageView.from_array(features)), features)
                return
        yield _Stacked(ctranslate2.StorageView.from_array(features), features)

    def most_windows(self, frames: int) -> int | None:
        """Give what CTranslate2 can count to on a GPU; no bound on a CPU."""
        if self._on_cpu:
            return None
        return windows_by_index(frames, self._shape.encoder_heads, self._shape.width, self._n_mels)

    def most_decoded(self, frames: int) -> int | None:
        """Give what CTranslate2 can count to where something else encodes; no bound on a CPU."""
        if self._on_cpu:
            return None
        shape, positions = self._shape, (frames + 1) // 2
        return decoder_windows_by_index(positions, shape.width, shape.decoder_heads, aligned=self._aligned)

    def free_memory(self) -> None:
        """Keep nothing: CTranslate2 has its own pool."""

    def close(self) -> None:
        """Let go of the model, which is the engine's."""
        self._model = None

    def _encode_few(self, features: Features) -> Features:
        """Encode a batch in small parts; returns shape (windows, frames / 2, d_model).

        The 1,500 positions of a window are far beyond a core's cache, so many at once are slower; a decoder step is
        dominated by reading weights, so there many at once are faster.
        """
        few = max(1, CPU_ENCODE_FRAMES // features.shape[2])
        parts = [
            np.asarray(self._model.encode(ctranslate2.StorageView.from_array(features[at : at + few])))
            for at in range(0, len(features), few)
        ]
        return np.concatenate(parts)
