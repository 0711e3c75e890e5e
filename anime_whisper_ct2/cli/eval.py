"""`awct2 eval`: how well was it heard?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.cli.printing import note, say, say_json
from anime_whisper_ct2.cli.review_options import conflicts_option, is_given, read_review_options, review_option
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.evaluation import (
    EVAL,
    EXAMPLES,
    REVIEW,
    Columns,
    EvalOptions,
    Evaluation,
    Grouping,
    Texts,
    as_json,
    as_markdown,
    evaluate,
    example_table,
    open_texts,
    texts_of_meta,
    texts_of_review,
)
from anime_whisper_ct2.evaluation.chart import draw_chart
from anime_whisper_ct2.evaluation.joining import said
from anime_whisper_ct2.output.charts import check_chart
from anime_whisper_ct2.output.storage import LocalRuns, local_runs
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.reviews import ReviewOptions
from anime_whisper_ct2.system.commands import command_line
from anime_whisper_ct2.system.files import patiently
from anime_whisper_ct2.system.paths import at_home
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.text import NORMALIZERS

META = "meta"
EXIT_ABOVE = 3
_SCORE = "Comparison"
_score, _columns, _result = map(option_of, (_SCORE, "Columns of tables", "Output"))


@click.command(name="eval", cls=Command)
@click.argument("hyp", metavar="[NAME=]HYP...", nargs=-1, required=True)
@click.argument("ref")
@_score(
    "--normalizer",
    type=click.Choice(tuple(NORMALIZERS)),
    default=EVAL.normalizer,
    show_default=True,
    help="What both sides go through first.",
)
@_score(
    "--group-by",
    metavar="WHAT",
    default=str(EVAL.grouping),
    show_default=True,
    help="folder (of the id; folder:2 for two), tar, column:NAME of REF or the run's meta, or none.",
)
@_score(
    "--missing",
    type=click.Choice(("skip", "empty")),
    default="skip",
    show_default=True,
    help="References that a run has nothing for: leave out, or count as if it had heard nothing.",
)
@_score(
    "--resamples",
    metavar="N",
    type=int,
    default=EVAL.resamples,
    show_default=True,
    help="Resamples of the bootstrap, for the intervals.",
)
@review_option(
    _SCORE,
    "Which decisions of a review are applied to runs: all, only what was accepted or corrected, or none: the runs as "
    "they are.",
)
@conflicts_option(_SCORE)
@_columns("--id-column", metavar="NAME", help="Column of HYP tables with the id or path. [default: guessed]")
@_columns("--text-column", metavar="NAME", help="Column of HYP tables with the text. [default: guessed]")
@_columns("--ref-id-column", metavar="NAME", help="The same in REF. [default: guessed]")
@_columns("--ref-text-column", metavar="NAME", help="The same in REF; with meta, its key. [default: guessed]")
@_result("--max-cer", metavar="PERCENT", type=float, help="End with status 3 when a run's rate is higher.")
@_result("--json", "as_json_", is_flag=True, help="Print JSON instead of the tables.")
@_result("--plot", metavar="FILE", type=LocalPath(), help="Write a chart, .svg or .png; needs [plot].")
@_result(
    "--examples",
    metavar="FILE",
    type=LocalPath(),
    help="Write the lines where runs differ most, as a Markdown table.",
)
@_result(
    "--example-count",
    metavar="N",
    type=click.IntRange(1),
    default=EXAMPLES,
    show_default=True,
    help="How many of these lines.",
)
def eval_command(hyp: tuple[str, ...], ref: str, **given: Any) -> None:
    """Compare texts with references: the character error rate.

    Several runs, HYP, can be compared with the references, REF, at once. Rates are in percent.

    \b
    HYP: the output folder of `awct2 run` or its URL, or JSONL, CSV, TSV with an
         id (or path) and a text, or an esd.list.
    REF: a manifest (JSONL, CSV, TSV), an esd.list or GPT-SoVITS .list, a folder
         of .txt that mirrors the corpus, WebDataset tars, a Kaldi `text`, or the
         word meta: the text that the first run keeps in meta.text, or the word
         review: what was decided in a review of the first run.

    Both are joined by id; what is missing on either side is said on standard error. Several runs are compared over the
    recordings that all of them have. Intervals are those of a bootstrap over recordings, 95 %. With review as REF, runs
    are scored as they are, over the segments that were accepted or corrected; several over the recordings of which all
    were.

    Exit status: 0, or 3 where --max-cer is exceeded.

    \b
    Examples:
      awct2 eval transcripts/ references.jsonl
      awct2 eval v3=out-v3/ anime=out-anime/ corpus/ --examples examples.md
      awct2 eval transcripts/ meta --group-by tar --json
      awct2 eval transcripts/ review
      awct2 eval s3://bucket/run references.jsonl
    """
    if given["plot"] is not None:
        check_chart(given["plot"])
    options = EvalOptions(
        given["normalizer"], Grouping.parse(given["group_by"]), given["missing"] == "empty", given["resamples"]
    )
    names, paths = zip(*map(_split_name, hyp), strict=True)
    review = read_review_options(given)
    if ref == REVIEW and is_given("review"):
        raise InputError("--review has no effect: with review as REF, runs are scored as they are; leave it out")
    with local_runs((*paths, ref), others=True, reviews=review.review != "none") as here:
        columns = Columns(given["id_column"], given["text_column"])
        runs = _open_runs(names, here, columns, None if ref == REVIEW else review)
        ref_columns = Columns(given["ref_id_column"], given["ref_text_column"])
        reference = _open_reference(here.paths[-1], ref_columns, runs, review)
        _check_order(runs, reference, here)
        evaluation = evaluate(runs, reference, options)
        for line in _notes(evaluation, runs, reference):
            note(here.named(line))
        if given["as_json_"]:
            say_json(_renamed(as_json(evaluation), here.named))
        else:
            say(as_markdown(evaluation))
        if given["plot"] is not None and (warning := draw_chart(evaluation, given["plot"])):
            note(warning)
        if given["examples"] is not None:
            _write(given["examples"], example_table(evaluation, runs, reference, given["example_count"]))
    if given["max_cer"] is not None:
        worse = [run.name for run in evaluation.runs if run.total.errors.cer > given["max_cer"]]
        if worse:
            note(f"Above {given['max_cer']:g} %: {', '.join(worse)}")
            sys.exit(EXIT_ABOVE)


def _check_order(runs: Mapping[str, Texts], reference: Texts, here: LocalRuns) -> None:
    """Refuse a run as REF of what is none: the two are swapped, and rates of the wrong texts would look right."""
    if reference.run is None or reference.path in [texts.path for texts in runs.values()]:
        return
    if any(texts.run is not None for texts in runs.values()):
        return
    others = [here.named(texts.path) for texts in runs.values()]
    run = here.named(reference.path)
    if len(others) > 1:
        raise InputError(f"{run} is a run and stands last, where the references go; name those last")
    raise InputError(
        f"{run} is a run and {others[0]} is none: the run comes first, and then the references; swap them: "
        f"{command_line('awct2', 'eval', run, others[0])}"
    )


def _open_runs(
    names: Iterable[str | None], here: LocalRuns, columns: Columns, review: ReviewOptions | None
) -> dict[str, Texts]:
    """Open the runs by name: the one that is given, or that of the file or folder."""
    opened = []
    for name, path in zip(names, here.paths, strict=False):  # behind them are the references
        texts = open_texts(path, heard=True, review=review)
        # Among runs and tables, the columns are the tables'.
        opened.append((name, open_texts(path, columns, heard=True) if texts.columns_count else texts))
    if columns != Columns() and not any(texts.columns_count for _, texts in opened):
        raise InputError("--id-column and --text-column are for tables, and no HYP is one; leave them out")
    short = [name or texts.name for name, texts in opened]
    runs: dict[str, Texts] = {}
    for name, texts in opened:
        # Folders of one name lie in different places.
        called = name or (texts.name if short.count(texts.name) == 1 else here.named(texts.path))
        if called in runs:
            raise InputError(f"two runs are called {called!r}; tell them apart with NAME=HYP")
        runs[called] = texts
    return runs


def _split_name(written: str) -> tuple[str | None, str]:
    """Take `NAME=` off a path, unless the whole is a URL or a path that exists."""
    name, equals, path = written.partition("=")
    if not (name and equals and path) or is_url(written) or os.path.exists(at_home(written)):  # noqa: PTH110 - as the readers
        return None, written
    return name, path


def _open_reference(given: str, columns: Columns, runs: dict[str, Texts], review: ReviewOptions) -> Texts:
    """Open the references; where those are a review, the first of the runs becomes what it heard of the same."""
    if given not in (META, REVIEW):
        return open_texts(given, columns, heard=False, review=review)
    if columns.id is not None:
        raise InputError(f"--ref-id-column is for tables, and {given} has the ids of the run; leave it out")
    name, first = next(iter(runs.items()))
    if given == META:
        return texts_of_meta(first, columns.text)
    if columns.text is not None:
        raise InputError(f"--ref-text-column is for tables and meta, and the references are {given}; leave it out")
    runs[name], reference = texts_of_review(first, review.conflicts, whole=len(runs) > 1)
    return reference


def _renamed(value: Any, named: Callable[[str], str]) -> Any:
    """Put the URLs of runs into JSON values, in which paths are not escaped yet."""
    match value:
        case str():
            return named(value)
        case list():
            return [_renamed(each, named) for each in value]
        case dict():
            return {key: _renamed(each, named) for key, each in value.items()}
    return value


def _notes(evaluation: Evaluation, runs: Mapping[str, Texts], reference: Texts) -> Iterator[str]:
    """Say what did not take part, and why, and what was decided about runs."""
    for name, texts in runs.items():
        yield from texts.notes(name)
    yield from reference.notes("references")
    yield from said("references", evaluation.duplicates, "name", "a recording again; the first text counts")
    yield from said("references", evaluation.without_text, "have", reference.lacking)
    for run in evaluation.runs:
        failed = f" ({run.failed:,} of them failed in the run)" if run.failed else ""
        then = "counted as empty" if evaluation.options.missing_is_empty else "left out"
        yield from said(run.name, run.missing, "of the references have", f"nothing{failed}, {then}")
        yield from said(run.name, run.by_ends, "have", "the reference whose path ends alike")
        yield from said(run.name, run.extra, "have", "no reference, left out")
        yield from said(run.name, run.duplicates, "name", "a recording again; the first text counts")
        yield from said(run.name, run.without_text, "have", "no text that can be read")


def _write(path: Path, text: str) -> None:
    try:
        patiently(lambda: path.write_text(text + "\n", encoding="utf-8", newline="\n"))
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error
