"""The options of `awct2 run`, in the groups of its help, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, get_args

import click

from anime_whisper_ct2.cli.shared import audio_column_option, channel_option, compute_type_option, device_option
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.exporters.formats import FORMATS
from anime_whisper_ct2.options import (
    DECODING,
    DEFAULT_MODEL,
    ENGINE,
    FRONTEND,
    RAY,
    SEGMENT,
    AudioOptions,
    DecodingOptions,
    EngineOptions,
    FrontendOptions,
    RayOptions,
    RunOptions,
    SegmentMode,
    SegmentOptions,
    WindowMode,
)

_Options: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def _auto_or_count(_ctx: click.Context, param: click.Parameter, value: str) -> int | None:
    """Read `auto` as None and all else as a number."""
    if value == "auto":
        return None
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither 'auto' nor a number", param=param) from None


def _numbers(_ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """Read `0,2` as (0, 2)."""
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers such as 0,1", param=param) from None


def _shard(_ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Read `0/4` as (0, 4)."""
    if value is None:
        return None
    try:
        part, parts = (int(number) for number in value.split("/"))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no part such as 0/4", param=param) from None
    return part, parts


def _address(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check a cluster's address at once: an INPUT that was taken for it would only be said to be missing."""
    if value is not None:
        try:
            RayOptions(value)
        except InputError as error:
            raise click.BadParameter(str(error), param=param) from None
    return value


def _group(*options: _Options) -> _Options:
    def apply(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


# Which model computes, and where.
model_options = _group(
    click.option(
        "-m",
        "--model",
        default=DEFAULT_MODEL,
        show_default=True,
        help="A converted folder, a checkpoint's folder or a hub id; those two are converted once, into the cache.",
    ),
    device_option,
    click.option(
        "--gpus",
        metavar="0,1,…",
        callback=_numbers,
        default=",".join(map(str, ENGINE.gpus)),
        show_default=True,
        help="Which GPUs, counting from 0; of several, each gets an engine process of its own.",
    ),
    click.option(
        "--engines",
        type=int,
        default=ENGINE.engines,
        show_default=True,
        help="Engine processes that share the cores; more than one: on the CPU only.",
    ),
    compute_type_option,
    click.option(
        "--cpu-threads",
        type=int,
        default=ENGINE.cpu_threads,
        help="Threads of the model on a CPU, for all engines together; 0: one for each core.",
        show_default=True,
    ),
    click.option(
        "--batch-size",
        metavar="auto|N",
        callback=_auto_or_count,
        default="auto",
        show_default=True,
        help="Windows of 30 s that are decoded together, and up to four times as many of shorter ones; auto: on a GPU "
        "as many as fit its memory, at most 64, on a CPU 16.",
    ),
    click.option(
        "--workers",
        metavar="auto|N",
        callback=_auto_or_count,
        default="auto",
        show_default=True,
        help="Processes that decode audio and compute features, for all engines together; auto: one less than the "
        "cores, 0: none but the engine's own.",
    ),
)

# How a window becomes text.
text_options = _group(
    click.option(
        "--language", default=DECODING.language, show_default=True, help="Whisper's code of the language spoken."
    ),
    click.option(
        "--beam-size",
        type=int,
        default=DECODING.beam_size,
        show_default=True,
        help="Texts that are followed at once; 1 is greedy.",
    ),
    click.option(
        "--no-repeat-ngram-size",
        type=int,
        default=DECODING.no_repeat_ngram_size,
        show_default=True,
        help="Forbid repeats of so many tokens; 5 to 10 where loops show.",
    ),
    click.option(
        "--window",
        type=click.Choice(get_args(WindowMode)),
        default=DECODING.window,
        show_default=True,
        help="full: 30 s windows, exactly as transformers feeds them. fit: the clip and a tail of silence. "
        "auto: fit where `awct2 calibrate` found it safe for this model, else full.",
    ),
    click.option(
        "--tail", type=float, help="Seconds of silence behind a fitted clip. [default: as calibrated, else 2.56]"
    ),
    click.option(
        "--retry/--no-retry",
        default=DECODING.retry,
        show_default=True,
        help="Decode again what looks wrong: at 30 s if it was fitted, without repeated 5-grams, with 5 beams.",
    ),
    click.option(
        "--audit",
        type=float,
        default=DECODING.audit,
        show_default=True,
        help="Share of the fitted windows that are decoded at 30 s too, to report the difference.",
    ),
    click.option("--words", is_flag=True, help="Say of each word when it is spoken, and how probable it is."),
)

# How recordings are heard.
audio_options = _group(
    channel_option,
    click.option(
        "--strict-audio",
        is_flag=True,
        help="A recording of which sound is missing fails, instead of being transcribed with the flag 'incomplete'.",
    ),
)

# Where recordings are cut.
segment_options = _group(
    click.option(
        "--segment",
        type=click.Choice(get_args(SegmentMode)),
        default=SEGMENT.mode,
        show_default=True,
        help="auto: recordings of up to 30 s whole, longer ones cut into utterances by VAD. vad: all of them cut. "
        "pack: cut, and neighbours share a window. off: every 30 s.",
    ),
    click.option(
        "--max-segment",
        metavar="SECONDS",
        type=float,
        default=SEGMENT.max_segment_s,
        show_default=True,
        help="The longest piece that an utterance is cut into.",
    ),
    click.option(
        "--vad-threshold",
        type=float,
        default=SEGMENT.vad_threshold,
        show_default=True,
        help="Probability from which on the VAD takes sound for speech.",
    ),
    click.option(
        "--min-silence",
        metavar="SECONDS",
        type=float,
        default=SEGMENT.min_silence_s,
        show_default=True,
        help="Pauses from here on part utterances.",
    ),
    click.option(
        "--speech-pad",
        metavar="SECONDS",
        type=float,
        default=SEGMENT.speech_pad_s,
        show_default=True,
        help="Kept before and after an utterance, as far as its neighbours let it.",
    ),
)

# Which recordings are taken.
corpus_options = _group(
    audio_column_option,
    click.option("--include", metavar="GLOB", multiple=True, help="Only ids that match (repeatable)."),
    click.option("--exclude", metavar="GLOB", multiple=True, help="No ids that match (repeatable)."),
    click.option(
        "--shard",
        metavar="I/N",
        callback=_shard,
        help="Only part I of N, counting from 0; each recording belongs to one part, whatever else is in the corpus.",
    ),
    click.option("--limit", type=click.IntRange(min=1), help="At most so many recordings."),
    click.option(
        "--time-limit",
        metavar="SECONDS",
        type=float,
        default=FRONTEND.time_limit_s,
        show_default=True,
        help="How long a recording may keep its decoder busy without a sign of life.",
    ),
)

# Which cluster computes.
cluster_options = _group(
    click.option(
        "--ray",
        metavar="[ADDRESS]",
        is_flag=False,
        flag_value=RAY.address,
        callback=_address,
        help="Compute on a Ray cluster: HOST:PORT of its head, auto (the one that runs here), or local (one for this "
        "run alone). Without an ADDRESS: auto. OUTPUT is a folder that all nodes share, or a URL.",
    ),
    click.option(
        "--ray-cpus",
        type=int,
        help="Cores for each engine on the cluster. [default: a GPU's share of its node; on the CPU, all of it]",
    ),
)

# What becomes of the results.
output_options = _group(
    click.option(
        "-o",
        "--output",
        metavar="FOLDER",
        required=True,
        help="Folder for the results, with --ray also a URL; '-': transcripts to standard output, and nothing is kept.",
    ),
    click.option(
        "--format",
        "formats",
        type=click.Choice(tuple(FORMATS)),
        multiple=True,
        help="Export in this format, too, when all is done, to OUTPUT/export/FORMAT (repeatable).",
    ),
    click.option("--retry-failed", is_flag=True, help="Try the selected recordings that are in errors.jsonl again."),
    click.option("--overwrite", is_flag=True, help="Remove earlier results and start afresh."),
    click.option("--progress/--no-progress", default=None, help="A bar on a terminal, else a line now and then."),
    click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
    click.option("-v", "--verbose", is_flag=True, help="Name every recording that fails, as it fails."),
)


def run_options(given: dict[str, Any]) -> RunOptions:
    """Make options of what was given. Raises InputError for values that cannot be honoured."""
    return RunOptions(
        decoding=DecodingOptions(
            given["language"],
            given["beam_size"],
            given["no_repeat_ngram_size"],
            given["window"],
            given["tail"],
            given["retry"],
            given["audit"],
            given["words"],
        ),
        engine=EngineOptions(
            given["device"],
            given["gpus"],
            given["engines"],
            given["compute_type"],
            given["cpu_threads"],
            given["batch_size"],
        ),
        frontend=FrontendOptions(given["workers"], given["time_limit"]),
        segment=SegmentOptions(
            given["segment"],
            given["max_segment"],
            given["vad_threshold"],
            given["min_silence"],
            given["speech_pad"],
        ),
        audio=AudioOptions(given["channel"], given["strict_audio"]),
        overwrite=given["overwrite"],
        retry_failed=given["retry_failed"],
        ray=RayOptions(given["ray"], given["ray_cpus"]) if given["ray"] else None,
    )
