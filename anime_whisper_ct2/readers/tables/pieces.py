"""A table's rows in pieces that fit in memory, and what damage does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_BATCH_BYTES = 32 << 20
_MOST_BATCH_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a table's rows, the first of them number `first_row`, or why the rows from there on cannot be read."""

    first_row: int
    batch: Any = None
    error: Exception | None = None


def group_rows(file: Any, at: int, rows: int, wanted: list[str]) -> Iterator[Any]:
    """Read row group `at` of a Parquet file, so many rows at a time."""
    # A generator, so that whatever this raises comes with the first batch.
    yield from file.iter_batches(rows, [at], wanted, use_threads=False)


def slices(batches: Iterator[Any], from_row: int) -> Iterator[Any]:
    """Cut record batches into small ones; Arrow itself trusts the offsets in a file, so they are checked first.

    Those before a row come as they are, to be counted and no more.
    """
    end = 0
    for batch in batches:
        end += batch.num_rows
        if from_row and end <= from_row:
            yield batch
            continue
        batch.validate(full=True)
        size = rows_at_a_time(batch.nbytes, batch.num_rows)
        for at in range(0, batch.num_rows, size):
            yield batch.slice(at, size)


def numbered(batches: Iterator[Any], first_row: int) -> Iterator[Piece]:
    """Number the rows of batches, the first of them `first_row`; the batches end with the first that fails."""
    while True:
        try:
            batch = next(batches, None)
        except Exception as error:  # whatever the damage does to pyarrow
            yield Piece(first_row, error=error)
            return
        if batch is None:
            return
        yield Piece(first_row, batch)
        first_row += batch.num_rows


def rows_at_a_time(size_bytes: int, rows: int) -> int:
    """Say how many rows are read together, of so many in so many bytes."""
    return max(1, min(_MOST_BATCH_ROWS, _BATCH_BYTES * max(1, rows) // max(1, size_bytes)))
