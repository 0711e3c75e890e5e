"""Streams that take nothing, as one does whose reader has gone or whose disk is full."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from copy import copy
from typing import IO, Any, Literal, NoReturn

BROKEN_PIPE = BrokenPipeError(errno.EPIPE, "Broken pipe")
# What Windows says of a pipe without a reader, and of a network drive that refuses.
INVALID = OSError(errno.EINVAL, "Invalid argument")
FULL = OSError(errno.ENOSPC, "No space left on device")


class Refusing(io.BytesIO):
    """A stream into a pipe or a file, every write to which fails."""

    def __init__(self, error: OSError, into: Literal["pipe", "file"] = "file") -> None:
        super().__init__()
        self._error = error
        self._end: IO[Any] = tempfile.TemporaryFile() if into == "file" else without_reader()  # noqa: SIM115 - closed by `close`

    def write(self, _written: object) -> NoReturn:
        # Another one each time: it keeps what it went through.
        raise copy(self._error)

    def fileno(self) -> int:
        return self._end.fileno()

    def close(self) -> None:
        self._end.close()
        super().close()


def without_reader() -> IO[bytes]:
    """Give the end of a pipe whose other end is closed."""
    read, write = os.pipe()
    os.close(read)
    return os.fdopen(write, "wb", buffering=0)
