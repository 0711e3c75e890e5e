"""A pipe whose reader has gone."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import IO, Any


def reader_gone(error: OSError, stream: IO[Any] | None) -> bool:
    """Say whether a write to a stream failed because whoever read it has closed the pipe.

    Windows calls that an invalid argument (CPython #79935), and so it does what a network drive refuses, and names that
    nothing can have.
    """
    if isinstance(error, BrokenPipeError):
        return True
    return sys.platform == "win32" and error.errno == errno.EINVAL and _is_pipe(stream)


@contextlib.contextmanager
def reader_may_go(stream: IO[Any]) -> Iterator[None]:
    """Have a write to a stream without a reader fail as on POSIX. Raises BrokenPipeError."""
    try:
        yield
    except OSError as error:
        if not reader_gone(error, stream):
            raise
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error


def silence(stream: IO[Any]) -> None:
    """Lead a stream nowhere: what it still holds is no error when the interpreter flushes it at its end."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, stream.fileno())
        finally:
            os.close(nothing)


def _is_pipe(stream: IO[Any] | None) -> bool:
    """Say whether a stream leads into a pipe; on Windows, a socket is one as well."""
    try:
        return stream is not None and stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # without a file, or closed
        return False
