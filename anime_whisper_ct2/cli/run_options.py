"""The options of `awct2 run` about recordings, clusters and results, and what becomes of all that were given."""

from __future__ import annotations

from typing import Any

import click

from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.cli.shared import LocalPath, audio_column_option, read_part
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.options import (
    FRONTEND,
    RAY,
    AudioOptions,
    DecodingOptions,
    EngineOptions,
    FrontendOptions,
    RayOptions,
    RunOptions,
    SegmentOptions,
)
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.system.paths import at_home

_corpus, _cluster, _output = map(option_of, ("Recordings", "Cluster", "Output"))


def _as_meant(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Take an output at `~/` for one below the home folder, as INPUT is taken; what can be no place is refused."""
    return value if is_url(value) else LocalPath().usable(at_home(value), param, ctx)


def _address(_ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Check a cluster's address at once: an INPUT that was taken for it would only be said to be missing."""
    if value is not None:
        try:
            RayOptions(value)
        except InputError as error:
            raise click.BadParameter(str(error), param=param) from None
    return value


corpus_options = together(
    audio_column_option,
    _corpus(
        "--include",
        metavar="GLOB",
        multiple=True,
        help="Only ids that match (repeatable; one match is enough); * also matches /.",
    ),
    _corpus("--exclude", metavar="GLOB", multiple=True, help="No ids that match (repeatable)."),
    _corpus(
        "--shard",
        metavar="I/N",
        callback=read_part,
        help="Only part I of N, counting from 0; each recording belongs to one part, whatever else is in the corpus.",
    ),
    _corpus("--limit", metavar="N", type=click.IntRange(min=1), help="At most so many recordings."),
    _corpus(
        "--time-limit",
        metavar="SECONDS",
        type=float,
        default=FRONTEND.time_limit_s,
        show_default=True,
        help="How long a recording may keep its decoder busy without a sign of life.",
    ),
)

cluster_options = together(
    _cluster(
        "--ray",
        metavar="[ADDRESS]",
        # An option with a value that may be left out.
        is_flag=False,
        flag_value=RAY.address,
        callback=_address,
        help="Compute on a Ray cluster: HOST:PORT of its head, auto (the one that runs here), or local (one for this "
        "run alone). Without an ADDRESS: auto. OUTPUT is a folder that all nodes share, or a URL.",
    ),
    _cluster(
        "--ray-cpus",
        metavar="N",
        type=int,
        help="Cores for each engine on the cluster. [default: a GPU's share of its node; on the CPU, all of it]",
    ),
)

output_options = together(
    _output(
        "-o",
        "--output",
        metavar="OUTPUT",
        required=True,
        callback=_as_meant,
        help="Folder for the results, with --ray also a URL; '-': transcripts to standard output, and nothing is kept.",
    ),
    _output(
        "--format",
        "formats",
        # Fifteen names in the first column would leave no room for the text.
        metavar="FORMAT",
        type=click.Choice(tuple(FORMATS)),
        multiple=True,
        help="Export in this format, too, when all is done, to OUTPUT/export/FORMAT (repeatable): "
        f"{', '.join(FORMATS)}.",
    ),
    _output("--retry-failed", is_flag=True, help="Try the selected recordings that are in errors.jsonl again."),
    _output("--overwrite", is_flag=True, help="Remove earlier results and start afresh."),
    # Neither: as suits the stream, which `RunProgress` sees.
    _output("--progress/--no-progress", default=None, help="A bar on a terminal, else a line every 30 s."),
    _output("-q", "--quiet", is_flag=True, help="Print nothing but errors."),
    _output("-v", "--verbose", is_flag=True, help="Name every recording that fails, and not the first three alone."),
)


def run_options(given: dict[str, Any]) -> RunOptions:
    """Make options of what was given. Raises InputError for values that cannot be honoured."""
    # Defaults and bounds are the library's own: here a value is only put in its place.
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
            given["encoder"],
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
