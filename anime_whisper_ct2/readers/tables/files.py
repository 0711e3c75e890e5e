"""Tables of recordings: Parquet, Arrow and Feather files, and folders that Hugging Face `datasets` saved."""

from __future__ import annotations

import contextlib
import io
import json
import os
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, BinaryIO, cast

from anime_whisper_ct2.errors import InputError, RecordingError, counted, first_line, one_line
from anime_whisper_ct2.extensions import ARROW, TABLES, has_extension
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.fetch import seekable
from anime_whisper_ct2.readers.remote import RemoteFile, exists, is_url, is_web, open_stream
from anime_whisper_ct2.readers.remote_errors import RemoteError, redacted
from anime_whisper_ct2.readers.tables.columns import Columns, columns_of
from anime_whisper_ct2.readers.tables.pieces import Piece, group_rows, numbered, rows_at_a_time, slices
from anime_whisper_ct2.readers.tables.rows import Table, TableRow, audio_in, inside, recordings
from anime_whisper_ct2.records import Recording, Unreadable

_BUFFER_BYTES = 1 << 20
_WHOLE_BYTES = 64 << 20
_STATE = "state.json"
_INFO = "dataset_info.json"
_SPLITS = "dataset_dict.json"


def table(path: str, prefix: str, column: str | None = None) -> Iterator[Recording]:
    """List the rows of a file by its name: `arrow` for `.arrow` and `.feather`, else `parquet`."""
    yield from _rows(Table(path, prefix, column), _reader(path))


def parquet(path: str, prefix: str, column: str | None = None) -> Iterator[Recording]:
    """List the rows of a Parquet file, local or behind a URL, as recordings whose ids lie below `prefix`.

    `column` holds the audio, None: the one that looks like it. An id is the path that the row gives for its audio;
    rows without one, or with one that another row's audio has, get that of the `id` column or the row's number. A bad
    row is one failing recording, a damaged part of the file one, after all rows that can be read. Memory is that of
    some 32 MiB of rows, or of one page of the file, which pyarrow fills with up to 1,024 rows.

    Raises InputError when the file cannot be opened, `column` is not there, or pyarrow is not.
    """
    yield from _rows(Table(path, prefix, column), _parquet)


def arrow(path: str, prefix: str, column: str | None = None) -> Iterator[Recording]:
    """List the rows of an Arrow IPC stream or file (Feather), as `parquet` does.

    Memory is that of one of its record batches when it is compressed or behind a URL. Raises InputError as `parquet`.
    """
    yield from _rows(Table(path, prefix, column), _arrow)


def is_dataset_folder(path: str) -> bool:
    """Say whether a folder, local or behind a URL, is one that Hugging Face `datasets` saved.

    Raises InputError when that cannot be told of a URL.
    """
    # Other programs have a state.json, too; beside dataset_info.json it is this one's.
    return _exists(inside(path, _SPLITS)) or all(_exists(inside(path, name)) for name in (_STATE, _INFO))


def dataset_folder(path: str, prefix: str = "", column: str | None = None) -> Iterator[Recording]:
    """List the rows of a folder that `save_to_disk` wrote, one dataset or splits, as `parquet` does.

    Ids lie below `prefix` and the split's name; rows that have only a number are counted within their file. Raises
    InputError as `parquet`, and when the folder's own files are damaged.
    """
    for table in _saved(path, prefix, column):
        yield from _rows(table, _arrow)


def placed(path: str, prefix: str, column: str | None = None) -> Iterator[tuple[Recording, TableRow | None]]:
    """List what `table` or `dataset_folder` does, by the path's name, with the row that each recording is.

    None stands beside what is no row: damage to a file. Raises InputError as they do.
    """
    is_table = has_extension(path.partition("::")[0].partition("?")[0], TABLES)
    for table in (Table(path, prefix, column),) if is_table else _saved(path, prefix, column):
        for recording, row in _numbered_rows(table, _reader(table.path) if is_table else _arrow):
            yield recording, None if row is None else TableRow(table.path, row, column, saved=not is_table)


