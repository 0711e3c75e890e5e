"""`awct2 merge`: the runs of the parts, as one run."""

from __future__ import annotations

from pathlib import Path

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.printing import note
from anime_whisper_ct2.cli.shared import LocalPath, check_has_output
from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.output.merge import merge, shard_folders
from anime_whisper_ct2.output.storage import local_runs


@click.command(name="merge", cls=Command)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=LocalPath(),
    help="Folder for the joined run. [default: RUN, where it is one that holds shard-* folders]",
)
@click.option("--incomplete", is_flag=True, help="Join what there is: shards may be missing or unfinished.")
@click.option("--overwrite", is_flag=True, help="Replace the results of a run that is no merge.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def merge_command(runs: tuple[str, ...], output: Path | None, incomplete: bool, overwrite: bool, quiet: bool) -> None:
    """Join the runs in RUN..., such as shards, into one run.

    Every other command reads it like a run of the whole corpus. Each RUN is the output of `awct2 run --shard I/N`, a
    folder that holds them as shard-*, or the URL of either. Refused are shards that differ in settings or inputs, that
    are missing, unfinished or there twice. Runs over different corpora, without --shard, can be joined where no id is
    in two of them. The parts stay as they are. Merging again replaces the earlier merge. What was decided in a review
    of a part comes along, and what was decided about an earlier merge stays.

    Exit status: 0 done, 1 the folder cannot be written, 2 wrong usage or parts that do not make a whole.

    \b
    Examples:
      awct2 merge transcripts/                        # holds shard-0 to shard-3
      awct2 merge part-0/ part-1/ -o transcripts/
      awct2 merge transcripts/ --incomplete
      awct2 merge s3://bucket/shards/ -o transcripts/
    """
    for run in runs:
        check_has_output(run, output, "the joined run")
    with local_runs(runs, shards=True) as here:
        paths = tuple(map(Path, here.paths))
        if output is None:
            if len(paths) != 1 or not shard_folders(paths[0]):
                raise InputError("no folder named for the joined run; name one with -o")
            output = paths[0]
        merged = merge(paths, output, incomplete=incomplete, overwrite=overwrite, called=here.named)
    if quiet:
        return
    parts, transcribed = counted(len(merged.parts), "part"), counted(merged.transcribed, "recording")
    failed = f", {merged.failed:,} failed" if merged.failed else ""
    note(f"{parts} joined: {transcribed} transcribed{failed}: {output}")
    if merged.review.decisions:
        by = counted(merged.review.reviewers, "reviewer")
        note(f"Review: {counted(merged.review.decisions, 'decision')} by {by}.")
    for line in merged.notes:
        note(f"Note: {line}.")
