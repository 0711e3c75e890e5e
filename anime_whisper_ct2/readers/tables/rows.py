"""What a table's rows are: each one's audio, its id and its `meta`."""

from __future__ import annotations

import contextlib
import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from anime_whisper_ct2.errors import RecordingError, one_line
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.remote import is_url, is_web
from anime_whisper_ct2.readers.remote_errors import redacted
from anime_whisper_ct2.readers.rows import drive_relative
from anime_whisper_ct2.readers.tables.columns import Columns, meta_of
from anime_whisper_ct2.records import Audio, Recording, Unreadable
from anime_whisper_ct2.system.paths import (
    as_here,
    from_root,
    is_absolute,
    is_drive_relative,
    is_of_another_system,
    slashed,
)


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows: `file` is its name in ids that need it, `ids` what is taken below `prefix`."""

    path: str
    prefix: str
    column: str | None
    file: str = ""
    ids: IdSet = field(default_factory=IdSet)

    def id(self, *below: str) -> str:
        """Give an id from its parts."""
        return posixpath.join(*filter(None, (self.prefix, *below)))

    def failed(self, rows: str, error: Exception) -> Unreadable:
        """Say why rows cannot be read; an empty `rows` stands for the file."""
        lines = str(error).splitlines() or [repr(error)]
        place = redacted(self.path) + (f", {rows}" if rows else "")
        return Unreadable(type(error).__name__, f"{place}: cannot be read: {redacted(lines[0])}")


@dataclass(frozen=True, slots=True)
class TableRow:
    """Where one recording of a table is: row number `row` of the file at `path`, whose audio is in `column`.

    `saved`: the file is one of a dataset's folder, and Arrow's, whatever its name.
    """

    path: str
    row: int
    column: str | None = None
    saved: bool = False


def audio_in(batch: Any, columns: Columns, at: int) -> bytes:
    """Give the encoded audio of one row of a batch. Raises RecordingError where it holds none."""
    data, _ = _audio_of(_columns(batch)[columns.audio][at].as_py())
    if data is None:
        raise RecordingError(f"{columns.audio} holds no bytes by now; the table was changed since")
    return data


def recordings(table: Table, batch: Any, columns: Columns, first_row: int) -> Iterator[Recording]:
    """Turn a record batch into recordings, the first of them the table's row number `first_row`."""
    by_name = _columns(batch)
    for at in range(batch.num_rows):
        row = first_row + at
        meta, id_value, path, data = {}, None, None, None
        problem: Unreadable | None = None
        try:
            data, path = _audio_of(by_name[columns.audio][at].as_py())
            if data is None and not path:
                problem = Unreadable(
                    "TableError", one_line(f"{_place(table, row)}: {columns.audio} holds neither bytes nor path")
                )
            elif data is None and path and is_drive_relative(path):
                problem = Unreadable("TableError", one_line(f"{_place(table, row)}: {drive_relative(path)}"))
            meta = meta_of((name, by_name[name][at]) for name in columns.meta if name in by_name)
            id_value = by_name[columns.id][at].as_py() if columns.id else None
        except Exception as error:  # a value that Python has no form for costs one row
            problem = table.failed(f"row {row}", error)
        # What a query tells apart is not in the id.
        shared = data is None and path is not None and redacted(path) == path
        id_, problem = _id(table, row, path, id_value, problem, shared=shared)
        audio: Audio = problem or (data if data is not None else _beside(table.path, path or ""))
        name = audio if isinstance(audio, str) else inside(table.path, id_.removeprefix(table.prefix).lstrip("/"))
        yield Recording(id_, redacted(name), audio, meta)


def _columns(batch: Any) -> dict[str, Any]:
    """Give the columns by their names, without those of types that pyarrow itself has no form for in Python."""
    columns = {}
    for number, name in enumerate(batch.schema.names):
        with contextlib.suppress(KeyError, NotImplementedError):
            columns[name] = batch.column(number)
    return columns


def _audio_of(value: Any) -> tuple[bytes | None, str | None]:
    """Give the bytes and the path that a cell holds."""
    if isinstance(value, dict):
        data, path = value.get("bytes"), value.get("path")
        return (data if isinstance(data, bytes) else None), (path if isinstance(path, str) else None)
    if isinstance(value, bytes):
        return value, None
    return None, value if isinstance(value, str) else None


def _id(
    table: Table, row: int, path: str | None, value: Any, problem: Unreadable | None, *, shared: bool
) -> tuple[str, Unreadable | None]:
    """Choose a row's id; `shared` audio is a file's, and a second row for the same one fails.

    Paths beside bytes are often mere basenames, the same for each speaker: then the next candidate is taken.
    """
    by_path = _below(path) if path else ""
    by_value = _below(str(value)) if isinstance(value, (str, int)) else ""
    for candidate in filter(None, (by_path, by_value, f"row-{row:08d}")):
        below = posixpath.join(table.file, candidate) if candidate.startswith("row-") and table.file else candidate
        id_ = table.id(below)
        if table.ids.add(id_):
            return id_, problem
        if by_path and shared:
            break
    table.ids.add(f"{id_} (row {row})")
    message = f"{_place(table, row)}: the id {id_!r} is that of an earlier row"
    return f"{id_} (row {row})", problem or Unreadable("DuplicateId", message)


def _below(path: str) -> str:
    """Turn a path or URL into the part of an id: relative, and not above its container; `\\` is Windows' slash."""
    path = path[2:] if is_drive_relative(path) else path
    parts = from_root(redacted(path).rpartition("://")[2].lstrip("/")).replace("\\", "/").split("/")
    kept: list[str] = []
    for part in parts:
        if part == "..":
            # Above the first folder there is nothing to go to.
            del kept[-1:]
        elif part not in {"", "."}:
            kept.append(part)
    return "/".join(kept)


def _place(table: Table, row: int) -> str:
    return f"{redacted(table.path)}, row {row}"


def _beside(path: str, name: str) -> str:
    """Resolve a path that a file at `path` gives."""
    if is_url(name):
        return name
    if not is_url(path):
        folder = os.path.dirname(path)  # noqa: PTH120 - may be no UTF-8
        # A file of just that name goes first: a backslash may be a part of it.
        if not (is_of_another_system(name) and os.path.lexists(os.path.join(folder, name))):  # noqa: PTH118 - as above
            name = as_here(name)
        return os.path.join(folder, name) if not is_absolute(name) else name  # noqa: PTH118 - as above
    name = as_here(name)
    if is_absolute(name):
        return name
    first, link, rest = path.partition("::")
    first = first.partition("?")[0] if is_web(first) else first
    return first.rpartition("/")[0] + "/" + slashed(name) + link + rest


def inside(path: str, name: str) -> str:
    """Give the path of a file within a folder, which may be a URL."""
    return path.rstrip("/") + "/" + name