def audio_at(row: TableRow) -> bytes:
    """Read the encoded audio of one row: of Parquet the part of its row group before it, of Arrow its record batch.

    Raises RecordingError where it cannot be read, or holds none.
    """
    table = Table(row.path, "", row.column)
    failure: Exception | None = None
    with contextlib.ExitStack() as files:
        try:
            _need_pyarrow(row.path)
            file = (_arrow if row.saved else _reader(row.path))(row.path, files)
            columns = _columns(table, file.schema)
            pieces = file.pieces(Columns(columns.audio, None, ()), row.row) if columns else iter(())
            for piece in pieces:
                failure = failure or piece.error
                if piece.batch is not None and 0 <= row.row - piece.first_row < piece.batch.num_rows:
                    return audio_in(piece.batch, cast(Columns, columns), row.row - piece.first_row)
        except RecordingError:
            raise
        except Exception as error:  # pyarrow fails in many ways on what is no table
            failure = error
    what = f"cannot be read: {first_line(failure)}" if failure else "holds no audio by now; it was changed since"
    raise RecordingError(f"{redacted(row.path)}, row {row.row}: {what}")


def _reader(path: str) -> Callable[[str, contextlib.ExitStack], _Opened]:
    is_arrow = has_extension(path.partition("::")[0].partition("?")[0], ARROW)
    return _arrow if is_arrow else _parquet


