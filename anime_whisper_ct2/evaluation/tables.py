"""Texts in JSON lines, CSV and TSV, by id or by path."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from anime_whisper_ct2.errors import InputError, RecordingError
from anime_whisper_ct2.evaluation.records import Line
from anime_whisper_ct2.extensions import JSON_LINES
from anime_whisper_ct2.readers.lists.delimited import AUDIO_KEYS, open_table
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES, text_lines_of
from anime_whisper_ct2.readers.lists.manifests import manifest
from anime_whisper_ct2.readers.rows import DUPLICATE, extension, listed, plain, shown
from anime_whisper_ct2.records import Recording, Unreadable

_ID_KEYS = ("id", "utt_id", "utterance_id", "utt", "uttid", "key", "__key__", "recording_id", "segment_id", "uid")
# In a manifest that a recogniser wrote, `text` is the reference that it was given.
HEARD_KEYS = ("pred_text", "hypothesis", "hyp", "prediction", "predicted", "pred")
TEXT_KEYS = ("text", "transcript", "transcription", "sentence", "reference", "ref", "normalized_text")


def table_lines(path: str, id_column: str | None, text_column: str | None, text_keys: Sequence[str]) -> Iterator[Line]:
    """Read a table: the recording's id and its text in each row, and the rest as what is known of it.

    Without `id_column`, an id is found under a usual name, else it is made of the audio's path as `awct2 run` makes it
    of a manifest. Without `text_column`, the text is what the first usual name of `text_keys` holds.

    Raises InputError when the table cannot be read, or a column is not there or not known.
    """
    names = _names(path)
    if names is None:
        return
    id_name = _named(path, id_column, names, "--id-column") if id_column else _first(names, _ID_KEYS)
    # The reader of manifests knows `id` too, and tells stretches of one file apart.
    if not id_column and id_name in (None, "id") and _first(names, AUDIO_KEYS):
        rows = _of_manifest(path)
    elif id_name is not None:
        rows = _json_rows(path, id_name) if extension(path) in JSON_LINES else _table_rows(path, id_name)
    else:
        raise InputError(
            f"{shown(path)}: no column is known to hold the recording's id or path; name one with --id-column; "
            f"it has {listed(names)}"
        )
    yield from _with_texts(path, rows, text_column, text_keys)


def _with_texts(
    path: str, rows: Iterable[tuple[Line, Mapping[str, Any]]], text_column: str | None, text_keys: Sequence[str]
) -> Iterator[Line]:
    """Take the texts out of rows; the first row that is whole says where they are."""
    key: str | None = None
    for line, row in rows:
        if key is None and row:
            found = _named(path, text_column, row, "--text-column") if text_column else _first(row, text_keys)
            if found is None:
                raise InputError(
                    f"{shown(path)}: no column is known to hold the text; name one with --text-column; "
                    f"it has {listed(row)}"
                )
            key = found
        text = row.get(key) if key is not None else None
        # As a run's own lines have it.
        about = row.get("meta")
        meta = {**row, **about} if isinstance(about, dict) else row
        yield Line(line.id, text.strip() if isinstance(text, str) else None, meta, line.again)


def _names(path: str) -> Sequence[str] | None:
    """Give the keys of the first row, or the names in the head of a table; None for an empty file."""
    for raw in text_lines_of(path):
        if not raw.strip():
            continue
        if extension(path) in JSON_LINES:
            row = _object(raw)
            if row is None:
                raise InputError(f"{shown(path)}: does not begin with a JSON object; write one object a line")
            return list(row)
        head = raw[: MAX_ROW_BYTES + 1].decode("utf-8", "replace")
        delimiter = "\t" if extension(path) == "tsv" else ","
        return [name.strip() for name in next(csv.reader((head,), delimiter=delimiter), [])]
    return None


def _first(names: Iterable[str], wanted: Sequence[str]) -> str | None:
    """Give the name that comes first among the wanted ones, in any case."""
    lower = {name.lower(): name for name in names}
    return next((lower[name] for name in wanted if name in lower), None)


def _named(path: str, column: str, names: Iterable[str], option: str) -> str:
    known = list(names)
    if column in known:
        return column
    found = _first(known, (column.lower(),))
    if found is None:
        raise InputError(f"{shown(path)}: no column {column!r}, which {option} names; it has {listed(known)}")
    return found


def _of_manifest(path: str) -> Iterator[tuple[Line, Mapping[str, Any]]]:
    for recording in manifest(path):
        yield line_of(recording), recording.meta


def line_of(recording: Recording, text: str | None = None) -> Line:
    """Give the line of a recording that a reader has found, or has refused."""
    again = isinstance(recording.audio, Unreadable) and recording.audio.error == DUPLICATE
    return Line(recording.id, text, recording.meta, again)


def _json_rows(path: str, id_name: str) -> Iterator[tuple[Line, Mapping[str, Any]]]:
    for number, raw in enumerate(text_lines_of(path), 1):
        if raw.strip():
            yield _row(path, number, _object(raw), id_name)


def _object(raw: bytes) -> dict[str, Any] | None:
    """Read a row; None for anything but a JSON object."""
    try:
        row = plain(json.loads(raw)) if len(raw) <= MAX_ROW_BYTES else None
    except (ValueError, RecursionError, RecordingError):
        return None
    return row if isinstance(row, dict) else None


def _table_rows(path: str, id_name: str) -> Iterator[tuple[Line, Mapping[str, Any]]]:
    table = open_table(shown(path), text_lines_of(path), tabs=extension(path) == "tsv", column=id_name)
    for number, fields in table.rows:
        whole = not isinstance(fields, RecordingError) and len(fields) > table.audio
        row = dict(zip(table.columns, fields, strict=False)) if whole else None  # type: ignore[arg-type] # never an error
        yield _row(path, number, row, table.columns[table.audio])


def _row(path: str, number: int, row: dict[str, Any] | None, id_name: str) -> tuple[Line, Mapping[str, Any]]:
    """Give a row by its id; one without is known by its place, and says nothing."""
    id_ = row.get(id_name) if row else None
    if isinstance(id_, int) and not isinstance(id_, bool):
        id_ = str(id_)
    if not row or not isinstance(id_, str) or not id_:
        return Line(f"{shown(path)}:{number}", None), {}
    return Line(id_, None), row
