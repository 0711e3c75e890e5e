"""Each row of a table is found again by its number, and read alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from anime_whisper_ct2.errors import RecordingError
from anime_whisper_ct2.readers.tables import TableRow, audio_at, placed, table
from anime_whisper_ct2.records import Recording
from tests.support.tables import CLIPS, compressed, plain, stream


def parquet(content: pa.Table, path: Path) -> None:
    """Write a Parquet file of two rows a group."""
    pq.write_table(content, path, row_group_size=2)


def rows(path: Path) -> list[TableRow]:
    """Give where the rows of a table are; holds that they are listed as `table` does."""
    found: list[tuple[Recording, TableRow | None]] = list(placed(str(path), "x"))
    assert [recording for recording, _ in found] == list(table(str(path), "x"))
    return [row for _, row in found if row is not None]


@pytest.mark.parametrize(
    ("write", "name"),
    [(parquet, "a.parquet"), (stream, "a.arrow"), (compressed, "a.feather"), (plain, "b.feather")],
)
def test_a_row_is_read_alone(tmp_path: Path, write: Callable[[pa.Table, Path], Any], name: str) -> None:
    data = [path.read_bytes() for path in CLIPS]
    write(pa.table({"audio": data, "text": [path.name for path in CLIPS]}), tmp_path / name)
    found = rows(tmp_path / name)
    assert [row.row for row in found] == list(range(len(CLIPS)))
    assert [audio_at(row) for row in reversed(found)] == data[::-1]


def test_damage_costs_the_rows_that_it_struck_and_moves_no_others(tmp_path: Path) -> None:
    data = [path.read_bytes() for path in CLIPS]
    content = pa.table({"audio": data})
    pq.write_table(content, tmp_path / "a.parquet", row_group_size=2, compression="NONE", use_dictionary=False)
    raw = bytearray((tmp_path / "a.parquet").read_bytes())
    column = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(1).column(0)
    raw[column.data_page_offset : column.data_page_offset + 16] = b"\xff" * 16
    (tmp_path / "a.parquet").write_bytes(raw)
    found = rows(tmp_path / "a.parquet")
    assert [row.row for row in found] == [0, 1, 4, 5, 6]
    assert [audio_at(row) for row in found] == [data[row.row] for row in found]
    with pytest.raises(RecordingError, match=r"a\.parquet, row 3: cannot be read: "):
        audio_at(replace(found[0], row=3))


def test_what_is_not_there_any_more_is_said(tmp_path: Path) -> None:
    parquet(pa.table({"audio": [CLIPS[0].read_bytes(), None]}), tmp_path / "a.parquet")
    first = TableRow(str(tmp_path / "a.parquet"), 0)
    for row in (1, 2, 999):
        with pytest.raises(RecordingError, match="changed since"):
            audio_at(replace(first, row=row))
    with pytest.raises(RecordingError, match="cannot be"):
        audio_at(replace(first, path=str(tmp_path / "none.parquet")))
