"""Whether another encoder's output is CTranslate2's, on a little noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np

from anime_whisper_ct2.engine.encoders import Encoder
from anime_whisper_ct2.features.mel import FRAMES_PER_S, SAMPLE_RATE, WINDOW_FRAMES, log_mel, stack
from anime_whisper_ct2.records import Batch, FeatureType, Float32, Window

_SECONDS, _FRAMES, _WINDOWS = 3.0, 384, 2
_LOUDNESS = 0.1
# By the type that is computed in: the root of the mean square of the difference, relative to that of the output. On the
# six layers of Whisper base, torch in float32 differs from CTranslate2 in float32 by 3e-6, in float16 by 0.3 %, in
# bfloat16 by 3 %, and CTranslate2 in int8 from both by 7 %; over 32 layers, twice as much may gather. Another buffer,
# another model or numbers that overflow are 100 % and more.
BOUNDS = {"float32": 1e-4, "float16": 0.05, "bfloat16": 0.15}
INT8_BOUND = 0.25


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the two are apart, and how far they may be; `compute_type` as CTranslate2 names it."""

    difference: float
    bound: float
    compute_type: str

    @property
    def holds(self) -> bool:
        """Whether they are near enough; never where one of them is no number."""
        return self.difference <= self.bound

    def __str__(self) -> str:
        """Say how far they are apart."""
        return f"{100 * self.difference:.2g} % ({self.compute_type})"


def compare(encoder: Encoder, model: Any, n_mels: int, dtype: FeatureType) -> Agreement:
    """Encode two windows of noise both ways, by the encoder up to what CTranslate2 would decode; on a GPU at 30 s too.

    `model`: `ctranslate2.models.Whisper`, whose encoder is right. Raises RuntimeError and ValueError as they do.
    """
    compute_type = str(model.compute_type)
    # A GPU's kernels for attention change with the length; a CPU's do not, and take seconds for 30 of them.
    lengths = (_FRAMES, WINDOW_FRAMES) if str(model.device) == "cuda" else (_FRAMES,)
    differences = [_difference(encoder, model, _noise(n_mels, dtype, frames), dtype) for frames in lengths]
    bound = INT8_BOUND if compute_type.startswith("int8") else BOUNDS[compute_type]
    return Agreement(float(np.max(differences)), bound, compute_type)


def _difference(encoder: Encoder, model: Any, batch: Batch, dtype: FeatureType) -> float:
    """Give how far the two are apart; no number where one of them has none."""
    features = ctranslate2.StorageView.from_array(stack(batch, int(model.n_mels), dtype))
    right = _on_host(model.encode(features, to_cpu=True))
    with encoder(batch) as encoded:
        ours = _on_host(encoded.source)
    if ours.shape != right.shape:
        return float("inf")
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.sqrt(np.mean(np.square(ours - right)) / np.mean(np.square(right))))


def _noise(n_mels: int, dtype: FeatureType, frames: int) -> Batch:
    noise = np.random.default_rng(0).normal(0, _LOUDNESS, (_WINDOWS, round(_SECONDS * SAMPLE_RATE)))
    assert frames > _SECONDS * FRAMES_PER_S
    mels = [log_mel(samples.astype(np.float32), n_mels, dtype) for samples in noise]
    return Batch(tuple(Window(number, 0, 0.0, _SECONDS, mel) for number, mel in enumerate(mels)), frames)


def _on_host(view: Any) -> Float32:
    """Give a `StorageView` of any device and type as float32, which numpy has."""
    here = view.to_device(ctranslate2.Device.cpu).to(ctranslate2.DataType.float32)
    return np.array(here)
