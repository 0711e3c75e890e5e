"""Edited tables read: as an export has written them, and as spreadsheets and editors save them again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.export.edited.records import Remark, Row, Table
from anime_whisper_ct2.export.formats.plain import shown
from anime_whisper_ct2.export.formats.tables import COLUMNS
from anime_whisper_ct2.readers.lists.encodings import LEGACY, as_utf8, encoding_of
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES, lines_of
from anime_whisper_ct2.readers.remote import open_stream

# What a table has to have; a spreadsheet may move the others, or drop them.
NEEDED = ("id", "start", "end", "text")
LISTED = ("path", "speaker", "language", "text")
_MARK = "|"
_SEPARATORS = (",", ";", "\t")
# What Excel takes for the name of its separator, and not for a row.
_NAMED_SEPARATOR = re.compile(r'"?sep=.\s*"?')
# A row that goes on for longer has a quote that is not closed.
_MOST_LINES = 100
# Within so many lines it shows what a file is.
_MOST_BEFORE = 1000
_KINDS = {b"PK\x03\x04": "a workbook", b"PAR1": "a Parquet file"}
_BROKEN = "is no valid text; save the table as UTF-8"


def read_table(path: Path) -> Table:
    """Read a table or a list, told by what is in it.

    Raises InputError for what is neither, or holds no row.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the table in it, such as {path / 'transcripts.csv'}")
    _check_text(path)
    legacy = _Noted(lines_of(str(path)))
    decoded = map(_decoded, as_utf8(legacy))
    # What is no table may be of any size.
    lines = list(islice(decoded, _MOST_BEFORE))
    first = next((at for at, line in enumerate(lines) if _says_something(line)), None)
    if first is None:
        raise InputError(f"{path}: is empty; name a table that `awct2 export` has written")
    head = lines[first] or ""
    separator = _separator(head)
    if separator is None and not any(map(_is_listed, lines)):
        raise _no_table(path, head)
    lines += decoded
    if separator is not None:
        columns = tuple(map(_column, _fields(head, separator) or ()))
        rows, faults = _rows(lines, first + 1, separator, columns)
        table = Table(path, "table", separator, columns, rows, faults, legacy.found, _decimals(rows, columns))
    else:
        rows, faults = _listed(lines)
        table = Table(path, "list", _MARK, LISTED, rows, faults, legacy.found)
    if not table.rows and not table.faults:
        raise InputError(f"{path}: holds no row; name a table that `awct2 export` has written")
    return table


def _check_text(path: Path) -> None:
    """Raise InputError for what spreadsheets and exports have beside text."""
    with open_stream(str(path)) as file:
        kind = _KINDS.get(file.read(4))
    if kind is not None:
        raise InputError(f"{path}: is {kind}; save it as CSV in UTF-8, and name that")


