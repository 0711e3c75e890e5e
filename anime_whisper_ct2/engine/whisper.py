"""Whisper on CTranslate2, loaded through faster-whisper.

Batches go to `WhisperModel.model`, CTranslate2 itself: faster-whisper's own batches end with the file they came from.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.mel import stack
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, available_cores
from anime_whisper_ct2.quality import token_cap
from anime_whisper_ct2.records import Batch, Decoded, FeatureType

# The encoder works on 1,500 positions a window, far beyond a core's cache, while a decoder step is dominated by reading
# weights: on a CPU, few windows are encoded at a time and many decoded.
_CPU_ENCODE = 1
# `generate` takes 256 frames that went through `encode` for mel bands; no encoder output here has that length, which is
# half of 512 frames.
_AMBIGUOUS_FRAMES = 512


@dataclass(frozen=True, slots=True)
class _Device:
    """Where the model computes, settled."""

    name: str
    compute_type: str
    batch_size: int
    replicas: int  # batches computed at the same time
    threads: int  # OpenMP threads of each


def _settle(options: EngineOptions) -> _Device:
    """Turn `auto` into a device, and say what is wrong with a wish that cannot be met."""
    gpus = ctranslate2.get_cuda_device_count()
    name = options.device if options.device != "auto" else ("cuda" if gpus else "cpu")
    if name == "cuda" and options.device_index >= gpus:
        found = f"{gpus} found" if gpus else "none found (is the NVIDIA driver installed?)"
        raise InputError(f"no CUDA device {options.device_index}: {found}; choose another, or --device cpu")
    compute = options.compute_type
    supported = ctranslate2.get_supported_compute_types(name, options.device_index if name == "cuda" else 0)
    if compute not in ("default", "auto") and compute not in supported:
        raise InputError(
            f"compute type {compute!r} is not available on {name}; choose one of {', '.join(sorted(supported))}"
        )
    if name == "cuda":
        return _Device(name, compute, options.batch_size or 64, replicas=2, threads=1)
    return _Device(
        name, compute, options.batch_size or 16, replicas=1, threads=options.cpu_threads or available_cores()
    )


class CTranslate2Engine:
    """Anime Whisper, or any converted Whisper, on one device.

    `model`: a folder that `open_model_dir` accepted. Raises InputError for a device or a language that cannot be had,
    and EngineError when the model does not load.
    """

    def __init__(
        self,
        model: ModelDir,
        options: EngineOptions | None = None,
        decoding: DecodingOptions | None = None,
    ) -> None:
        self._decoding = decoding or DecodingOptions()
        self._device = _settle(options or EngineOptions())
        try:
            self._whisper = WhisperModel(
                str(model.path),
                device=self._device.name,
                device_index=(options or EngineOptions()).device_index,
                compute_type=self._device.compute_type,
                cpu_threads=self._device.threads,
                num_workers=self._device.replicas,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(f"{model.path}: CTranslate2 could not load the model: {error}") from error
        self._model: Any = self._whisper.model
        self._tokenizer = self._make_tokenizer()
        self._prompt: list[int] = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        self._suppress = _suppressed(model.config)
        # One thread more than the device computes batches: it lays the next one out meanwhile.
        self._pool = ThreadPoolExecutor(self._device.replicas + 1, thread_name_prefix="engine")
        self._encode_turn = threading.Semaphore(self._device.replicas)

    @property
    def n_mels(self) -> int:
        """Mel bands that the model wants."""
        return int(self._model.n_mels)

    @property
    def feature_dtype(self) -> FeatureType:
        """float16 where the device computes in 16 bits: CTranslate2 would convert on the thread that feeds the GPU."""
        sixteen = self._device.name == "cuda" and "16" in str(self._model.compute_type)
        return np.float16 if sixteen else np.float32

    @property
    def batch_size(self) -> int:
        """Windows of 30 s that go together."""
        return self._device.batch_size

    @property
    def in_flight(self) -> int:
        """The batches being computed, and one that is ready."""
        return self._device.replicas + 1

    @property
    def description(self) -> dict[str, Any]:
        """What `run.json` says of the engine: device, compute type, threads."""
        return {
            "device": self._device.name,
            "compute_type": str(self._model.compute_type),
            "cpu_threads": self._device.threads if self._device.name == "cpu" else None,
            "batch_size": self._device.batch_size,
        }

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Start on a batch; the future's list has one entry for each window, and raises EngineError."""
        return self._pool.submit(self._decode, batch)

    def close(self) -> None:
        """Finish what was submitted, end the threads and free the model's memory."""
        self._pool.shutdown()
        self._model.unload_model()

    def _make_tokenizer(self) -> Tokenizer:
        language = self._decoding.language
        hf_tokenizer = self._whisper.hf_tokenizer
        # Not `is_multilingual` of CTranslate2: it goes by the vocabulary's size and takes a small one for English.
        if hf_tokenizer.token_to_id(f"<|{language}|>") is None:
            raise InputError(f"the model knows no language {language!r}; Japanese is 'ja'")
        return Tokenizer(hf_tokenizer, multilingual=True, task="transcribe", language=language)

    def _decode(self, batch: Batch) -> list[Decoded]:
        cap = token_cap(max(window.end_s - window.start_s for window in batch.windows))
        try:
            features = stack(batch, self.n_mels, self.feature_dtype)
            if self._device.name == "cpu" and len(batch.windows) > 1:
                features = self._encode_one_by_one(features)
            results = self._model.generate(
                ctranslate2.StorageView.from_array(features),
                [self._prompt] * len(batch.windows),
                beam_size=self._decoding.beam_size,
                no_repeat_ngram_size=self._decoding.no_repeat_ngram_size,
                # CTranslate2 takes half of this for new tokens, as Whisper's own decoder did.
                max_length=2 * cap,
                return_scores=True,
                return_no_speech_prob=True,
                suppress_blank=True,
                suppress_tokens=self._suppress,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(str(error)) from error
        return [self._read(result, cap) for result in results]

    def _encode_one_by_one(self, features: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if features.shape[2] == _AMBIGUOUS_FRAMES:
            return features
        encoded: np.ndarray[Any, Any] | None = None
        for at in range(0, len(features), _CPU_ENCODE):
            part = self._model.encode(ctranslate2.StorageView.from_array(features[at : at + _CPU_ENCODE]))
            values = np.asarray(part)
            if encoded is None:
                encoded = np.empty((len(features), *values.shape[1:]), dtype=values.dtype)
            encoded[at : at + _CPU_ENCODE] = values
        assert encoded is not None
        return encoded

    def _read(self, result: Any, cap: int) -> Decoded:
        tokens = tuple(result.sequences_ids[0])
        # The score is the sum over the length, without the end token that is part of the sum.
        total = result.scores[0] * len(tokens)
        return Decoded(
            text=self._tokenizer.decode(tokens).strip(),
            tokens=tokens,
            avg_logprob=total / (len(tokens) + 1),
            no_speech_prob=float(result.no_speech_prob),
            capped=len(tokens) >= cap,
        )


def _suppressed(config: Mapping[str, Any]) -> list[int]:
    """Give the ids that the generation config suppresses; none is far quicker than CTranslate2's [-1] of none."""
    return [int(token) for token in config.get("suppress_ids") or []]
