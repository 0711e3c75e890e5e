"""The engine in Python: paths or arrays in, transcripts out."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from numbers import Real
from pathlib import PurePath
from typing import Any, Literal, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import (
    DecodeError,
    InputError,
    RecordingError,
    TranscribeError,
    in_python,
    speaking_python,
)
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.continuous import Continuous
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.features.windows import WindowLength, window_length
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import (
    AUDIO,
    DECODING,
    DEFAULT_MODEL,
    ENGINE,
    FRONTEND,
    SEGMENT,
    AudioOptions,
    ComputeType,
    DecodingOptions,
    Device,
    EncoderLibrary,
    EngineOptions,
    FrontendOptions,
    RunOptions,
    SegmentMode,
    SegmentOptions,
    WindowMode,
)
from anime_whisper_ct2.records import ArrayAudio, Failure, Headway, Outcome, Recording, Tick, Transcript
from anime_whisper_ct2.system.paths import at_home
from anime_whisper_ct2.text.doubt import BOUNDS, Bounds

AudioLike: TypeAlias = (
    str | os.PathLike[str] | bytes | npt.NDArray[Any] | tuple[npt.NDArray[Any], int] | dict[str, Any] | Recording
)

# What a recording's failure raises, by where it happened; all else is RecordingError itself.
_BY_STAGE: dict[str, type[RecordingError]] = {"decode": DecodeError, "engine": TranscribeError}


class Transcriber:
    """A model that is loaded once and transcribes many recordings, in batches across them.

    `model`: a converted folder, a checkpoint's folder or a hub id (converted once into the cache), or an `Engine`.
    The options are those of `awct2 run`, and errors name them as they are called here. With `keep_workers`, worker
    processes live from the first call until `close`, and calls from several threads share batches; else they live for
    one call. Loading raises InputError, ModelError or EngineError.

        with Transcriber("litagin/anime-whisper") as transcriber:
            for transcript in transcriber.transcribe(["a.ogg", "b.wav"]):
                print(transcript.id, transcript.text)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | ModelDir | Engine = DEFAULT_MODEL,
        *,
        device: Device = ENGINE.device,
        gpu: int = ENGINE.gpus[0],
        compute_type: ComputeType = ENGINE.compute_type,
        encoder: EncoderLibrary = ENGINE.encoder,
        cpu_threads: int = ENGINE.cpu_threads,
        batch_size: int | None = ENGINE.batch_size,
        workers: int | None = FRONTEND.workers,
        time_limit_s: float = FRONTEND.time_limit_s,
        keep_workers: bool = False,
        language: str = DECODING.language,
        beam_size: int = DECODING.beam_size,
        no_repeat_ngram_size: int = DECODING.no_repeat_ngram_size,
        window: WindowMode = DECODING.window,
        tail_s: float | None = DECODING.tail_s,
        retry: bool = DECODING.retry,
        words: bool = DECODING.words,
        segment: SegmentMode = SEGMENT.mode,
        max_segment_s: float = SEGMENT.max_segment_s,
        vad_threshold: float = SEGMENT.vad_threshold,
        min_silence_s: float = SEGMENT.min_silence_s,
        speech_pad_s: float = SEGMENT.speech_pad_s,
        channel: str | int = AUDIO.channel,
        strict_audio: bool = AUDIO.strict,
    ) -> None:
        self._continuous: Continuous | None = None
        self._lock = threading.Lock()
        self._closed = False
        with speaking_python():
            self._audio = AudioOptions(str(channel), strict_audio)
            self._segment = SegmentOptions(segment, max_segment_s, vad_threshold, min_silence_s, speech_pad_s)
            # Without an audit: that is a run's, and nobody here would be told of it.
            self._decoding = DecodingOptions(
                language, beam_size, no_repeat_ngram_size, window, tail_s, retry, 0.0, words
            )
            self._frontend = FrontendOptions(workers, time_limit_s)
            if workers == 0 and time_limit_s != FRONTEND.time_limit_s:
                raise InputError("time_limit_s has no effect: without workers, nobody waits; leave one of the two out")
            if not isinstance(keep_workers, bool):
                raise InputError(f"keep_workers is {keep_workers!r}; give True or False")
            # Without processes there is nothing to keep, and nothing that would tick.
            self._keep = keep_workers and self._frontend.resolved_workers() > 0
            self._bounds = BOUNDS
            self._engine, self._length = self._opened(
                model, EngineOptions(device, (gpu,), 1, compute_type, encoder, cpu_threads, batch_size)
            )

    def _opened(self, model: object, options: EngineOptions) -> tuple[Engine, WindowLength]:
        """Open a model, or take the engine that was given in its place."""
        if isinstance(model, (str, os.PathLike)):
            model = resolve_model(os.fsdecode(model))
        if isinstance(model, ModelDir):
            length = window_length(self._decoding.window, self._decoding.tail_s, model.awct2)
            self._bounds = Bounds.of(model.awct2)
            return open_whisper(model, RunOptions(self._decoding, options)), length
        if not callable(getattr(model, "submit", None)):
            raise InputError(f"the model is {type(model).__name__}; give a folder, a hub id or an Engine")
        if (options, self._decoding) != (ENGINE, replace(DECODING, audit=0.0)):
            raise InputError("an engine that is open already takes no options; give them where it is made")
        return cast(Engine, model), WindowLength("full")

    def __enter__(self) -> Transcriber:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers and free the model; calls that are under way end with what the engine has in hand."""
        with self._lock:
            self._closed = True
            if self._continuous is not None:
                self._continuous.stop()
                self._continuous.close()
            self._engine.close()

    @overload
    def transcribe(
        self, audio: Iterable[AudioLike], *, ordered: bool = True, on_error: Literal["raise"] = "raise"
    ) -> Iterator[Transcript]:
        """Give transcripts alone; what cannot be transcribed raises RecordingError."""

    @overload
    def transcribe(
        self, audio: Iterable[AudioLike], *, ordered: bool = True, on_error: Literal["yield"]
    ) -> Iterator[Transcript | Failure]:
        """Give transcripts, and a `Failure` in the place of what cannot be transcribed."""

    def transcribe(
        self, audio: Iterable[AudioLike], *, ordered: bool = True, on_error: str = "raise"
    ) -> Iterator[Transcript | Failure] | Iterator[Transcript]:
        """Transcribe recordings as they come, giving each result as soon as it can be given.

        `audio`: paths, encoded bytes, arrays at 16 kHz with shape (n,) or (n, channels), pairs (array, rate in Hz),
        what a Hugging Face audio column gives (`array` and `sampling_rate`, or `bytes` or `path`), or `Recording`s.
        It may be endless: only some dozens are read ahead. `ordered` keeps the order of the input, else results come
        as recordings finish.

        With `on_error="raise"` a recording that cannot be transcribed raises RecordingError; with `"yield"` it comes as
        a `Failure` in its place. Ids are the paths as given, and for all else `audio-0`, `audio-1`, …
        """
        if on_error not in ("raise", "yield"):
            raise InputError(f"on_error is {on_error!r}; choose raise or yield")
        # Most of these can be iterated: the letters of a path would be taken for paths.
        if isinstance(audio, (str, bytes, os.PathLike, np.ndarray, dict)):
            raise InputError("transcribe takes a list of recordings; put a single one into a list")
        # Not by asking for an iterator: a loader would start its workers.
        if not any(hasattr(audio, name) for name in ("__iter__", "__getitem__")):
            raise InputError(f"transcribe takes a list of recordings, and this is {type(audio).__name__}")
        if self._closed:
            raise InputError("the transcriber is closed; open another one")
        return self._outcomes(audio, ordered, on_error)

    def _outcomes(self, audio: Iterable[AudioLike], ordered: bool, on_error: str) -> Iterator[Outcome]:
        # Closed here and now: an exception that somebody keeps would keep the workers running with it.
        with speaking_python(), closing(self._results(audio, ordered)) as results:
            for outcome in results:
                if not isinstance(outcome, Failure):
                    yield outcome
                    continue
                message = in_python(outcome.message)
                if on_error == "raise":
                    kind = _BY_STAGE.get(outcome.stage, RecordingError)
                    raise kind(
                        f"{outcome.id}: {message}", stage=outcome.stage, recording=outcome.id, kind=outcome.error
                    )
                yield replace(outcome, message=message)

    def _results(self, audio: Iterable[AudioLike], ordered: bool) -> Generator[Outcome, None, None]:
        tasks = ((number, as_recording(number, item)) for number, item in enumerate(audio))
        with closing(self._run(tasks)) as run:
            finished = (item for item in run if isinstance(item, tuple))
            yield from _in_order(finished) if ordered else (outcome for _, outcome in finished)

    def _run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome] | Headway | Tick, None, None]:
        with self._lock:
            if self._closed:
                raise InputError("the transcriber is closed; open another one")
        if not self._keep:
            yield from self._executor().run(tasks)
            return
        with self._lock:
            # One that failed is of no use any more; the engine may well be.
            if self._continuous is None or self._continuous.failed:
                self._continuous = Continuous(self._executor())
            continuous = self._continuous
        yield from continuous.run(tasks)

    def _executor(self) -> LocalExecutor:
        return LocalExecutor(
            self._engine,
            self._decoding,
            self._frontend,
            self._length,
            self._segment,
            self._audio,
            self._bounds,
        )


def as_recording(number: int, item: AudioLike) -> Recording:
    """Make a reference of whatever `Transcriber.transcribe` takes. Raises InputError for anything else."""
    name = f"audio-{number}"
    match item:
        case Recording():
            return item
        case str() | os.PathLike():
            path = at_home(os.fspath(item))
            return Recording(PurePath(item).as_posix(), path, path)
        case bytes():
            return Recording(name, name, item)
        case np.ndarray():
            return Recording(name, name, _array(number, item, SAMPLE_RATE))
        case (samples, rate):
            return Recording(name, name, _array(number, samples, rate))
        case {"array": samples, "sampling_rate": rate} if samples is not None:
            return Recording(name, item.get("path") or name, _array(number, samples, rate))
        case {"bytes": bytes(content)}:
            return Recording(name, item.get("path") or name, content)
        case {"path": str(given)}:
            path = at_home(given)
            return Recording(PurePath(given).as_posix(), path, path)
        case _ if type(item).__name__ == "AudioDecoder":
            # datasets 4 and later gives no dict but a decoder that answers to the same two keys.
            decoder: Any = item
            return Recording(name, name, _array(number, decoder["array"], decoder["sampling_rate"]))
        case _:
            raise InputError(
                f"recording {number} is {type(item).__name__}; give a path, bytes, an array or (array, rate)"
            )


def _array(number: int, samples: object, rate: object) -> ArrayAudio:
    """Take samples and their rate in Hz. Raises InputError for what is no array of numbers, or no rate."""
    try:
        array = np.asarray(samples)
    except ValueError as error:
        raise InputError(f"recording {number} is no array of numbers: {error}") from None
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise InputError(f"recording {number} is no array of numbers but {array.dtype}; give its samples")
    if not isinstance(rate, Real) or not math.isfinite(rate):
        raise InputError(f"recording {number} has the sampling rate {rate!r}; give Hz as a number")
    return ArrayAudio(array, int(float(rate)))


def _in_order(finished: Iterable[tuple[int, Outcome]]) -> Iterator[Outcome]:
    held: dict[int, Outcome] = {}
    due = 0
    for key, outcome in finished:
        held[key] = outcome
        while due in held:
            yield held.pop(due)
            due += 1
