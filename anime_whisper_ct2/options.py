"""Every option with its default, written once; the command line and `Transcriber` read both from here.

Standard library only, but for names of records (floor 0).
"""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass, field, replace
from numbers import Integral, Real
from typing import Any, Literal, get_args

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.languages import code_of
from anime_whisper_ct2.records import Step

DEFAULT_MODEL = "litagin/anime-whisper"
# Windows of 30 s in a batch: on a GPU at most, where memory is measured; on a CPU.
GPU_BATCH, CPU_BATCH = 64, 16
# What a text that looks wrong is decoded with again: the author's own remedy for loops, and a search's usual width.
RETRY_NGRAM = 5
RETRY_BEAMS = 5

Device = Literal["auto", "cpu", "cuda"]
EncoderLibrary = Literal["auto", "ctranslate2", "torch"]
WindowMode = Literal["auto", "full", "fit"]
SegmentMode = Literal["auto", "off", "vad", "pack"]
ComputeType = Literal[
    "default",
    "auto",
    "float32",
    "float16",
    "bfloat16",
    "int8",
    "int8_float32",
    "int8_float16",
    "int8_bfloat16",
]


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}")


def _check_language(given: str) -> None:
    if not isinstance(given, str) or not re.fullmatch(r"[a-z]{2,3}", given) or code_of(given):
        code = code_of(given) if isinstance(given, str) else None
        advice = f"Whisper calls it {code!r}, so give that" if code else "give Whisper's code of it, such as 'ja'"
        raise InputError(f"the language is {given!r}; {advice}" + ("" if code else "; none is detected"))


def _check_at_least(name: str, value: int, least: int) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; give a whole number")
    if value < least:
        raise InputError(f"{name} is {value}; it must be at least {least}")


def _check_switch(name: str, value: bool) -> None:
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; give True or False")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not isinstance(value, Real) or isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; give a number, {least} to {most}")
    if not least <= value <= most:
        raise InputError(f"{name} is {value}; give {least} to {most}")


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """What decides the text, beside the model."""

    language: str = "ja"  # a Whisper language code; the model was trained on Japanese
    beam_size: int = 1  # the model card's figures are greedy
    no_repeat_ngram_size: int = 0  # 5 to 10 where loops show, says the model card
    window: WindowMode = "auto"  # full: 30 s; fit: the clip and a tail; auto: fit where a profile was measured
    tail_s: float | None = None  # silence behind the clip when fitted; None: the profile's, or 2.56
    retry: bool = True  # decode again what looks wrong: in longer windows, without repeated 5-grams, with 5 beams
    audit: float | None = None  # share of the fitted windows to decode at 30 s too, to compare; None: until it is known
    words: bool = False  # say when each word is spoken

    def __post_init__(self) -> None:
        _check_language(self.language)
        _check_at_least("beam size", self.beam_size, 1)
        _check_at_least("no-repeat n-gram size", self.no_repeat_ngram_size, 0)
        _check_choice("window", self.window, get_args(WindowMode))
        if self.tail_s is not None:
            _check_range("the tail in seconds", self.tail_s, 0, 30)
        if self.audit is not None:
            _check_range("the audited share", self.audit, 0, 1)
        _check_switch("retry", self.retry)
        _check_switch("words", self.words)

    def at(self, step: Step) -> DecodingOptions:
        """Give the options for a step of the retries: these, and more where they were too little."""
        if step == "ngram":
            return replace(self, no_repeat_ngram_size=max(RETRY_NGRAM, self.no_repeat_ngram_size))
        if step == "beam":
            return replace(self, beam_size=max(RETRY_BEAMS, self.beam_size))
        return self


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """Where recordings are cut into windows."""

    mode: SegmentMode = "auto"  # auto: up to 30 s whole, longer by VAD; off: every 30 s; pack: utterances share windows
    max_segment_s: float = 15.0  # the longest utterance of the model's training is half a window
    vad_threshold: float = 0.5  # speech begins above this probability
    min_silence_s: float = 0.7  # pauses from here on part utterances; those within a line are shorter
    speech_pad_s: float = 0.2  # kept around each utterance, as far as the neighbour lets it

    def __post_init__(self) -> None:
        _check_choice("segmentation", self.mode, get_args(SegmentMode))
        _check_range("the longest segment in seconds", self.max_segment_s, 1, 30)
        _check_range("VAD threshold", self.vad_threshold, 0.01, 0.99)
        _check_range("the shortest silence in seconds", self.min_silence_s, 0.05, 10)
        _check_range("the padding in seconds", self.speech_pad_s, 0, 5)

    @property
    def settings(self) -> dict[str, Any]:
        """What of this decides the text, under the names that `run.json` uses."""
        # Without a VAD its figures decide nothing, and must not keep a run from going on.
        figures = {} if self.mode == "off" else {key: value for key, value in asdict(self).items() if key != "mode"}
        return {"segment": self.mode, **figures}


