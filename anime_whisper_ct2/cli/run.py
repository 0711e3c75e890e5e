"""`awct2 run`: a corpus in, transcripts out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import click

from anime_whisper_ct2.cli.progress import EXIT_INTERRUPTED, ConversionProgress, RunProgress, duration
from anime_whisper_ct2.cli.shared import compute_type_option, device_option
from anime_whisper_ct2.corpus_run import CorpusRun, RunOptions
from anime_whisper_ct2.metrics import Totals
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import (
    DECODING,
    DEFAULT_MODEL,
    ENGINE,
    DecodingOptions,
    EngineOptions,
    FrontendOptions,
    WindowMode,
)
from anime_whisper_ct2.readers import Corpus

EXIT_SOME_FAILED = 3


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


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the results.")
@click.option(
    "-m",
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    help="A converted folder, a checkpoint's folder or a hub id; the latter two are converted once, into the cache.",
)
@device_option
@click.option(
    "--gpus",
    metavar="0,1,…",
    callback=_numbers,
    default=",".join(map(str, ENGINE.gpus)),
    show_default=True,
    help="Which GPUs, counting from 0; of several, each gets an engine process of its own.",
)
@click.option(
    "--engines",
    type=int,
    default=ENGINE.engines,
    show_default=True,
    help="Engine processes that share the cores; more than one: on the CPU only.",
)
@compute_type_option
@click.option(
    "--cpu-threads",
    type=int,
    default=ENGINE.cpu_threads,
    help="Threads of the model on a CPU, for all engines together; 0: one for each core.",
    show_default=True,
)
@click.option(
    "--batch-size",
    metavar="auto|N",
    callback=_auto_or_count,
    default="auto",
    show_default=True,
    help="Windows of 30 s that are decoded together, and up to four times as many of shorter ones; auto: on a GPU as "
    "many as fit its memory, at most 64, on a CPU 16.",
)
@click.option(
    "--workers",
    metavar="auto|N",
    callback=_auto_or_count,
    default="auto",
    show_default=True,
    help="Processes that decode audio and compute features, for all engines together; auto: one less than the cores, "
    "0: none but the engine's own.",
)
@click.option("--language", default=DECODING.language, show_default=True, help="Whisper's code of the language spoken.")
@click.option(
    "--beam-size",
    type=int,
    default=DECODING.beam_size,
    show_default=True,
    help="Texts that are followed at once; 1 is greedy.",
)
@click.option(
    "--no-repeat-ngram-size",
    type=int,
    default=DECODING.no_repeat_ngram_size,
    show_default=True,
    help="Forbid repeats of so many tokens; 5 to 10 where loops show.",
)
@click.option(
    "--window",
    type=click.Choice(get_args(WindowMode)),
    default=DECODING.window,
    show_default=True,
    help="full: 30 s windows, exactly as transformers feeds them. fit: the clip and a tail of silence. "
    "auto: fit where `awct2 calibrate` found it safe for this model, else full.",
)
@click.option("--tail", type=float, help="Seconds of silence behind a fitted clip. [default: as calibrated, else 2.56]")
@click.option(
    "--retry/--no-retry",
    default=DECODING.retry,
    show_default=True,
    help="Decode fitted windows again at 30 s where the text looks wrong.",
)
@click.option(
    "--audit",
    type=float,
    default=DECODING.audit,
    show_default=True,
    help="Share of the fitted windows that are decoded at 30 s too, to report the difference.",
)
@click.option("--include", metavar="GLOB", multiple=True, help="Only ids that match (repeatable).")
@click.option("--exclude", metavar="GLOB", multiple=True, help="No ids that match (repeatable).")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many recordings.")
@click.option("--retry-failed", is_flag=True, help="Try the selected recordings that are in errors.jsonl again.")
@click.option("--overwrite", is_flag=True, help="Remove earlier results and start afresh.")
@click.option("--progress/--no-progress", default=None, help="A bar on a terminal, else a line now and then.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("-v", "--verbose", is_flag=True, help="Name every recording that fails, as it fails.")
def run(**given: Any) -> None:
    """Transcribe every recording of INPUT... (folders, audio files, globs) into a folder.

    The results are OUTPUT/transcripts.jsonl, OUTPUT/errors.jsonl and OUTPUT/run.json. The same command again goes on
    where the last one ended.

    Exit status: 0 all transcribed, 1 the run could not go on, 2 wrong usage, 3 some recordings failed, 130 interrupted.

    \b
    Examples:
      awct2 run corpus/ -o transcripts/
      awct2 run 'corpus/*/voice_*.ogg' -o transcripts/ --device cuda
    """
    options = RunOptions(
        decoding=DecodingOptions(
            given["language"],
            given["beam_size"],
            given["no_repeat_ngram_size"],
            given["window"],
            given["tail"],
            given["retry"],
            given["audit"],
        ),
        engine=EngineOptions(
            given["device"],
            given["gpus"],
            given["engines"],
            given["compute_type"],
            given["cpu_threads"],
            given["batch_size"],
        ),
        frontend=FrontendOptions(given["workers"]),
        overwrite=given["overwrite"],
        retry_failed=given["retry_failed"],
    )
    corpus = Corpus(given["inputs"], given["include"], given["exclude"], given["limit"])
    quiet = given["quiet"]
    with ConversionProgress(quiet=quiet) as conversion:
        model = resolve_model(given["model"], progress=conversion)
    with RunProgress(shown=given["progress"], quiet=quiet, verbose=given["verbose"]) as progress:
        corpus_run = CorpusRun(corpus, given["output"], model, options, on_progress=progress)
        with _signals_stop(corpus_run):
            totals = corpus_run.run()
    stopped = corpus_run.stopped
    if not quiet:
        _print_summary(totals, given["output"], stopped)
    if stopped:
        sys.exit(EXIT_INTERRUPTED)
    if totals.failed:
        sys.exit(EXIT_SOME_FAILED)


@contextmanager
def _signals_stop(corpus_run: CorpusRun) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM finish what is in flight, and the second end at once."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if corpus_run.stopped:
            # Every line is whole in its file, the lock goes with the process, and so do the workers.
            os.write(2, b"\nStopped. Every finished line is kept; the same command goes on from there.\n")
            os._exit(EXIT_INTERRUPTED)
        corpus_run.stop()
        # Not through Python's stream: the signal may have come in the middle of a write to it.
        os.write(2, b"\nFinishing what is in flight; once more to stop at once.\n")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_summary(totals: Totals, out: Path, stopped: bool) -> None:
    if not totals.found:
        click.echo("No audio found: nothing was transcribed.", err=True)
        return
    head = f"{totals.done} of {totals.found} recordings transcribed"
    notes = [
        f"{count} {what}"
        for count, what in (
            (totals.resumed, "done before"),
            (totals.empty, "without speech"),
            (totals.flagged, "flagged"),
            (totals.failed, f"failed (see {out / 'errors.jsonl'})"),
        )
        if count
    ]
    click.echo("; ".join([head, *notes]) + ".", err=True)
    if totals.done:
        click.echo(
            f"{duration(totals.audio_seconds)} of audio in {duration(totals.wall_seconds)}, "
            f"{totals.speed:.1f} times real time; the model took {totals.load_seconds:.1f} s to load.",
            err=True,
        )
    if stopped:
        click.echo("Interrupted: the same command goes on from here.", err=True)
