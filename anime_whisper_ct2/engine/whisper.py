"""Whisper on CTranslate2, loaded through faster-whisper.

Batches go to `WhisperModel.model`, CTranslate2 itself: faster-whisper's own batches end with the file they came from.
"""

from __future__ import annotations

import weakref
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer

from anime_whisper_ct2.engine import cuda, processor, selfcheck, stale
from anime_whisper_ct2.engine.capacity import PROBES, Capacity, check_batch_size, windows_that_fit
from anime_whisper_ct2.engine.crew import Crew
from anime_whisper_ct2.engine.device import facts_of, keep_memory, settle
from anime_whisper_ct2.engine.encoders import Encoder
from anime_whisper_ct2.engine.encoders.choosing import choose
from anime_whisper_ct2.engine.overflow import Overflow, open_second
from anime_whisper_ct2.engine.recognizer import Recognizer, recognizer
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, InputError
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.model_dir.faults import MAKE_ANEW
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Batch, Decoded, FeatureType, Worked

# A batch takes a GPU seconds; the first of all, for which kernels may be compiled, is not among those that are watched.
_GPU_LIMIT_S = 300.0


class CTranslate2Engine:
    """Anime Whisper, or any converted Whisper, on one device. `prompt` holds the token ids that every text begins with.

    `model`: a folder that `open_model_dir` accepted. Raises InputError for a device, an encoder, a language or word
    times that cannot be had, and EngineError when the model does not load, or the device computes what it should not.
    """

    def __init__(
        self,
        model: ModelDir,
        options: EngineOptions | None = None,
        decoding: DecodingOptions | None = None,
    ) -> None:
        self._decoding = decoding or DecodingOptions()
        options = options or EngineOptions()
        words = self._decoding.words
        if words and not model.config.get("alignment_heads"):
            raise InputError(
                f"{model.path}: its config.json names no alignment heads that the decoder has, and word times are read "
                f"from these; leave the words out, or {MAKE_ANEW}"
            )
        self._device = settle(options, model.quantization)
        self._libraries: dict[str, Any] = {}
        if self._device.name == "cpu":
            processor.use_wide_vectors()
            processor.keep_memory()
        else:
            self._libraries = facts_of(self._device, keep_memory(self._device, options.gpus[0]))
        self._whisper: Any = self._load(model, options.gpus[0])
        self._model: Any = self._whisper.model
        self._n_mels, self._compute_type = int(self._model.n_mels), str(self._model.compute_type)
        tokenizer = self._make_tokenizer()
        choice = choose(options, self._device, model, self._model, self.feature_dtype, aligned=words)
        self._encoder: Encoder = choice.encoder
        self._why_encoder = choice.why
        check_batch_size(options.batch_size, self._encoder.most_windows(WINDOW_FRAMES))
        gpu = options.gpus[0] if self._device.name == "cuda" else None
        self._recognizer: Recognizer | None = recognizer(
            self._model,
            self._encoder,
            tokenizer,
            model.config,
            self._decoding,
            again=0 if gpu is None else self._device.replicas,
            make_room=partial(_make_room, self._encoder, gpu),
        )
        self.prompt = self._recognizer.decoder.prompt
        self._overflow: Overflow | None = Overflow(
            partial(open_second, model, self._device, gpu or 0, self._compute_type, tokenizer, self._decoding)
        )
        self._capacity = Capacity(float(self._device.batch_size), self._encoder.most_windows)
        self._try_out(gpu, model, is_measured=options.batch_size is None)
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
        return self._capacity(frames)

    def shrink(self, frames: int, windows: int) -> None:
        """Take half of what did not fit from now on."""
        self._capacity.shrink(frames, windows)

    @property
    def in_flight(self) -> int:
        """The batches being computed, and one that is ready."""
        return self._device.replicas + 1

    @property
    def description(self) -> dict[str, Any]:
        """What `run.json` says of the engine: device, compute type, threads, and which library encodes.

        On a GPU also how its memory pool is set, and which cuBLAS multiplies.
        """
        return {
            "device": self._device.name,
            "compute_type": self._compute_type,
            "cpu_threads": self._device.threads * self._device.replicas if self._device.name == "cpu" else None,
            "batch_size": self._capacity(WINDOW_FRAMES),
            "encoder": {"library": self._encoder.library, "why": self._why_encoder},
            **self._libraries,
        }

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Start on a batch; the future's list has one entry for each window, and raises EngineError."""
        return self._crew.submit(partial(self._decode, batch))

    def take_worked(self) -> Worked:
        """Give how long batches were computed, and none was between them, since this was last asked."""
        return self._crew.take_worked()

    def close(self) -> None:
        """Finish what the device is computing, drop what waits for it, and free the model's memory."""
        self._crew.close()
        if self._crew.hung:  # a thread that waits for the device keeps what it uses
            return
        if self._model is not None:
            self._encoder.close()
            self._model.unload_model()
            if self._overflow is not None:
                self._overflow.close()
        # CTranslate2 ends its threads with its object, and waits for them without the interpreter's lock. So it has to
        # end here, and not in whatever thread lets go of it last: while the interpreter ends, that aborts the process.
        self._whisper = self._model = self._recognizer = self._overflow = None

    def _load(self, model: ModelDir, gpu: int) -> WhisperModel:
        try:
            return WhisperModel(
                str(model.path),
                device=self._device.name,
                device_index=gpu if self._device.name == "cuda" else 0,
                compute_type=self._device.compute_type,
                cpu_threads=self._device.threads,
                num_workers=self._device.replicas,
                # The folder was checked, tokenizer and all: whatever is missing now must not be fetched in its place.
                local_files_only=True,
            )
        except (RuntimeError, ValueError, MemoryError) as error:
            raise EngineError(f"{model.path}: CTranslate2 could not load the model: {error}") from error

    def _try_out(self, gpu: int | None, model: ModelDir, *, is_measured: bool) -> None:
        """Warm a GPU up, find out what fits it if nobody has said so, and look at what the device computes.

        Unwatched: where CTranslate2 has no code for a GPU, its kernels are compiled now. Raises EngineError.
        """
        assert self._recognizer is not None
        if gpu is not None and is_measured:
            self._capacity.full_windows = self._measured_windows(gpu)
        elif gpu is not None:
            self._recognizer(self._noise(1))
        selfcheck.check(
            self._encoder,
            self._model,
            self.feature_dtype,
            self._capacity,
            compute_type=self._compute_type,
            folder=model.path,
            gpu=gpu,
        )

    def _measured_windows(self, gpu: int) -> float:
        """Compute two batches of noise, which also warms the kernels up, and see how much memory a window takes."""
        assert self._recognizer is not None
        free = []
        for windows in PROBES:
            try:
                self._recognizer(self._noise(windows))
            except EngineMemoryError:
                stale.clear(self._model, self.prompt, self._device.replicas)
                return max(1.0, windows / 2)
            free.append((cuda.memory_info(gpu) or (0, 0))[0])
        return windows_that_fit(free, self._device.replicas, most=self._device.batch_size)

    def _noise(self, windows: int) -> Batch:
        return Batch((selfcheck.noise(0, WINDOW_FRAMES, self.n_mels, self.feature_dtype),) * windows, WINDOW_FRAMES)

    def _make_tokenizer(self) -> Tokenizer:
        language = self._decoding.language
        hf_tokenizer = self._whisper.hf_tokenizer
        # Not `is_multilingual` of CTranslate2: it goes by the vocabulary's size and takes a small one for English.
        if hf_tokenizer.token_to_id(f"<|{language}|>") is None:
            raise InputError(f"the model knows no language {language!r}; Japanese is 'ja'")
        return Tokenizer(hf_tokenizer, multilingual=True, task="transcribe", language=language)

    def _decode(self, batch: Batch) -> list[Decoded]:
        assert self._recognizer is not None
        assert self._overflow is not None
        return self._overflow(batch, self._recognizer(batch))


def _make_room(encoder: Encoder, gpu: int | None) -> None:
    """Give back what is kept for later, by whichever library, so that another one finds it."""
    encoder.free_memory()
    if gpu is not None:
        cuda.trim_memory(gpu)


def open_engine(model: str, options: EngineOptions, decoding: DecodingOptions) -> CTranslate2Engine:
    """Load a converted folder in an engine process."""
    return CTranslate2Engine(open_model_dir(model), options, decoding)