@dataclass(frozen=True, slots=True)
class AudioOptions:
    """How recordings are heard."""

    channel: str = "mix"  # mix: all channels; left, right, or a number from 1 on: that one alone
    strict: bool = False  # refuse a recording of which sound is missing, instead of flagging it

    def __post_init__(self) -> None:
        if not re.fullmatch(r"mix|left|right|[1-9]\d?", self.channel):
            raise InputError(f"the channel is {self.channel!r}; give mix, left, right, or a number from 1 on")
        _check_switch("strict audio", self.strict)

    @property
    def index(self) -> int | None:
        """The channel to take, counting from 0; None: all of them."""
        if self.channel == "mix":
            return None
        return {"left": 0, "right": 1}.get(self.channel) if self.channel.isalpha() else int(self.channel) - 1

    @property
    def settings(self) -> dict[str, Any]:
        """What of this decides the texts, under the names that `run.json` uses."""
        return {} if self.index is None else {"channel": self.index + 1}


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where and how the model computes."""

    device: Device = "auto"  # cuda where a GPU answers, else cpu
    gpus: tuple[int, ...] = (0,)  # which GPUs; in a run, each has an engine process of its own
    engines: int = 1  # CPU engines, sharing the cores
    compute_type: ComputeType = "default"  # as converted, or the nearest that the device computes
    encoder: EncoderLibrary = "auto"  # what computes the encoder; auto: torch on cuda where it is there and agrees
    cpu_threads: int = 0  # OpenMP threads of the CPU engine; 0: one for each core
    batch_size: int | None = None  # windows of 30 s decoded together, and more of shorter ones; None: measured

    def __post_init__(self) -> None:
        _check_choice("device", self.device, get_args(Device))
        _check_choice("compute type", self.compute_type, get_args(ComputeType))
        _check_choice("encoder", self.encoder, get_args(EncoderLibrary))
        _check_at_least("engines", self.engines, 1)
        for gpu in self.gpus:
            _check_at_least("GPU", gpu, 0)
        if self.engines > 1 and self.device != "cpu":
            raise InputError("several engines are for --device cpu; on GPUs there is one for each, so name the GPUs")
        if self.device == "cpu" and self.gpus != (0,):
            raise InputError("GPUs are named, and the device is the CPU; leave one of the two out")
        if not self.gpus or min(self.gpus) < 0 or len(set(self.gpus)) < len(self.gpus):
            raise InputError(f"GPUs are {self.gpus}; name each one once, counting from 0")
        _check_at_least("CPU threads", self.cpu_threads, 0)
        if self.batch_size is not None:
            _check_at_least("batch size", self.batch_size, 1)

    def with_encoder(self, library: str | None) -> EngineOptions:
        """Settle `auto` by what others encode with, or results were made with; None: leave it open."""
        return replace(self, encoder=library) if self.encoder == "auto" and library else self  # type: ignore[arg-type]

    def split(self) -> tuple[EngineOptions, ...]:
        """Give the options of each engine, where several run beside each other."""
        # Who names several GPUs means them; a single one, as by default, leaves `auto` open.
        if self.device == "cuda" or (self.device == "auto" and len(self.gpus) > 1):
            return tuple(replace(self, device="cuda", gpus=(gpu,)) for gpu in self.gpus)
        threads = max(1, (self.cpu_threads or available_cores()) // self.engines)
        if self.engines == 1:
            return (self,)
        return (replace(self, cpu_threads=threads, engines=1),) * self.engines


@dataclass(frozen=True, slots=True)
class FrontendOptions:
    """How recordings become features."""

    workers: int | None = None  # processes for all engines; 0: in the engine's own; None: one less than the cores
    time_limit_s: float = 120.0  # without a sign of life from a recording's decoder

    def __post_init__(self) -> None:
        if self.workers is not None:
            _check_at_least("workers", self.workers, 0)
        _check_range("the time limit in seconds", self.time_limit_s, 1, 86_400)

    def resolved_workers(self, engines: int = 1) -> int:
        """Give the number of worker processes to start for each of so many engines."""
        if self.workers is not None:
            # Rounded up, so that no engine is left without; 0 stays 0.
            return -(-self.workers // engines)
        return min(16, max(1, (available_cores() - 1) // engines))


@dataclass(frozen=True, slots=True)
class RayOptions:
    """Which Ray cluster computes, and what it gives each engine."""

    address: str = "auto"  # host:port of its head; auto: the one that runs here; local: one for this run alone
    cpus: int | None = None  # cores for each engine and its front end; None: a GPU's share of its node, or all of it

    def __post_init__(self) -> None:
        if self.address not in ("auto", "local") and not re.fullmatch(r"[^/:\s]+:\d{1,5}", self.address):
            raise InputError(
                f"{self.address!r} is no address of a Ray cluster; give host:port, auto or local, "
                "and name INPUTs before --ray"
            )
        if self.cpus is not None:
            _check_at_least("CPUs for each engine", self.cpus, 1)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run treats its output, and the options of the rooms it passes through."""

    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    frontend: FrontendOptions = field(default_factory=FrontendOptions)
    segment: SegmentOptions = field(default_factory=SegmentOptions)
    audio: AudioOptions = field(default_factory=AudioOptions)
    overwrite: bool = False  # remove earlier results first
    retry_failed: bool = False  # try the recordings of errors.jsonl again
    ray: RayOptions | None = None  # compute on a Ray cluster; None: here


def available_cores() -> int:
    """Give the number of cores that this process may use, which in a container can be fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# The defaults, as objects: a slotted dataclass keeps none on its class.
DECODING = DecodingOptions()
SEGMENT = SegmentOptions()
ENGINE = EngineOptions()
FRONTEND = FrontendOptions()
AUDIO = AudioOptions()
RAY = RayOptions()
