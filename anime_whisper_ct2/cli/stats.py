"""`awct2 stats`: what did a run come to?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.groups import OPTIONS, option_of
from anime_whisper_ct2.cli.printing import bar, note, say, say_json
from anime_whisper_ct2.cli.review_options import Reviewing, review_option
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.output.charts import check_chart
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.storage import local_runs
from anime_whisper_ct2.reviews import ReviewOptions
from anime_whisper_ct2.stats import GROUPINGS, Grouping, RunStats, StatsOptions, as_json, as_text, run_stats
from anime_whisper_ct2.stats.chart import draw

_DEFAULTS = StatsOptions()
_option = option_of(OPTIONS)


@click.command(name="stats", cls=Command)
@click.argument("run", type=click.Path())
@_option(
    "--group-by",
    type=click.Choice(GROUPINGS),
    default=_DEFAULTS.group_by,
    show_default=True,
    help="folder: figures for each first folder or archive of the ids.",
)
@_option(
    "--top",
    metavar="N",
    type=click.IntRange(min=0),
    default=_DEFAULTS.top,
    show_default=True,
    help="Recordings in each list of the slowest and the worst.",
)
@review_option(
    OPTIONS,
    "Which decisions of a review the figures take in: all, only what was accepted or corrected, or none: those of the "
    "run as it is.",
)
@_option("--json", "as_json_", is_flag=True, help="Print JSON instead of the tables.")
@_option("--plot", metavar="FILE", type=LocalPath(), help="Draw a .svg or .png; needs [plot].")
def stats_command(run: str, group_by: Grouping, top: int, review: Reviewing, as_json_: bool, plot: Path | None) -> None:
    """Say what the results in RUN come to, and what to listen to first.

    RUN is the output of `awct2 run`, or its URL. Hours, recordings, segments and characters; what is empty, flagged or
    failed; how lengths, characters a second and log-probabilities are spread; the same amounts for each folder; and the
    recordings to listen to first. Of a run that was reviewed, texts are as corrected and rejected segments count for
    nothing, and it says what the review has come to, by reviewer. RUN may also be a transcripts.jsonl alone, or the
    output of a run that is going on. Where run.json says otherwise than the files, a line on standard error says so.

    Exit status: 0 done, 1 the chart cannot be written, 2 wrong usage or no run there.

    \b
    Examples:
      awct2 stats transcripts/
      awct2 stats transcripts/ --json --plot transcripts.svg
      awct2 stats s3://bucket/run
    """
    options = StatsOptions(group_by, top, ReviewOptions(review))
    if plot is not None:
        check_chart(plot)
    with local_runs((run,), reviews=review != "none") as runs:
        stats = _stats(RunFolder(runs.paths[0]), options)
        stats = replace(stats, run=runs.named(stats.run), warnings=tuple(map(runs.named, stats.warnings)))
    if plot is not None:
        draw(stats, plot)
    if as_json_:
        say_json(as_json(stats))
    else:
        say(as_text(stats))
    for warning in stats.warnings:
        note(f"Warning: {warning}")


def _stats(run: RunFolder, options: StatsOptions) -> RunStats:
    # Only where there is something to wait for.
    with bar(total=len(run), unit="clip", delay=1) as done:
        return run_stats(run, options, done.update)
