"""`awct2 average`: checkpoints in, one out that is the average of them, or of those with which texts are best."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from anime_whisper_ct2.cli.commands import Command
from anime_whisper_ct2.cli.ending import expendable
from anime_whisper_ct2.cli.extras import check_search
from anime_whisper_ct2.cli.groups import option_of
from anime_whisper_ct2.cli.pacing import duration
from anime_whisper_ct2.cli.printing import note, say, say_json
from anime_whisper_ct2.cli.progress import ConversionProgress, SearchProgress
from anime_whisper_ct2.cli.search_options import Wanted, read_search_options, search_options
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.errors import InputError, one_line
from anime_whisper_ct2.system.paths import at_home

_DTYPES = ("float32", "float16", "bfloat16")
_NAMED = 3  # checkpoints that a line names
_WEIGHT = re.compile(r"[0-9]*\.?[0-9]+,?")
_average, _result = map(option_of, ("Average", "Output"))


@click.command(name="average", cls=Command, options_metavar="[OPTIONS] -o OUT")
@click.argument("checkpoints", metavar="CHECKPOINT...", nargs=-1, required=True)
@_average("--weights", metavar="W,W,...", help="How much of each checkpoint, in their order. [default: all alike]")
@_average(
    "--range",
    "range_",
    metavar="I:J",
    help="Only those from I to before J, counting from 0; either may be negative, or left out, as in Python.",
)
@_average(
    "--layers",
    metavar="PATTERN=WHAT",
    multiple=True,
    help="Take the tensors whose names fit from WHAT: a checkpoint, I:J, or weights (repeatable). All others follow "
    "--weights or --range.",
)
@_average("--dtype", type=click.Choice(_DTYPES), help="Type of the new weights. [default: that of the first]")
@_average(
    "--tokenizer",
    metavar="SOURCE",
    help="Folder or hub id with a tokenizer, where the checkpoints bring none along. [default: that of the last]",
)
@search_options
@_result(
    "-o",
    "--output",
    metavar="OUT",
    type=LocalPath(),
    required=True,
    help="Folder for the new checkpoint; it is there when all is done.",
)
@_result(
    "--work",
    metavar="FOLDER",
    type=LocalPath(),
    help="Folder for what a search knows so far; it stays. [default: OUT.work, which goes when all is done]",
)
@_result("--overwrite", is_flag=True, help="Replace an earlier result in OUT.")
@_result("--json", "as_json_", is_flag=True, help="Print average.json; of a search, search.json instead of the table.")
@_result("-q", "--quiet", is_flag=True, help="Print nothing but what a search has found, what OUT lacks, and errors.")
def average_command(checkpoints: tuple[str, ...], **given: Any) -> None:
    """Average the weights of CHECKPOINT... into one checkpoint.

    Each CHECKPOINT is a hub id, with @REVISION behind it if wanted, or a folder; a folder that holds checkpoint-N
    folders stands for those, in the order of N; one that is a checkpoint itself, only where nothing else is named. All
    count alike without --weights, --range and --layers. OUT is a checkpoint again, with the tokenizer and the configs
    of the last one, and average.json, which says what it was made of. Needs no torch, and little memory.

    With --search, averages are tried on recordings whose right texts are known. The one with the lowest CER becomes
    OUT, with search.json, search.md and search.svg, and is compared with the last and the best single checkpoint on
    recordings that were held out. The same command goes on where it was stopped.

    Exit status: 0 written, 1 it could not go on, 2 wrong usage, 130 interrupted.

    \b
    Examples:
      awct2 average run/checkpoint-4000 run/checkpoint-5000 -o averaged/
      awct2 average run/ --range -3: -o last-three/
      awct2 average a/ b/ --layers "encoder*=a/" --layers "decoder*=b/" -o mixed/
      awct2 average run/ --search clips/ --references texts.csv -o best/
    """
    wanted = read_search_options(given)
    if wanted is not None:
        check_search()
    # Imported when it is needed, as in `awct2 convert`.
    from anime_whisper_ct2_convert.averaging import expanded, order_warning, passed_over  # noqa: PLC0415

    checkpoints, further = _told_apart(checkpoints, given["layers"], given["weights"])
    names = expanded(checkpoints)
    if not given["quiet"]:
        warning = order_warning(names, in_order=wanted is not None or given["range_"] is not None)
        for line in (*passed_over(checkpoints), *([warning] if warning else [])):
            note(one_line(line))
    if wanted is None:
        _make(names, further, given)
    else:
        _find(names, wanted, given)


def _told_apart(
    checkpoints: Sequence[str], layers: Sequence[str], weights: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the checkpoints, and the layers that stand among them behind a single --layers."""
    further = tuple(one for one in checkpoints if layers and one.partition("=")[2] and not _is_there(one))
    names = tuple(given for given in checkpoints if given not in further)
    if not names:
        raise InputError("no CHECKPOINT is named beside --layers, which chooses among them; name them too")
    if weights is not None and (more := [one for one in names if _WEIGHT.fullmatch(one) and not _is_there(one)]):
        together = ",".join(part.strip(" ,") for part in (weights, *more))
        raise InputError(
            f"--weights: {more[0]} stands among the checkpoints; write them with commas between: {together}"
        )
    return names, further


