"""Which encoder a run gets, and why."""

from __future__ import annotations

from typing import Any

from anime_whisper_ct2.engine.device import ComputeDevice
from anime_whisper_ct2.engine.encoders import EncoderChoice
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import EngineOptions
from anime_whisper_ct2.records import FeatureType


def choose(
    options: EngineOptions, device: ComputeDevice, model_dir: ModelDir, model: Any, dtype: FeatureType, *, aligned: bool
) -> EncoderChoice:
    """Settle `--encoder` on a device; `model` is `ctranslate2.models.Whisper`, loaded from `model_dir`.

    `aligned`: whether word times are asked for. Raises InputError where `torch` is asked for and cannot be had.
    """
    stock = StockEncoder(model, dtype, on_cpu=device.name == "cpu", aligned=aligned)
    return EncoderChoice(stock, "the only one")