class _Noted:
    """Lines on their way, and whether one was seen that is in cp932."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = lines
        self.found = False

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.found = self.found or encoding_of(line) == LEGACY
            yield line


def _decoded(line: bytes) -> str | None:
    """Decode a line; None where it is no text, or longer than any row."""
    if len(line) > MAX_ROW_BYTES or b"\0" in line:
        return None
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _says_something(line: str | None) -> bool:
    return line is not None and bool(line.strip()) and not _NAMED_SEPARATOR.fullmatch(line.lower())


def _is_listed(line: str | None) -> bool:
    return line is not None and line.count(_MARK) == len(LISTED) - 1


def _separator(head: str) -> str | None:
    """Say what parts the fields of a head; None of a line that is no head."""
    for separator in _SEPARATORS:
        if set(NEEDED) <= set(map(_column, _fields(head, separator) or ())):
            return separator
    return None


def _column(name: str) -> str:
    """Give the name of a column: those that an export writes in lower case, whatever a program makes of them."""
    plain = name.strip()
    return plain.lower() if plain.lower() in COLUMNS else plain


def _no_table(path: Path, head: str) -> InputError:
    names = [_column(name) for separator in _SEPARATORS for name in _fields(head, separator) or ()]
    missing = [name for name in NEEDED if name not in names]
    if len(missing) < len(NEEDED):
        return InputError(f"{path}: its first row names no column {', '.join(missing)}; put that back")
    return InputError(
        f"{path}: is no csv, tsv, esd.list or .list of `awct2 export`: the first row has no columns "
        f"{', '.join(NEEDED)}, and no line has four fields that {_MARK} parts"
    )


def _rows(
    lines: Sequence[str | None], at: int, separator: str, columns: Sequence[str]
) -> tuple[tuple[Row, ...], tuple[Remark, ...]]:
    """Part lines into rows, from one on; a row may go on over several of them in quotes."""
    rows: list[Row] = []
    faults: list[Remark] = []
    least = max(columns.index(name) for name in NEEDED) + 1
    while at < len(lines):
        number, line = at + 1, lines[at]
        if line is not None and not line.strip():
            at += 1
            continue
        row, why, taken = _row(lines, at, separator, len(columns), least)
        if row is not None and any(cell.strip() for cell in row.cells):
            rows.append(row)
        elif row is None:
            faults.append(Remark(number, why))
        at += taken
    return tuple(rows), tuple(faults)


def _row(lines: Sequence[str | None], at: int, separator: str, width: int, least: int) -> tuple[Row | None, str, int]:
    """Give the row that begins at a line, or what is wrong with it, and how many lines that takes."""
    line = lines[at]
    if line is None:
        return None, _BROKEN, 1
    # Texts of a tsv are as they are, with a quote or two of their own.
    plain = line.split("\t") if separator == "\t" and '"' in line else None
    taken, fields = _quoted(lines, at, separator)
    if plain is not None and len(plain) >= least and (fields is None or taken > 1):
        taken, fields, plain = 1, plain, None
    if fields is None:
        return None, "has quotes that do not fit; mend them", 1
    if len(fields) < least or any(fields[width:]):
        return None, f"has {counted(len(fields), 'field')}, and the table {counted(width, 'column')}; mend it", taken
    as_written = None if plain is None or len(plain) < least else _padded(plain, width)
    cells = _padded(fields, width)
    return Row(at + 1, cells, None if as_written == cells else as_written), "", taken


def _padded(fields: Sequence[str], width: int) -> tuple[str, ...]:
    """Give as many cells as there are columns: programs leave out those that are empty at the end."""
    return (*fields[:width], *[""] * (width - len(fields)))


def _quoted(lines: Sequence[str | None], at: int, separator: str) -> tuple[int, list[str] | None]:
    """Read the fields of a row, whose quotes may reach over the ends of lines; None where they do not fit."""
    text = lines[at] or ""
    quotes = text.count('"')
    stop = at + 1
    while quotes % 2 and stop < min(at + _MOST_LINES, len(lines)) and (more := lines[stop]) is not None:
        text += "\n" + more
        quotes += more.count('"')
        stop += 1
    return stop - at, None if quotes % 2 else _fields(text, separator)


def _fields(text: str, separator: str) -> list[str] | None:
    try:
        found = list(csv.reader([part + "\n" for part in text.split("\n")], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None


def _decimals(rows: Iterable[Row], columns: Sequence[str]) -> int:
    at = (columns.index("start"), columns.index("end"))
    return max((len(row.cells[column].replace(",", ".").partition(".")[2]) for row in rows for column in at), default=3)


def _listed(lines: Sequence[str | None]) -> tuple[tuple[Row, ...], tuple[Remark, ...]]:
    """Part the lines of a list into their fields."""
    rows: list[Row] = []
    faults: list[Remark] = []
    for number, line in enumerate(lines, 1):
        if line is None:
            faults.append(Remark(number, _BROKEN))
        elif line.strip():
            fields = tuple(field.strip() for field in line.split(_MARK))
            if len(fields) == len(LISTED) and fields[0]:
                rows.append(Row(number, fields))
            else:
                why = f"has {counted(len(fields), 'field')}, and not four: no text of a list can hold {_MARK}; mend it"
                faults.append(Remark(number, why if fields[0] else f"names no file: {shown(line[:40])}"))
    return tuple(rows), tuple(faults)
