"""What the page is told where something cannot be done."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from anime_whisper_ct2.errors import Awct2Error, OutputError, first_line

# What a system says of a disk, or of a user's share of it, that takes no more.
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


class RefusedError(Awct2Error):
    """A request that is not carried out: `code` names why, `status` is HTTP's; `row` is what stands there now."""

    def __init__(self, message: str, code: str = "bad_request", status: int = 400, row: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.row = row


def unknown(what: str, number: object) -> RefusedError:
    """Say that nothing has this number."""
    return RefusedError(f"there is no {what} {number}", "unknown", 404)


def not_saved(error: OutputError) -> RefusedError:
    """Say that a decision did not reach the disk, and whether that is full."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return RefusedError(str(error), "disk_full", 507)
    return RefusedError(str(error), "not_saved", 500)


@contextmanager
def changing() -> Iterator[None]:
    """Say of an index that cannot be changed that the list lags behind. Raises RefusedError, 503."""
    import duckdb  # noqa: PLC0415 - 66 MB, of an extra

    try:
        yield
    except (duckdb.Error, OSError, MemoryError) as error:
        said = f"the list cannot be brought up to date: {first_line(error)}; make room for it on the disk and in memory"
        raise RefusedError(said, "not_shown", 503) from error


@contextmanager
def saved() -> Iterator[None]:
    """Say of whatever fails over a decision that is on the disk that it is saved. Raises RefusedError."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, Awct2Error):
            traceback.print_exception(error)
        raise RefusedError(f"it is saved, but not shown yet: {first_line(error)}", "saved_not_shown", 500) from error
