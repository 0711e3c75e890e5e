"""Changes of an index that are made whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection


@contextmanager
def whole(con: Connection, *load: Callable[[], object]) -> Iterator[None]:
    """Change an index by what is done within, or, where that breaks off, by nothing.

    `load` is what reads again then what is kept of the index in memory.
    """
    import duckdb  # noqa: PLC0415 - 66 MB, of an extra

    con.begin()
    try:
        yield
        con.commit()
    except BaseException:
        # Some errors have ended it already.
        with suppress(duckdb.Error):
            con.rollback()
        for each in load:
            each()
        raise
