"""CTranslate2's own encoder of the tiny model, as an engine opens it."""

from __future__ import annotations

from typing import Any

import numpy as np

from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.model_dir import ModelShape
from anime_whisper_ct2.records import FeatureType

SHAPE = ModelShape(n_mels=128, n_vocab=2294, decoder_layers=2, decoder_heads=3, encoder_heads=3, width=192)


def stock(model: Any, dtype: FeatureType = np.float32, *, on_cpu: bool = True) -> StockEncoder:
    """`model`: `ctranslate2.models.Whisper`."""
    return StockEncoder(model, SHAPE, dtype, on_cpu=on_cpu, aligned=True)
