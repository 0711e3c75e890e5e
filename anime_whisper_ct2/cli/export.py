"""`awct2 export`: transcripts in, a data set out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from anime_whisper_ct2.cli.clip_options import clip_options, read_clip_options
from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.extras import check_extras
from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.cli.printing import bar, note, note_above_bar, results
from anime_whisper_ct2.cli.review_options import conflicts_option, read_review_options, review_option
from anime_whisper_ct2.cli.shared import LocalPath, check_has_output
from anime_whisper_ct2.cli.subtitle_options import read_subtitle_options, subtitle_options
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.export import Export, Exported
from anime_whisper_ct2.export.clips import ClipResult
from anime_whisper_ct2.export.filters import Filters
from anime_whisper_ct2.export.formats.registry import FORMATS, SPEAKING
from anime_whisper_ct2.output.printed import ReaderGone
from anime_whisper_ct2.output.storage import local_runs
from anime_whisper_ct2.reviews import Conflicts, Counts, ReviewOptions
from anime_whisper_ct2.text import NORMALIZERS

EXIT_SOME_FAILED = 3
_STANDARD_OUTPUT = Path("-")
_NAMING = f"{', '.join(SPEAKING[:-1])} and {SPEAKING[-1]}"
_FILTERS = "Filters"
_output, _filter, _content = map(option_of, ("Output", _FILTERS, "Content"))


@click.command(name="export", cls=Command)
@click.argument("run", type=click.Path())
@click.argument("format_", metavar="FORMAT", type=click.Choice(tuple(FORMATS)))
@_output(
    "-o",
    "--output",
    metavar="PATH",
    type=LocalPath(),
    help="Folder for the export; of one table, or of one recording, also a file such as voices.csv, or - for standard "
    "output. [default: RUN/export/FORMAT]",
)
@_output(
    "--max-path",
    metavar="N",
    type=click.IntRange(min=1),
    help="Let no path that is written have more characters, from the root on: names of recordings that are longer are "
    "cut, and marked with a hash. Windows takes 259 where it was not set to take more. [default: as they come]",
)
@_filter("--min-duration", metavar="SECONDS", type=float, help="Only segments that last at least so long.")
@_filter("--max-duration", metavar="SECONDS", type=float, help="Only segments that last at most so long.")
@_filter(
    "--min-logprob",
    metavar="FIGURE",
    type=float,
    help="Only segments whose tokens have at least this mean log-probability, such as -0.5.",
)
@_filter(
    "--max-no-speech",
    metavar="FIGURE",
    type=float,
    help="Only segments with at most this probability that nobody speaks, such as 0.5.",
)
@_filter("--max-doubt", metavar="FIGURE", type=float, help="Only segments with at most this doubt, such as 0.2.")
@_filter(
    "--drop-flag",
    "drop_flags",
    metavar="FLAG",
    multiple=True,
    help="No segments with this flag; with empty, incomplete or antiphase, no recordings with it (repeatable).",
)
@review_option(
    _FILTERS,
    "Which decisions of a review are applied: all, with corrected texts and without what was rejected; accepted: only "
    "segments that were accepted or corrected; none: the run as it is.",
)
@conflicts_option(_FILTERS)
@subtitle_options
@clip_options
@_content(
    "--normalize",
    "normalizer",
    type=click.Choice(tuple(NORMALIZERS)),
    help="Write texts as a normalizer leaves them; dataset: as those that Anime Whisper was trained on. "
    "Segments of which nothing is left are left out.",
)
@_content(
    "--speaker",
    metavar="NAME",
    help=f"Who speaks, in {_NAMING}. [default: meta.speaker, else the first folder, else the title; in ass, "
    "meta.speaker]",
)
@_content(
    "--title",
    metavar="NAME",
    help="The data set's name: who speaks where nothing else says it, and what tars are called. [default: the "
    "corpus's]",
)
def export_command(run: str, format_: str, **given: Any) -> None:
    """Write the results in RUN as FORMAT: subtitles, tables, data sets.

    RUN is the output of `awct2 run`, or its URL.

    \b
    A file for each recording:   txt srt vtt ass lrc json
    One table:                   tsv csv parquet
    A voice to be trained:       esd gptsovits ljspeech
    A recogniser to be trained:  hf nemo kaldi lhotse webdataset

    What was decided in a review of RUN is applied. Names mirror the corpus, and the same results give the same bytes.
    The export appears whole or not at all; an earlier one in its folder is replaced, a folder that holds anything else
    is not, nor is a file that -o names. Where it was stopped while clips were cut, the same command goes on with those
    that are left.

    Exit status: 0 all done, 1 it could not go on, 2 wrong usage, 3 some clips could not be cut, 130 interrupted.

    \b
    Examples:
      awct2 export transcripts/ srt
      awct2 export transcripts/ csv -o review/ --min-logprob -0.7
      awct2 export transcripts/ csv -o voices.csv
      awct2 export transcripts/ esd -o Data/voice --max-doubt 0.2
      awct2 export transcripts/ esd -o Data/voice --review accepted
      awct2 export s3://bucket/run parquet -o run-parquet/
    """
    filters = Filters(
        min_duration_s=given["min_duration"],
        max_duration_s=given["max_duration"],
        min_logprob=given["min_logprob"],
        max_no_speech=given["max_no_speech"],
        max_doubt=given["max_doubt"],
        drop_flags=given["drop_flags"],
    )
    clips = read_clip_options(FORMATS[format_], given)
    subtitles = read_subtitle_options(format_, given)
    review = read_review_options(given)
    output: Path | None = given["output"]
    check_has_output(run, output, "the export")
    check_extras(formats=(format_,))
    try:
        with local_runs((run,), reviews=review.review != "none") as runs, _clips_shown() as on_clips:
            done = Export(
                runs.paths[0],
                format_,
                results() if output == _STANDARD_OUTPUT else output,
                filters=filters,
                review=review,
                speaker=given["speaker"],
                title=given["title"],
                normalizer=given["normalizer"],
                clips=clips,
                subtitles=subtitles,
                on_clips=on_clips,
                max_path=given["max_path"],
            ).run()
    except ReaderGone:
        return
    _print_summary(done, review)
    if done.clips_missing:
        sys.exit(EXIT_SOME_FAILED)


@contextmanager
def _clips_shown() -> Iterator[Callable[[ClipResult], None]]:
    """Count clips on a terminal while they are cut, and name the recordings that cannot be."""
    with ExitStack() as shown:
        cut: Callable[[int], object] | None = None

        def show(result: ClipResult) -> None:
            """Count the clips of a recording; the bar appears with the first."""
            nonlocal cut
            if cut is None:
                cut = shown.enter_context(bar(unit="clip", desc="cutting")).update
            if result.missing:
                note_above_bar(f"{result.id}: {counted(len(result.missing), 'clip')} not cut: {result.message}")
            cut(result.written + result.resumed)

        yield show


def _print_summary(done: Exported, review: ReviewOptions) -> None:
    clips = (
        (done.clips_written, "cut"),
        (done.clips_resumed, "cut before"),
        (done.clips_missing, "that could not be cut"),
    )
    notes = [f"{counted(count, 'clip')} {what}" for count, what in clips if count]
    if done.left_out:
        notes.insert(0, f"{counted(done.left_out, 'recording')} left out")
    head = f"{counted(done.recordings, 'recording')}, {counted(done.rows, 'segment')}"
    note(f"{', '.join([head, *notes])}: {done.path or 'standard output'}")
    why = ", ".join(f"{count:,} {reason}" for reason, count in done.filtered.most_common())
    if why:
        note(f"{counted(done.filtered.total(), 'segment')} left out: {why}")
    if done.review is not None:
        note(_of_review(done.review, review.conflicts))
    if done.unfinished:
        note(f"Warning: {done.unfinished}")
    if not done.rows:
        note(f"Warning: nothing is left: {why or 'the run has no segments'}")


def _of_review(counts: Counts, conflicts: Conflicts | None) -> str:
    """Say what of a review was applied, and what could not be."""
    figures = (
        (counts.accepted, "accepted"),
        (counts.corrected, "corrected"),
        (counts.rejected, "rejected"),
        (counts.conflicts, f"in conflict, {'left out' if conflicts == 'drop' else f'the {conflicts} counts'}"),
    )
    notes = [f"{count:,} {what}" for count, what in figures if count]
    if counts.stale:
        notes.append(f"{counted(counts.stale, 'decision')} out of date, not applied")
    return f"{counted(counts.decisions, 'decision')} of a review: {', '.join(notes) or 'none that stands'}"
