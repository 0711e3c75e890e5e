"""The options of `awct2 run` that say what computes, what it hears and how that becomes text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, get_args

import click

from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.cli.shared import channel_option, compute_type_option, device_option, language_code
from anime_whisper_ct2.options import DECODING, DEFAULT_MODEL, ENGINE, SEGMENT, EncoderLibrary, SegmentMode, WindowMode

T = TypeVar("T")

# The titles are those of the handbook.
_model, _text, _audio, _segment = map(option_of, ("Model and device", "Text", "Sound", "Segments"))


def _auto_or(number: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str], T | None]:
    """Read `auto` as None and all else as a number."""

    def read(_ctx: click.Context, param: click.Parameter, value: str) -> T | None:
        try:
            return None if value == "auto" else number(value)
        except ValueError:
            raise click.BadParameter(f"{value!r} is neither 'auto' nor a number", param=param) from None

    return read


def _numbers(_ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """Read `0,2` as (0, 2)."""
    # One option with a list, as CUDA_VISIBLE_DEVICES has it; click's own lists are options that come again.
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers such as 0,1", param=param) from None


model_options = together(
    _model(
        "-m",
        "--model",
        metavar="MODEL",
        default=DEFAULT_MODEL,
        show_default=True,
        help="A converted folder, a checkpoint's folder or a hub id; those two are converted once, into the cache.",
    ),
    device_option,
    _model(
        "--gpus",
        # In ASCII: a console with a code page of its own fails on anything else when the help is piped.
        metavar="0,1,...",
        callback=_numbers,
        # As it would be typed, so that the callback reads it too.
        default=",".join(map(str, ENGINE.gpus)),
        show_default=True,
        help="Which GPUs, counting from 0; of several, each gets an engine process of its own.",
    ),
    _model(
        "--engines",
        metavar="N",
        type=int,
        default=ENGINE.engines,
        show_default=True,
        help="Engine processes that share the cores; more than one: on the CPU only.",
    ),
    compute_type_option,
    _model(
        "--encoder",
        type=click.Choice(get_args(EncoderLibrary)),
        default=ENGINE.encoder,
        show_default=True,
        help="What computes the encoder; CTranslate2 always decodes. auto: torch on a GPU, where it is installed and "
        "agrees with CTranslate2's own when the model loads, else ctranslate2.",
    ),
    _model(
        "--cpu-threads",
        metavar="N",
        type=int,
        default=ENGINE.cpu_threads,
        help="Threads of the model on a CPU, for all engines together; 0: one for each core.",
        show_default=True,
    ),
    _model(
        "--batch-size",
        metavar="auto|N",
        callback=_auto_or(int),
        default="auto",
        show_default=True,
        help="Windows of 30 s that are decoded together, and up to four times as many of shorter ones; auto: on a GPU "
        "as many as fit its memory, at most 64, on a CPU 16.",
    ),
    _model(
        "--workers",
        metavar="auto|N",
        callback=_auto_or(int),
        default="auto",
        show_default=True,
        help="Processes that decode audio and compute features, for all engines together; auto: one less than the "
        "cores, 1 to 16 for each engine, 0: none but the engine's own.",
    ),
)

text_options = together(
    _text(
        "--language",
        metavar="CODE",
        callback=language_code,
        default=DECODING.language,
        show_default=True,
        help="Whisper's code of the language spoken.",
    ),
    _text(
        "--beam-size",
        metavar="N",
        type=int,
        default=DECODING.beam_size,
        show_default=True,
        help="Texts that are followed at once; 1 is greedy.",
    ),
    _text(
        "--no-repeat-ngram-size",
        metavar="N",
        type=int,
        default=DECODING.no_repeat_ngram_size,
        show_default=True,
        help="Forbid repeats of so many tokens; 5 to 10 where loops show.",
    ),
    _text(
        "--window",
        type=click.Choice(get_args(WindowMode)),
        default=DECODING.window,
        show_default=True,
        help="full: 30 s windows, exactly as transformers feeds them. fit: the clip and a tail of silence. "
        "auto: fit where `awct2 calibrate` found it safe for this model, else full.",
    ),
    _text(
        "--tail",
        metavar="SECONDS",
        type=float,
        help="Silence behind a fitted clip, 0 to 30. [default: as calibrated, else 2.56]",
    ),
    _text(
        "--retry/--no-retry",
        default=DECODING.retry,
        show_default=True,
        help="Decode again what looks wrong: if it was fitted, in a longer window and at 30 s; without repeated "
        "5-grams; with 5 beams.",
    ),
    _text(
        "--audit",
        metavar="auto|SHARE",
        default="auto",
        show_default=True,
        callback=_auto_or(float),
        help="Share of the fitted windows that are decoded at 30 s too, to report the difference. auto: as many as "
        "cost 1 % of the work, until 1,000 were compared, and then a tenth of that.",
    ),
    _text("--words", is_flag=True, help="Say of each word when it is spoken, and how probable it is."),
)

audio_options = together(
    channel_option,
    _audio(
        "--strict-audio",
        is_flag=True,
        help="A recording of which sound is missing fails, instead of being transcribed with the flag 'incomplete'.",
    ),
)

segment_options = together(
    _segment(
        "--segment",
        type=click.Choice(get_args(SegmentMode)),
        default=SEGMENT.mode,
        show_default=True,
        help="auto: recordings of up to 30 s whole, longer ones cut into utterances by VAD. vad: all of them cut. "
        "pack: cut, and neighbours share a window. off: every 30 s.",
    ),
    _segment(
        "--max-segment",
        metavar="SECONDS",
        type=float,
        default=SEGMENT.max_segment_s,
        show_default=True,
        help="The longest piece that an utterance is cut into, 1 to 30.",
    ),
    _segment(
        "--vad-threshold",
        metavar="P",
        type=float,
        default=SEGMENT.vad_threshold,
        show_default=True,
        help="Probability from which on the VAD takes sound for speech, 0.01 to 0.99.",
    ),
    _segment(
        "--min-silence",
        metavar="SECONDS",
        type=float,
        default=SEGMENT.min_silence_s,
        show_default=True,
        help="Pauses from here on part utterances, 0.05 to 10.",
    ),
    _segment(
        "--speech-pad",
        metavar="SECONDS",
        type=float,
        default=SEGMENT.speech_pad_s,
        show_default=True,
        help="Kept before and after an utterance, as far as its neighbours let it; 0 to 5.",
    ),
)
