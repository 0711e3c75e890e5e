"""Whisper on CTranslate2, loaded through faster-whisper.

Batches go to `WhisperModel.model`, CTranslate2 itself: faster-whisper's own batches end with the file they came from.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.engine import cuda, processor
from anime_whisper_ct2.engine.alignment import Aligner
from anime_whisper_ct2.engine.crew import Crew
from anime_whisper_ct2.engine.device import kind_of_error, settle
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, InputError
from anime_whisper_ct2.features.mel import WINDOW_FRAMES, WINDOW_S, stack
from anime_whisper_ct2.features.windows import AMBIGUOUS_FRAMES, short_for_full
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.model_dir.faults import MAKE_ANEW
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Batch, Decoded, Features, FeatureType, LogMel, Window
from anime_whisper_ct2.text.quality import token_cap

# So many cost next to nothing.
_FEW_SUPPRESSED = 4
_CPU_ENCODE_FRAMES = 1_500
# What stands for a score that is no number, which JSON cannot hold: numbers overflowed, and no text is less probable.
_NO_LOGPROB = -99.0
# A batch takes a GPU seconds; the first of all, for which kernels may be compiled, is not among those that are watched.
_GPU_LIMIT_S = 300.0
# Windows of the two batches that measure what one takes.
_PROBES = (4, 16)


def windows_that_fit(free_bytes: Sequence[int], replicas: int, most: int) -> float:
    """Give how many windows of 30 s each replica can take, from the memory left after probes of 4 and of 16.

    `most` where the probes took no memory that could be seen.
    """
    few, many = _PROBES
    a_window = (free_bytes[0] - free_bytes[1]) / (many - few)
    if a_window <= 0:
        return most
    # A fifth stays free: longer texts than the probe's grow the decoder's cache.
    return float(min(most, max(1, int(many + 0.8 * free_bytes[1] / a_window) // replicas)))


class CTranslate2Engine:
    """Anime Whisper, or any converted Whisper, on one device. `prompt` holds the token ids that every text begins with.

    `model`: a folder that `open_model_dir` accepted. Raises InputError for a device, a language or word times that
    cannot be had, and EngineError when the model does not load.
    """

    def __init__(
        self,
        model: ModelDir,
        options: EngineOptions | None = None,
        decoding: DecodingOptions | None = None,
    ) -> None:
        self._decoding = decoding or DecodingOptions()
        options = options or EngineOptions()
        if self._decoding.words and not model.config.get("alignment_heads"):
            raise InputError(
                f"{model.path}: its config.json names no alignment heads that the decoder has, and word times are read "
                f"from these; leave the words out, or {MAKE_ANEW}"
            )
        self._device = settle(options, model.quantization)
        if self._device.name == "cpu":
            processor.use_wide_vectors()
            processor.keep_memory()
        try:
            self._whisper: Any = WhisperModel(
                str(model.path),
                device=self._device.name,
                device_index=options.gpus[0] if self._device.name == "cuda" else 0,
                compute_type=self._device.compute_type,
                cpu_threads=self._device.threads,
                num_workers=self._device.replicas,
                # The folder was checked, tokenizer and all: whatever is missing now must not be fetched in its place.
                local_files_only=True,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(f"{model.path}: CTranslate2 could not load the model: {error}") from error
        self._model: Any = self._whisper.model
        self._n_mels, self._compute_type = int(self._model.n_mels), str(self._model.compute_type)
        self._tokenizer = self._make_tokenizer()
        self.prompt: list[int] = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        self._suppress = _suppressed(model.config)
        words = self._decoding.words
        self._aligner: Aligner | None = (
            Aligner(self._model, self._tokenizer, self._tokenizer.sot_sequence) if words else None
        )
        self._full_windows = float(self._device.batch_size)
        if self._device.name == "cuda":
            cuda.keep_memory(options.gpus[0])
            if options.batch_size is None:
                self._full_windows = self._measured_windows(options.gpus[0])
            else:
                # To warm the kernels up, unwatched: where the wheel has no code for a GPU, they are compiled now.
                self._decode(self._silence(1))
        # One thread more than the device computes batches: it lays the next one out meanwhile.
        limit_s = _GPU_LIMIT_S if self._device.name == "cuda" else None
        self._crew: Crew[list[Decoded]] = Crew(self._device.replicas + 1, limit_s)
        # For whoever never closes it: a thread that comes back from CTranslate2 as Python ends would abort the process.
        weakref.finalize(self, self._crew.close)

    @property
    def n_mels(self) -> int:
        """Mel bands that the model wants."""
        return self._n_mels

    @property
    def feature_dtype(self) -> FeatureType:
        """float16 where the device computes in 16 bits: CTranslate2 would convert on the thread that feeds the GPU."""
        sixteen = self._device.name == "cuda" and "16" in self._compute_type
        return np.float16 if sixteen else np.float32

    def capacity(self, frames: int) -> int:
        """Give how many windows go together: the batch size at 30 s, up to four times as many of shorter ones."""
        return max(1, int(self._full_windows * short_for_full(frames)))

    def shrink(self, frames: int, windows: int) -> None:
        """Take half of what did not fit from now on."""
        fits = windows / 2 / short_for_full(frames)
        self._full_windows = max(1.0, min(self._full_windows, fits))

    @property
    def in_flight(self) -> int:
        """The batches being computed, and one that is ready."""
        return self._device.replicas + 1

    @property
    def description(self) -> dict[str, Any]:
        """What `run.json` says of the engine: device, compute type, threads."""
        return {
            "device": self._device.name,
            "compute_type": self._compute_type,
            "cpu_threads": self._device.threads * self._device.replicas if self._device.name == "cpu" else None,
            "batch_size": int(self._full_windows),
        }

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Start on a batch; the future's list has one entry for each window, and raises EngineError."""
        return self._crew.submit(partial(self._decode, batch))

    def close(self) -> None:
        """Finish what the device is computing, drop what waits for it, and free the model's memory."""
        self._crew.close()
        if self._crew.hung:  # a thread that waits for the device keeps what it uses
            return
        if self._model is not None:
            self._model.unload_model()
        # CTranslate2 ends its threads with its object, and waits for them without the interpreter's lock. So it has to
        # end here, and not in whatever thread lets go of it last: while the interpreter ends, that aborts the process.
        self._whisper = self._model = self._aligner = None

    def _measured_windows(self, gpu: int) -> float:
        """Compute two batches of silence, which also warms the kernels up, and see how much memory a window takes."""
        free = []
        for windows in _PROBES:
            try:
                self._decode(self._silence(windows))
            except EngineMemoryError:
                return max(1.0, windows / 2)
            free.append((cuda.memory_info(gpu) or (0, 0))[0])
        return windows_that_fit(free, self._device.replicas, most=self._device.batch_size)

    def _silence(self, windows: int) -> Batch:
        mel = LogMel(np.zeros((self.n_mels, WINDOW_FRAMES), self.feature_dtype), 0.0)
        return Batch((Window(0, 0, 0.0, float(WINDOW_S), mel),) * windows, WINDOW_FRAMES)

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
            source, rows = self._source(stack(batch, self.n_mels, self.feature_dtype))
            results = self._generate(source, rows, cap, self._decoding.at(batch.step))
            decoded = [self._read(result, window) for result, window in zip(results, batch.windows, strict=True)]
            return decoded if self._aligner is None else self._aligner(source, batch, decoded)
        except MemoryError as error:
            raise EngineMemoryError("out of memory") from error
        except (RuntimeError, ValueError) as error:
            raise kind_of_error(str(error))(str(error)) from error

    def _source(self, features: Features) -> tuple[Any, Features]:
        """Give what CTranslate2 is to decode, and align: mel, or encoder output where it is of use more than once.

        With it come rows on the CPU of which some can be decoded again, mel or encoder output, too.
        """
        windows, _, frames = features.shape
        # Encoder output of such a length would be taken for mel, and encoded once more.
        if frames not in AMBIGUOUS_FRAMES:
            if self._device.name == "cpu" and (windows > 1 or self._aligner is not None):
                features = self._encode_few(features)
            elif self._aligner is not None:
                return self._model.encode(ctranslate2.StorageView.from_array(features)), features
        return ctranslate2.StorageView.from_array(features), features

    def _generate(self, source: Any, rows: Features, cap: int, decoding: DecodingOptions) -> list[Any]:
        """Decode mel or encoder output, with the suppressed tokens never in it.

        CTranslate2 spends time on them that grows with the square of list and batch, at every step, on the CPU
        (CTranslate2#1923). A greedy text in which none of them was ever the likeliest is the same with and without the
        list, so the list is used only for the few texts that came out with one.
        """
        if decoding.beam_size > 1 or len(self._suppress) <= _FEW_SUPPRESSED:
            return self._generate_with(source, cap, decoding, self._suppress)
        results = self._generate_with(source, cap, decoding, [])
        never = set(self._suppress)
        wrong = [at for at, result in enumerate(results) if not never.isdisjoint(result.sequences_ids[0])]
        if wrong:
            again = ctranslate2.StorageView.from_array(rows[wrong])
            for at, result in zip(wrong, self._generate_with(again, cap, decoding, self._suppress), strict=True):
                results[at] = result
        return results

    def _generate_with(self, source: Any, cap: int, decoding: DecodingOptions, suppress: list[int]) -> list[Any]:
        return list(
            self._model.generate(
                source,
                [self.prompt] * source.shape[0],
                beam_size=decoding.beam_size,
                no_repeat_ngram_size=decoding.no_repeat_ngram_size,
                # CTranslate2 takes half of this for new tokens, as Whisper's own decoder did.
                max_length=2 * cap,
                return_scores=True,
                return_no_speech_prob=True,
                suppress_blank=True,
                suppress_tokens=suppress,
            )
        )

    def _encode_few(self, features: Features) -> Features:
        """Encode a batch in small parts; returns shape (windows, frames / 2, d_model).

        The 1,500 positions of a window are far beyond a core's cache, so many at once are slower; a decoder step is
        dominated by reading weights, so there many at once are faster.
        """
        few = max(1, _CPU_ENCODE_FRAMES // features.shape[2])
        parts = [
            np.asarray(self._model.encode(ctranslate2.StorageView.from_array(features[at : at + few])))
            for at in range(0, len(features), few)
        ]
        return np.concatenate(parts)

    def _read(self, result: Any, window: Window) -> Decoded:
        # The batch had the limit of its longest window; each has its own, so that no text depends on its company.
        cap = token_cap(window.end_s - window.start_s)
        tokens = tuple(result.sequences_ids[0])
        # The score is the sum over the length, without the end token that is part of the sum.
        mean = result.scores[0] * len(tokens) / (len(tokens) + 1)
        if not math.isfinite(mean):
            mean = _NO_LOGPROB
        tokens = tokens[:cap]
        return Decoded(
            text=self._tokenizer.decode(tokens).strip(),
            tokens=tokens,
            avg_logprob=mean,
            no_speech_prob=float(result.no_speech_prob),
            capped=len(tokens) >= cap,
        )


def open_engine(model: str, options: EngineOptions, decoding: DecodingOptions) -> CTranslate2Engine:
    """Load a converted folder in an engine process."""
    return CTranslate2Engine(open_model_dir(model), options, decoding)


def _suppressed(config: Mapping[str, Any]) -> list[int]:
    """Give the ids that the generation config suppresses; CTranslate2 would read them anew for each batch."""
    return [int(token) for token in config.get("suppress_ids") or []]
