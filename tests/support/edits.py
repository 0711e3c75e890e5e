"""Tables as somebody edits them: with the csv module, as spreadsheets save them, or as lines of text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from anime_whisper_ct2.export.edited import Corrected, Correction
from anime_whisper_ct2.records import Transcript
from tests.support.runs import write_run

Rows = list[dict[str, str]]


def rows_of(table: Path) -> Rows:
    """Read a csv or tsv as its export has written it."""
    text = table.read_bytes().decode("utf-8-sig")
    if table.suffix == ".csv":
        return list(csv.DictReader(io.StringIO(text, newline="")))
    head, *lines = text.split("\n")[:-1]
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]


def save(table: Path, rows: Rows, encoding: str = "utf-8-sig", end: str = "\n", **how: Any) -> Path:
    """Write rows as a program does; `how` goes to the csv module."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=end, **how)
    writer.writeheader()
    writer.writerows(rows)
    table.write_bytes(text.getvalue().encode(encoding, "replace"))
    return table


def edit(table: Path, change: Callable[[Rows], object]) -> Path:
    """Change rows of a csv or tsv where it lies."""
    rows = rows_of(table)
    change(rows)
    if table.suffix == ".csv":
        return save(table, rows)
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    table.write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8", newline="\n")
    return table


def say(column: str, *values: str) -> Callable[[Rows], None]:
    """Give what puts values into a column, from the first row on."""

    def change(rows: Rows) -> None:
        for row, value in zip(rows, values, strict=False):
            row[column] = value

    return change


def replaced(file: Path, before: str, after: str) -> Path:
    """Replace what is in a list once."""
    text = file.read_text("utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, after), encoding="utf-8", newline="\n")
    return file


def write_heard(folder: Path, write_tone: Callable[..., Path], *transcripts: Transcript) -> Path:
    """Write a run over recordings that are there, a tone in each, so that clips can be cut."""
    corpus = folder / "corpus"
    for one in transcripts:
        write_tone(f"corpus/{one.id}", seconds=one.duration, rate=16_000)
    run = write_run(folder / "run", *(replace(one, audio=str(corpus / one.id)) for one in transcripts))
    (run / "run.json").write_text(json.dumps({"inputs": [str(corpus)], "settings": {}}), encoding="utf-8")
    return run


def correct(run: Path, table: Path, reviewer: str = "花子", *, dry_run: bool = False, **how: Any) -> Corrected:
    """Take a table into the review of a run."""
    return Correction(run, table, reviewer=reviewer, **how).run(dry_run=dry_run)
