"""Manifests: JSON lines, tables and plain lists, read row by row; a bad row is one recording that fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from anime_whisper_ct2.errors import InputError, RecordingError, counted
from anime_whisper_ct2.extensions import DELIMITED, JSON_LINES, MANIFESTS, PATH_LISTS, VOICE_LISTS
from anime_whisper_ct2.readers.lists.delimited import AUDIO_KEYS, Table, open_table
from anime_whisper_ct2.readers.lists.lines import MAX_ROW_BYTES, split_lines, text_lines_of
from anime_whisper_ct2.readers.lists.paths import path_list
from anime_whisper_ct2.readers.lists.voices import voice_list
from anime_whisper_ct2.readers.remote import open_stream
from anime_whisper_ct2.readers.rows import Rows, extension, folder_of, listed, plain, seconds, short, shown
from anime_whisper_ct2.records import Audio, Excerpt, Recording

# Where a stretch begins, and which of the two ways to say where it ends goes first with that.
_STRETCHES = (("offset", ("duration", "end")), ("start", ("end", "duration")))


def manifest(path: str, column: str | None = None, remark: Callable[[], None] = lambda: None) -> Iterator[Recording]:
    """Read a manifest as a stream, by its extension: `.jsonl`, `.json` (lines), `.csv`, `.tsv`, `.txt`, `.list` …

    `column` names the key or column that holds the audio's path; else the usual ones are looked for. Relative paths
    start from the manifest's folder. Whether the audio exists is not looked at, but where a path can be read in more
    than one way. `remark` is called for every line that is taken for a remark.

    Raises InputError for a manifest of no use at all: of another kind, unreadable, or without a column of audio.
    """
    kind = extension(path)
    if kind in JSON_LINES:
        return _json_lines(path, column)
    if kind in DELIMITED:
        return _table(path, column, tabs=kind == "tsv")
    if kind not in (*PATH_LISTS, *VOICE_LISTS):
        endings = ", ".join(f".{kind}" for kind in sorted(MANIFESTS))
        raise InputError(f"{shown(path)}: no manifest by its name; name one that ends in {endings}")
    if column is not None:
        raise InputError(f"{shown(path)}: a plain list has no columns; leave --audio-column out, or give a .csv")
    return voice_list(path) if kind in VOICE_LISTS else _list(path, remark)


def _list(path: str, remark: Callable[[], None]) -> Iterator[Recording]:
    with open_stream(path) as stream:
        yield from path_list(split_lines(stream, path), folder_of(path), path, remark)


def _json_lines(path: str, column: str | None) -> Iterator[Recording]:
    rows = Rows(path)
    keys = AUDIO_KEYS if column is None else (column,)
    first_line, first_row = True, True
    for number, line in enumerate(text_lines_of(path), 1):
        if not line.strip():
            continue
        if first_line and extension(path) == "json" and (line.lstrip().startswith(b"[") or line.strip() == b"{"):
            raise InputError(f'{shown(path)}: is one JSON document; write one object a line, as `jq -c ".[]"` does')
        first_line = False
        try:
            row = _json_object(line)
            # Rows may differ, but a name that the first one lacks is a slip of the user's.
            if first_row and column is not None and column not in row:
                raise InputError(f"{shown(path)}:{number}: no key {short(column)}; the row has {listed(row)}")
            first_row = False
            recording = _recording(rows, number, _named_audio(row, keys), row)
        except RecordingError as error:
            recording = rows.refuse(number, error)
        yield recording


def _json_object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_ROW_BYTES:
        raise RecordingError(f"the row is longer than {MAX_ROW_BYTES >> 20} MiB; shorten it")
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise RecordingError("the row is no valid UTF-8; save the manifest as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"the row is no JSON: {error}; mend it") from None
    if not isinstance(row, dict):
        raise RecordingError(f"the row is {short(row)}, no JSON object; mend it")
    return row


def _named_audio(row: dict[str, Any], keys: Iterable[str]) -> str:
    """Take the audio's path out of a row: a text, or what a Hugging Face audio object holds under `path`."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, dict):
            value = value.get("path")
        if isinstance(value, str) and value:
            del row[key]
            return value
    raise RecordingError(f"the row names no audio under {', '.join(keys)}; it has {listed(row) or 'no keys'}")


def _table(path: str, column: str | None, *, tabs: bool) -> Iterator[Recording]:
    rows = Rows(path)
    table = open_table(shown(path), text_lines_of(path), tabs=tabs, column=column)
    for number, fields in table.rows:
        try:
            if isinstance(fields, RecordingError):
                raise RecordingError(f"the row {fields}")
            row = _named_fields(table, fields)
            recording = _recording(rows, number, row.pop(table.columns[table.audio]), row)
        except RecordingError as error:
            recording = rows.refuse(number, error)
        yield recording


def _named_fields(table: Table, fields: list[str]) -> dict[str, Any]:
    """Name the fields of a row; empty ones may be absent at its end, or too many."""
    if any(fields[len(table.columns) :]):
        counts = f"the row has {counted(len(fields), 'field')}, and the table {counted(len(table.columns), 'column')}"
        raise RecordingError(f"{counts}; put quotes around a field that holds the separator")
    if len(fields) <= table.audio or not fields[table.audio]:
        raise RecordingError(f"the row names no audio in the column {short(table.columns[table.audio])}; mend it")
    return dict(zip(table.columns, fields, strict=False))


def _recording(rows: Rows, number: int, written: str, row: dict[str, Any]) -> Recording:
    """Give the recording of a row, whose audio's path was taken out of it: what else is understood goes, too."""
    stretch = _taken_stretch(row)
    id_, name = rows.locate(written)
    audio: Audio = name
    if stretch is not None:
        offset_s, duration_s = stretch
        audio = Excerpt(name, offset_s, duration_s)
        # Stretches of one file are recordings of their own.
        id_ += f"#{offset_s:.3f}-" + (f"{offset_s + duration_s:.3f}" if duration_s is not None else "")
    said = row.get("id")
    given = isinstance(said, (str, int)) and not isinstance(said, bool) and bool(str(said).strip())
    if given:
        id_ = str(row.pop("id"))
    return rows.accept(number, id_, name, audio, plain(row), given=given)


def _taken_stretch(row: dict[str, Any]) -> tuple[float, float | None] | None:
    """Take out of a row where its stretch begins and how long it is, in seconds; None where the audio is meant whole.

    A duration alone is that of the file, as NeMo writes it into every row, and so is one from 0 on that is none: these
    are information, whatever they hold.
    """
    begin, ends = next(((key, ends) for key, ends in _STRETCHES if _says(row, key)), (None, ()))
    if begin is None:
        return None
    offset_s = seconds(row[begin], f"`{begin}`")
    end = next((key for key in ends if _says(row, key)), None)
    if not offset_s and (end is None or (end == "duration" and not _is_length(row[end]))):
        return None
    until_s = seconds(row[end], f"`{end}`") if end else None
    del row[begin]
    if end is None or until_s is None:
        return offset_s, None
    del row[end]
    duration_s = until_s - offset_s if end == "end" else until_s
    if duration_s <= 0:
        raise RecordingError(f"the stretch from {offset_s} s on ends where it begins, or before; mend `{end}`")
    return offset_s, duration_s


def _is_length(value: Any) -> bool:
    try:
        return seconds(value, "") > 0
    except RecordingError:
        return False


def _says(row: dict[str, Any], key: str) -> bool:
    value = row.get(key)
    return value is not None and not (isinstance(value, str) and not value.strip())
