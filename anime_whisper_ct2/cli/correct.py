"""`awct2 correct`: an edited table in, decisions of a review out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.printing import note, say, say_json
from anime_whisper_ct2.cli.review import login_name
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.errors import counted, one_line
from anime_whisper_ct2.export.edited import Change, Corrected, Correction, Making, Remark, marked

EXIT_SOME_LEFT_OUT = 3
# So many rows are named.
_NAMED = 5
_DONE: Mapping[Making, str] = {"correct": "corrected", "reject": "rejected", "trim": "trimmed"}


@click.command(name="correct", cls=Command)
@click.argument("run", type=LocalPath())
@click.argument("table", type=LocalPath())
@click.option("--dry-run", is_flag=True, help="Show what changes, and write nothing.")
@click.option(
    "--reviewer",
    metavar="NAME",
    help="Who decides; each has a log of their own. [default: the login name]",
)
@click.option(
    "--reject-missing",
    is_flag=True,
    help="Reject the segments whose rows are gone, too: in the folder of the export, where its filters are known.",
)
@click.option(
    "--force", is_flag=True, help="Take the table's also where the review has said otherwise since the export."
)
@click.option("--json", "as_json_", is_flag=True, help="Print JSON instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and rows that are left out.")
def correct_command(run: Path, table: Path, **given: Any) -> None:
    """Take corrections out of an exported TABLE into the review of RUN.

    TABLE is a csv, tsv, esd.list or GPT-SoVITS .list that `awct2 export` wrote, edited by hand; it may have been saved
    again by a spreadsheet. A changed text corrects its segment, an empty one rejects it, and other times in csv or tsv
    trim it; other columns, and rows that are gone, change nothing. What was changed in the review since the export
    stays as it is there, and is named.

    What changes is shown, and appended to RUN/review/ as `awct2 review` does, as one step that its page can undo; RUN
    itself stays as it is. `awct2 export`, `eval` and `stats` apply it.

    Exit status: 0 done, 1 the log cannot be written, 2 wrong usage, or no table of RUN, 3 some rows were left out.

    \b
    Examples:
      awct2 export transcripts/ csv -o corrections/
      awct2 correct transcripts/ corrections/transcripts.csv --dry-run
      awct2 correct transcripts/ Data/voice/esd.list --reviewer mika
    """
    reviewer = given["reviewer"] if given["reviewer"] is not None else login_name()
    correction = Correction(run, table, reviewer=reviewer, reject_missing=given["reject_missing"], force=given["force"])
    done = correction.run(dry_run=given["dry_run"])
    if given["as_json_"]:
        say_json(_as_json(done))
    elif done.changes and not given["quiet"]:
        say("\n".join(map(_line, done.changes)))
    if not given["quiet"]:
        for line in _counts(done, dry_run=given["dry_run"]):
            note(line)
    for line in _left_out(done):
        note(line)
    if done.unusable or done.conflicts:
        sys.exit(EXIT_SOME_LEFT_OUT)


def _line(change: Change) -> str:
    """Show a change: id, times, and what becomes of it."""
    texts = one_line(change.before), one_line(change.after)
    if change.action == "trim" and change.to is not None:
        what = f"trimmed to {_times(*change.to)}  {texts[0]}"
    else:
        what = f"rejected  {texts[0]}" if change.action == "reject" else marked(*texts)
    return f"{one_line(change.id)}  {_times(change.start, change.end)}  {what}"


def _times(start_s: float, end_s: float) -> str:
    return f"{start_s:.3f}-{end_s:.3f}"


def _counts(done: Corrected, *, dry_run: bool) -> Iterator[str]:
    """Say what the table came to."""
    by_action = Counter(change.action for change in done.changes)
    what = ", ".join(f"{by_action[action]:,} {word}" for action, word in _DONE.items() if by_action[action])
    already = f", {counted(done.already, 'change')} that the review has already" if done.already else ""
    if done.log is not None:
        where = f": {done.log}"
    elif done.changes:
        where = "; nothing was written: --dry-run" if dry_run else ""
    else:
        where = "; nothing to do"
    yield f"{counted(done.rows, 'row')}, {counted(len(done.changes), 'change')}{what and f' ({what})'}{already}{where}"
    if done.ignored:
        columns = ", ".join(f"{name} ({counted(count, 'row')})" for name, count in done.ignored.items())
        yield f"Note: only texts and times can be corrected; changes are ignored in {columns}."
    if done.unknown_columns:
        yield f"Note: no columns of an export, and ignored: {', '.join(map(one_line, done.unknown_columns))}."
    if done.rounded:
        yield f"Note: times have lost decimals in {counted(done.rounded, 'row')}, and stay as they were."
    if done.normalizer is not None:
        yield f"Note: by the look of its texts, the table was exported with --normalize {done.normalizer}."


def _left_out(done: Corrected) -> Iterator[str]:
    """Name the rows that were left out."""
    if done.unusable:
        yield f"Warning: {counted(len(done.unusable), 'row')} not used: {_named(done.unusable)}"
    if done.conflicts:
        yield (
            f"Warning: {counted(len(done.conflicts), 'row')} left out, changed in the review since the export: "
            f"{_named(done.conflicts)}; --force takes the table's"
        )


def _named(remarks: Sequence[Remark]) -> str:
    first = "; ".join(f"line {each.line}: {each.why}" if each.line else each.why for each in remarks[:_NAMED])
    return first + ("; …" if len(remarks) > _NAMED else "")


def _as_json(done: Corrected) -> dict[str, Any]:
    return {
        "rows": done.rows,
        "fitting": done.fitting,
        "changes": [asdict(change) for change in done.changes],
        "already": done.already,
        "unusable": [asdict(remark) for remark in done.unusable],
        "conflicts": [asdict(remark) for remark in done.conflicts],
        "ignored": dict(done.ignored),
        "unknown_columns": list(done.unknown_columns),
        "rounded": done.rounded,
        "normalizer": done.normalizer,
        "batch": done.batch,
        "log": None if done.log is None else str(done.log),
    }
