"""A file that a process holds for as long as it is at work, and that is free again however the process ends.

The system keeps such a lock with the file, so that all who see that disk know of it, in other containers too. Where a
file system knows no locks, nobody is known to hold anything.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What Windows says of a lock that another has, and POSIX.
_TAKEN = frozenset((errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK))


@contextmanager
def tried(path: Path) -> Iterator[bool]:
    """Hold a file, which is made where it is not there; give whether nobody else does, and it is in its place still.

    Two calls in one process keep each other out as well. Raises OSError where it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _lock(descriptor) and _is_at(path, descriptor)
    finally:
        # On every system, that lets go of it.
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows' alone

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - POSIX' alone

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Say whether the name leads to the file still: whoever held it before may have removed it."""
    if sys.platform == "win32":
        return True  # which removes nothing that is open
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
