"""CSV and TSV: rows of fields, and which of the columns names the audio."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from anime_whisper_ct2.errors import InputError, RecordingError
from anime_whisper_ct2.extensions import AUDIO
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES
from anime_whisper_ct2.readers.rows import extension, listed, short

# NeMo's name, those of Hugging Face, and what people write by hand; the first that is there counts.
AUDIO_KEYS = ("audio_filepath", "audio", "path", "file_name", "file", "wav", "filename")

# What a row says under these names is understood, so they are found in any case.
_KNOWN = frozenset(("id", "offset", "start", "duration", "end", "text"))
# Enough to tell a column of paths from one of words.
_SAMPLED_ROWS = 20
# A row that goes on for longer has a quote that is not closed. What follows is read again for each such row, so this
# also bounds the time that a file full of them takes.
_MOST_LINES = 500

Row = tuple[int, list[str] | RecordingError]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose columns are known: `audio` is the number of the one that names the audio.

    `rows` are those behind the header: the line that each begins at, and its fields or what is wrong with it.
    """

    columns: tuple[str, ...]
    audio: int
    rows: Iterator[Row]


def open_table(source: str, lines: Iterable[bytes], *, tabs: bool, column: str | None = None) -> Table:
    """Find the column that names the audio: `column`, else one with a usual name, else the only one that holds such.

    A first row that holds an audio path and no usual name is data: the columns are then `col0`, `col1` and so on.

    Raises InputError, naming the columns, when there is no such column, or several.
    """
    rows = _tab_rows(lines) if tabs else _comma_rows(lines)
    first = next(rows, None)
    if first is None:
        return Table((), 0, iter(()))
    line, fields = first
    if isinstance(fields, RecordingError):
        raise InputError(f"{source}:{line}: the first row {fields}")
    columns = _columns(fields)
    lower = [name.lower() for name in columns]
    usual = [lower.index(key) for key in AUDIO_KEYS if key in lower]
    if column is not None and (named := _position(column, columns, lower)) is not None:
        return Table(columns, named, rows)
    if not usual and any(map(_looks_like_audio, fields)):
        columns = tuple(f"col{number}" for number in range(len(fields)))
        rows = chain((first,), rows)
    elif column is None and usual:
        return Table(columns, usual[0], rows)
    if column is not None:
        if column not in columns:
            raise InputError(f"{source}: no column {short(column)}; the columns are {listed(columns)}")
        return Table(columns, columns.index(column), rows)
    sample = list(islice(rows, _SAMPLED_ROWS))
    found = [number for number in range(len(columns)) if _holds_audio(number, sample)]
    if len(found) != 1:
        which = "several columns hold audio paths" if found else "no column is known to name the audio"
        raise InputError(f"{source}: {which}; name one with --audio-column; the columns are {listed(columns)}")
    return Table(columns, found[0], chain(sample, rows))


def _columns(header: Sequence[str]) -> tuple[str, ...]:
    """Give every column a name of its own; those that are understood come in lower case."""
    names: dict[str, None] = {}
    for number, written in enumerate(header):
        name = written.strip() or f"col{number}"
        name = name.lower() if name.lower() in _KNOWN else name
        count = 2
        unique = name
        while unique in names:
            unique, count = f"{name}_{count}", count + 1
        names[unique] = None
    return tuple(names)


def _position(column: str, columns: Sequence[str], lower: Sequence[str]) -> int | None:
    if column in columns:
        return columns.index(column)
    return lower.index(column.lower()) if column.lower() in lower else None


def _looks_like_audio(value: str) -> bool:
    return extension(value) in AUDIO


def _holds_audio(number: int, sample: Iterable[Row]) -> bool:
    values = [
        fields[number]
        for _, fields in sample
        if not isinstance(fields, RecordingError) and len(fields) > number and fields[number]
    ]
    return bool(values) and all(map(_looks_like_audio, values))


def _text(raw: bytes) -> str:
    """Decode a line. Raises RecordingError where it is no text."""
    if len(raw) > MAX_ROW_BYTES:
        raise RecordingError(f"is longer than {MAX_ROW_BYTES >> 20} MiB; shorten it")
    if b"\0" in raw:
        raise RecordingError("holds a NUL byte; mend it")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RecordingError("is no valid UTF-8; save the table as UTF-8") from None


def _tab_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """Split by tabs. A line is a row: quotes are taken off where they fit, and never reach over the end of a line."""
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            line = _text(raw)
        except RecordingError as error:
            yield number, error
            continue
        if '"' in line:
            try:
                yield number, next(csv.reader((line,), delimiter="\t", strict=True))
                continue
            except csv.Error:
                pass
        yield number, line.split("\t")


class _Feed:
    """Lines on their way into csv.reader, of which those of a bad row can be given back, all but the first.

    A quote that is never closed would else take the rows behind it along.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._again: deque[bytes] = deque()
        self._row: list[bytes] = []
        self._bytes = 0
        self._number = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        raw = self._again.popleft() if self._again else next(self._lines)
        self._row.append(raw)
        self._bytes += len(raw)
        if len(self._row) > 1 and self._bytes > MAX_ROW_BYTES:
            raise RecordingError(f"is longer than {MAX_ROW_BYTES >> 20} MiB; close its quote, or shorten it")
        if len(self._row) > _MOST_LINES:
            raise RecordingError(f"goes on for more than {_MOST_LINES} lines; close its quote")
        return _text(raw) + "\n"

    def begin(self) -> int:
        """Begin a row; gives the number of its first line."""
        self._number += len(self._row)
        self._row, self._bytes = [], 0
        return self._number + 1

    def give_back(self) -> None:
        """Take only the first line of the row as read."""
        self._again.extendleft(reversed(self._row[1:]))
        del self._row[1:]


def _comma_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    feed = _Feed(lines)
    reader = csv.reader(feed, strict=True)
    while True:
        line = feed.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except RecordingError as error:
            feed.give_back()
            yield line, error
        except csv.Error as error:
            feed.give_back()
            yield line, RecordingError(f"is no row of CSV: {error}; mend its quotes")
        else:
            if any(field.strip() for field in fields):
                yield line, fields