def _saved(path: str, prefix: str, column: str | None) -> Iterator[Table]:
    """Give the files of a folder that `save_to_disk` wrote."""
    if _exists(inside(path, _SPLITS)):
        for split in _names(inside(path, _SPLITS), lambda content: content["splits"]):
            yield from _saved(inside(path, split), posixpath.join(prefix, split), column)
        return
    ids = IdSet()
    for name in _names(inside(path, _STATE), lambda content: [file["filename"] for file in content["_data_files"]]):
        yield Table(inside(path, name), prefix, column, name, ids)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A table that is open: what it has, and its rows from one on; what lies before it in its piece comes, too."""

    schema: Any
    pieces: Callable[[Columns, int], Iterator[Piece]]


def _rows(table: Table, opened: Callable[[str, contextlib.ExitStack], _Opened]) -> Iterator[Recording]:
    return (recording for recording, _ in _numbered_rows(table, opened))


def _numbered_rows(
    table: Table, opened: Callable[[str, contextlib.ExitStack], _Opened]
) -> Iterator[tuple[Recording, int | None]]:
    _need_pyarrow(table.path)
    damage: list[tuple[int, Exception]] = []
    with contextlib.ExitStack() as files:
        try:
            file = opened(table.path, files)
            columns = _columns(table, file.schema)
        except InputError:
            raise
        except Exception as error:  # pyarrow fails in many ways on what is no table
            damage.append((0, error))
        else:
            if columns is None:
                yield _without_audio(table, file.schema), None
                return
            for piece in file.pieces(columns, 0):
                if piece.error is not None:
                    damage.append((piece.first_row, piece.error))
                else:
                    yield from zip(recordings(table, piece.batch, columns, piece.first_row), count(piece.first_row))
    if damage:
        first_row, cause = damage[0]
        rows = f"row {first_row} on" + (f" and {counted(len(damage) - 1, 'more place')}" if len(damage) > 1 else "")
        failed = replace(table.failed(rows, cause), place=True)
        yield Recording(table.id(table.file), redacted(table.path), failed), None


def _parquet(path: str, files: contextlib.ExitStack) -> _Opened:
    from pyarrow import parquet as pq  # noqa: PLC0415 - an extra, and slow to load

    stream = _seekable(path, files)
    # With a buffer size, pyarrow does not read a row group's column whole, but reserves up to 2 GiB for a page, if its
    # header says so; what is small as a file is read whole, where no header is trusted.
    whole = stream.seek(0, io.SEEK_END) <= _WHOLE_BYTES
    file = pq.ParquetFile(stream, buffer_size=0 if whole else _BUFFER_BYTES, pre_buffer=False)
    groups = [file.metadata.row_group(at) for at in range(file.num_row_groups)]

    def pieces(columns: Columns, from_row: int) -> Iterator[Piece]:
        """Give the rows, row group by row group; damage to one does not keep the next from being read."""
        # What may name a row is part of `meta`.
        wanted = list(dict.fromkeys((columns.audio, *columns.meta)))
        first_row = 0
        for at, group in enumerate(groups):
            size = rows_at_a_time(group.total_byte_size, group.num_rows)
            if first_row + group.num_rows > from_row:
                yield from numbered(group_rows(file, at, size, wanted), first_row)
            first_row += group.num_rows

    return _Opened(file.schema_arrow, pieces)


def _arrow(path: str, files: contextlib.ExitStack) -> _Opened:
    import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to load

    stream = _seekable(path, files)
    if not is_url(path):
        # Mapped, because record batches may be large; the name as bytes, because it may be no UTF-8.
        stream = files.enter_context(pa.memory_map(os.fsencode(path)))
    # Files begin with this mark; streams have none.
    is_file = stream.read(6) == b"ARROW1"
    stream.seek(0)
    reader = files.enter_context(pa.ipc.open_file(stream) if is_file else pa.ipc.open_stream(stream))
    batches = (reader.get_batch(at) for at in range(reader.num_record_batches)) if is_file else iter(reader)
    return _Opened(reader.schema, lambda _columns, from_row: numbered(slices(batches, from_row), 0))


def _seekable(path: str, files: contextlib.ExitStack) -> BinaryIO:
    """Open a file that can be seeked."""
    if not is_web(path):
        return files.enter_context(open_stream(path))
    try:
        file = seekable(path, files)
    except RemoteError as error:
        raise InputError(str(error)) from error
    return cast(BinaryIO, io.BufferedReader(file)) if isinstance(file, RemoteFile) else file


def _columns(table: Table, schema: Any) -> Columns | None:
    columns = columns_of(schema, table.column)
    if columns is None and table.column is not None:
        names = one_line(", ".join(schema.names) or "none")
        raise InputError(
            f"{redacted(table.path)}: has no column {table.column!r} that could hold audio; it has {names}"
        )
    return columns


def _without_audio(table: Table, schema: Any) -> Recording:
    found = one_line(", ".join(f"{field.name} ({field.type})" for field in schema) or "none")
    message = f"{redacted(table.path)}: no column looks like audio; name one with --audio-column; found {found}"
    return Recording(table.id(table.file), redacted(table.path), Unreadable("TableError", message, place=True))


def _exists(path: str) -> bool:
    return exists(path) if is_url(path) else os.path.isfile(path)  # noqa: PTH113 - plain strings keep invalid UTF-8


def _names(path: str, listed: Callable[[Any], Any]) -> list[str]:
    """Read file or folder names out of one of a dataset folder's JSON files."""
    try:
        with open_stream(path) as file:
            names = [str(name) for name in listed(json.load(file))]
    except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
        raise InputError(f"{redacted(path)}: damaged, or no file of a saved dataset: {error}") from error
    for name in names:
        # A data set may be anybody's: it must not lead out of its folder.
        alone = name == posixpath.basename(name) and "\\" not in name and not os.path.splitdrive(name)[0]
        if not alone or name in {"", ".", ".."} or not name.isprintable():
            raise InputError(f"{redacted(path)}: {name!r} does not lie in the dataset's folder")
    return names


def _need_pyarrow(path: str) -> None:
    try:
        import pyarrow  # noqa: F401, PLC0415 - only whether it is there
    except ImportError as error:
        raise InputError(f"{redacted(path)}: reading tables needs pyarrow; pip install pyarrow") from error
