"""transformers as well as its users can drive it: `generate` on batches from a DataLoader with several workers.

The pipeline takes features in one process at most; here as many as are asked for decode audio and compute log-mel.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import soundfile
import torch
import transformers
from torch.utils.data import DataLoader

from benchmarks.measures.corpora import Clip
from benchmarks.systems import Settings, main


class Features:
    """Turns a list of clips into a batch of features; runs in the loader's workers."""

    def __init__(self, extractor: Any, dtype: torch.dtype) -> None:
        self._extractor = extractor
        self._dtype = dtype

    def __call__(self, clips: list[Clip]) -> torch.Tensor:
        sounds = [soundfile.read(clip.audio, dtype="float32")[0] for clip in clips]
        features: torch.Tensor = self._extractor(sounds, sampling_rate=16_000, return_tensors="pt").input_features
        return features.to(self._dtype)


class TransformersLoader:
    """`WhisperForConditionalGeneration.generate` on batches across files."""

    def load(self, settings: Settings) -> None:
        transformers.logging.set_verbosity_error()
        warnings.simplefilter("ignore")  # it warns of its own deprecations
        torch.set_num_threads(settings.resolved_threads())
        checkpoint = str(settings.model / "checkpoint")
        dtype = getattr(torch, settings.compute_type)
        self._settings = settings
        self._loader_workers = max(0, settings.workers)
        self._features = Features(transformers.WhisperFeatureExtractor.from_pretrained(checkpoint), dtype)
        self._tokenizer = transformers.WhisperTokenizer.from_pretrained(checkpoint)
        self._model = transformers.WhisperForConditionalGeneration.from_pretrained(
            checkpoint, dtype=dtype, attn_implementation="sdpa"
        ).to(settings.device)
        self._texts: dict[str, str] = {}
        self._stopped = False

    def warm_up(self, clip: Clip) -> None:
        self._work([clip] * self._settings.batch_size)

    def transcribe(self, clips: Sequence[Clip]) -> None:
        self._texts = dict(zip((clip.id for clip in clips), self._work(clips), strict=False))  # fewer, when stopped

    def stop(self) -> None:
        self._stopped = True

    def texts(self) -> Mapping[str, str]:
        return self._texts

    def notes(self) -> dict[str, Any]:
        return {"num_beams": self._settings.beam_size, "attention": "sdpa", "loader_workers": self._loader_workers}

    def _work(self, clips: Sequence[Clip]) -> list[str]:
        loader = DataLoader(
            list(clips),
            batch_size=self._settings.batch_size,
            num_workers=self._loader_workers,
            collate_fn=self._features,
            pin_memory=self._settings.device != "cpu",
            prefetch_factor=4 if self._loader_workers else None,
        )
        texts: list[str] = []
        with torch.inference_mode():
            for features in loader:
                if self._stopped:
                    break
                tokens = self._model.generate(
                    features.to(self._settings.device, non_blocking=True),
                    language="japanese",
                    task="transcribe",
                    num_beams=self._settings.beam_size,
                )
                texts += self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return texts


if __name__ == "__main__":
    main("transformers_loader", TransformersLoader())
