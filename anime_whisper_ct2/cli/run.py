"""`awct2 run`: a corpus in, transcripts out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.ending import finishing
from anime_whisper_ct2.cli.engine_options import audio_options, model_options, segment_options, text_options
from anime_whisper_ct2.cli.extras import check_extras, check_language
from anime_whisper_ct2.cli.pacing import duration
from anime_whisper_ct2.cli.plan import plan_options, plan_text, read_plan_options
from anime_whisper_ct2.cli.printing import note, results, say
from anime_whisper_ct2.cli.progress import EXIT_INTERRUPTED, ConversionProgress, RunProgress
from anime_whisper_ct2.cli.run_options import cluster_options, corpus_options, output_options, run_options
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.errors import InputError, counted, one_line
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.features.windows import window_length
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.output.printed import ReaderGone
from anime_whisper_ct2.output.run_file import has_run
from anime_whisper_ct2.plan import plan_run
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.remote import is_url

EXIT_SOME_FAILED = 3


# An option that has to be given belongs into the first line of the usage; click would only name it when it is missing.
@click.command(cls=Command, options_metavar="[OPTIONS] -o OUTPUT")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@model_options
@text_options
@audio_options
@segment_options
@corpus_options
@cluster_options
@output_options
@plan_options
def run(**given: Any) -> None:
    """Transcribe every recording of INPUT... into a folder.

    An INPUT is a folder (all audio below it), an audio file, a manifest (.jsonl .csv .tsv .txt .list, Kaldi's wav.scp),
    WebDataset tars ("train-{000..114}.tar"), a Parquet file, a Hugging Face dataset's folder, a glob of these, a URL of
    any, or '-' for paths on standard input.

    The results are OUTPUT/transcripts.jsonl, OUTPUT/errors.jsonl and OUTPUT/run.json. The same command again goes on
    where the last one ended.

    Exit status: 0 all transcribed, 1 the run could not go on, 2 wrong usage, 3 some recordings failed, 130 interrupted.

    \b
    Examples:
      awct2 run corpus/ -o transcripts/
      awct2 run corpus/ -o transcripts/ --dry-run
      awct2 run "corpus/*/voice_*.ogg" -o transcripts/ --device cuda
      awct2 run "galgame-{000..114}.tar" -o transcripts/ --format webdataset
      find voices -name "*.ogg" | awct2 run - -o - | jq -r .text
      awct2 run /mnt/voices -o /mnt/transcripts --ray
    """
    options, wishes = run_options(given), read_plan_options(given)
    out = _output(given)
    _check_effect(given)
    check_extras(ray=bool(given["ray"]), formats=given["formats"])
    check_language(given["formats"], options.decoding.language)
    corpus = Corpus(
        given["inputs"],
        given["include"],
        given["exclude"],
        given["limit"],
        given["shard"],
        given["audio_column"],
    )
    if wishes is not None:
        say(plan_text(plan_run(corpus, out if isinstance(out, Path) else None, given["model"], options, wishes)))
        return
    quiet = given["quiet"]
    if nothing := _why_nothing(corpus, out, on_cluster=bool(given["ray"])):
        if not quiet:
            note(one_line(f"{nothing}."))
        return
    with ConversionProgress(quiet=quiet) as conversion:
        model = resolve_model(given["model"], progress=conversion)
    if given["audit"] is not None and window_length(given["window"], given["tail"], model.awct2).mode == "full":
        raise InputError("--audit is for fitted windows, and these are full; choose --window fit, or leave it out")
    try:
        # Nobody reads errors.jsonl where results are printed, so failures are named as they come.
        with RunProgress(
            shown=given["progress"], quiet=quiet, verbose=given["verbose"] or out is None, errors=f"{out}/errors.jsonl"
        ) as progress:
            corpus_run = CorpusRun(
                corpus, out or results(), model, options, on_progress=progress, on_note=progress.note
            )

            def abandoned() -> None:
                """Say how far the run came, when there is no more time to end it."""
                if not quiet:
                    _print_summary(corpus_run, out, stopped=True)

            with finishing(corpus_run, abandoned):
                totals = corpus_run.run()
    except ReaderGone:
        return
    stopped = corpus_run.stopped
    if not quiet:
        _print_summary(corpus_run, out, stopped)
    if stopped:
        sys.exit(EXIT_INTERRUPTED)
    missing = 0
    for format_ in given["formats"]:
        exported = Export(given["output"], format_).run()
        missing += exported.clips_missing
        if not quiet:
            note(f"{format_}: {exported.path}")
        if exported.clips_missing:
            note(f"{format_}: {counted(exported.clips_missing, 'clip')} could not be cut")
    if totals.failed or missing:
        sys.exit(EXIT_SOME_FAILED)


def _output(given: dict[str, Any]) -> Path | str | None:
    """Give the output: a folder, a cluster's URL, or None for standard output.

    Refuses what asks for a folder where there is none.
    """
    output: str = given["output"]
    if is_url(output):
        if not given["ray"]:
            raise InputError(f"{output}: an output behind a URL is for --ray; name a folder")
        if given["formats"]:
            raise InputError(f"--format needs a folder here, and the output is {output}; run `awct2 export` behind it")
        return output
    if output != "-":
        return Path(output)
    wishes = {
        "--overwrite": given["overwrite"],
        "--retry-failed": given["retry_failed"],
        "--format": given["formats"],
        "--ray": given["ray"],
    }
    for name, wish in wishes.items():
        if wish:
            raise InputError(f"{name} needs a folder for the output, and that is '-'; name one, or leave it out")
    return None


def _why_nothing(corpus: Corpus, out: Path | str | None, *, on_cluster: bool) -> str | None:
    """Say why there is nothing to transcribe, before a model is asked for, which may be gigabytes to fetch.

    Raises InputError for a list that leads nowhere.
    """
    # Earlier results may be of recordings that are gone by now.
    if isinstance(out, Path) and has_run(out):
        return None
    # A cluster's nodes may see files that are not here.
    if not on_cluster:
        corpus.check_lists()
    # Of a shard, also an empty one has to be there when the others are merged.
    return None if corpus.shard else corpus.why_nothing()


def _check_effect(given: dict[str, Any]) -> None:
    """Refuse options that could have no effect beside the others."""
    of_vad = ("max_segment", "vad_threshold", "min_silence", "speech_pad")
    for names, idle, why in (
        (of_vad, given["segment"] == "off", "--segment off cuts every 30 s"),
        (("time_limit",), given["workers"] == 0, "--workers 0 decodes in the engine's process"),
        (("gpus", "engines"), bool(given["ray"]), "with --ray, the cluster says what each node has"),
        (("ray_cpus",), not given["ray"], "it is for --ray"),
        (("retry_failed",), given["overwrite"], "--overwrite tries everything again"),
        (("formats", "progress", "quiet", "verbose"), given["dry_run"], "--dry-run does nothing but print a plan"),
    ):
        for name in names if idle else ():
            if _is_given(name):
                option = {"formats": "format"}.get(name, name.replace("_", "-"))
                raise InputError(f"--{option} has no effect: {why}; leave one of the two out")


def _is_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def _print_summary(corpus_run: CorpusRun, out: Path | str | None, stopped: bool) -> None:
    totals = corpus_run.totals
    if not totals.found:
        nothing = "Stopped before anything was found" if stopped else corpus_run.why_nothing
        note(one_line(f"{nothing}."))
        return
    head, before = f"{totals.done:,} of {counted(totals.found, 'recording')} transcribed", totals.resumed
    if not stopped and before and before + totals.failed_before == totals.found:
        # That there was nothing left to do is good news, and "0 of 3" would not sound like it.
        all_ = f"{before:,} of {counted(totals.found, 'recording')}"
        head, before = f"{all_} {'is' if before == 1 else 'are'} transcribed already", 0
    notes = [
        f"{count:,} {what}"
        for count, what in (
            (before, "done before"),
            (totals.empty, "without speech"),
            (totals.flagged, "flagged"),
            (totals.failed, f"failed (see {out}/errors.jsonl)" if out else "failed"),
        )
        if count
    ]
    note("; ".join([head, *notes]) + ".")
    if totals.done:
        note(
            f"{duration(totals.own_seconds)} of audio in {duration(totals.wall_seconds)}, "
            f"{totals.speed:.1f} times real time; the model took {totals.load_seconds:.1f} s to load."
        )
    if stopped and out:
        # How far they have come: a window before that may not have been home.
        reached = [one.done_s for one in totals.underway.values() if one.done_s]
        begun = f"{counted(len(reached), 'recording')} not finished, up to {duration(sum(reached))} in all"
        kept = f"; what is transcribed of {begun}, is kept" if reached else ""
        note(f"Interrupted: the same command goes on from here{kept}.")