def _is_there(name: str) -> bool:
    return os.path.lexists(at_home(name))


def _make(names: Sequence[str], further: Sequence[str], given: dict[str, Any]) -> None:
    """Make the average that the options describe. `further`: layers that stood among the checkpoints."""
    from anime_whisper_ct2_convert.averaging import average, read_recipe, short_names  # noqa: PLC0415
    from anime_whisper_ct2_convert.averaging.writing import RECORD  # noqa: PLC0415

    quiet, out = given["quiet"], given["output"]
    layers = (*given["layers"], *further)
    with _naming(further), ConversionProgress(quiet=quiet) as progress:
        recipe = read_recipe(names, weights=given["weights"], range_=given["range_"], layers=layers)
        made = average(
            names,
            out,
            recipe,
            dtype=given["dtype"],
            tokenizer=given["tokenizer"],
            overwrite=given["overwrite"],
            progress=progress,
            on_note=progress.note,
        )
    if given["as_json_"]:
        _say_file(made.path / RECORD)
    if quiet and made.lacking:
        note(made.lacking)
    if not quiet:
        called = dict(zip(names, short_names(names), strict=True))
        named = [called[source] for source in made.sources[:_NAMED]]
        more = ["…"] if len(made.sources) > _NAMED else []
        note(one_line(f"{len(made.sources):,} of {len(names):,}: {', '.join([*named, *more])}"))
        size = f"{made.n_bytes / 1e6:,.0f} MB"
        note(one_line(f"{made.path}: {made.dtype or 'several types'}, {size}, {duration(made.wall_s)}"))


@contextmanager
def _naming(further: Sequence[str]) -> Iterator[None]:
    """Say of an argument that came to nothing as one of --layers why it was taken for that."""
    try:
        yield
    except InputError as error:
        for one in further:
            if str(error).startswith((f"--layers {one!r}:", f"--layers {one.partition('=')[0].strip()}:")):
                raise InputError(f"{error} (it was taken for a --layers, since there is no folder {one})") from error
        raise


def _find(names: Sequence[str], wanted: Wanted, given: dict[str, Any]) -> None:
    """Make the average that is best on a corpus."""
    # With them comes Optuna.
    from anime_whisper_ct2.search.course import search  # noqa: PLC0415
    from anime_whisper_ct2.search.report import CHART, RESULT, TABLE, as_table, verdicts  # noqa: PLC0415

    quiet, out = given["quiet"], given["output"]
    try:
        with expendable(), SearchProgress(quiet=quiet) as progress:
            found = search(
                names,
                wanted.corpus,
                wanted.references,
                out,
                wanted.options,
                study=given["study"],
                work=given["work"],
                overwrite=given["overwrite"],
                tokenizer=given["tokenizer"],
                dtype=given["dtype"],
                audio=wanted.audio,
                on_advance=progress,
                on_note=progress.note,
            )
    except KeyboardInterrupt:
        note("The same command goes on from what is done.")
        raise
    if given["as_json_"]:
        _say_file(out / RESULT)
    else:
        say(as_table(found))
    if not quiet:
        for line in verdicts(found):
            note(one_line(line))
        note(one_line(f"{out}: the new checkpoint, with {RESULT}, {TABLE} and {CHART}"))


def _say_file(path: Path) -> None:
    """Print what lies beside the new checkpoint as JSON."""
    say_json(json.loads(path.read_text(encoding="utf-8")))
