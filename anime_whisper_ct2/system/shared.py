"""Memory of this process that its children write into, so that what they hand over goes through no pipe.

It has no name in any folder: nothing is left over however these processes end, and a container's small /dev/shm is not
asked. (On Windows it has a name for as long as somebody holds it.) A page is taken when it is first written, and on
POSIX a child writes with calls that say when there is no more: through a mapping, that would be SIGBUS.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import secrets
import sys
import tempfile
import weakref
from collections.abc import Callable
from typing import TypeAlias

# MFD_CLOEXEC of memfd_create(2)
_CLOSE_ON_EXEC = 1
# What is worth having. On Linux a page is taken when it is first written, and given back; Windows counts all of it as
# taken at once, and macOS keeps it in a file.
MOST_BYTES = 1 << 30 if sys.platform == "linux" else 256 << 20
# By what a child finds the memory: a descriptor that it inherits, or on Windows a name.
Handle: TypeAlias = int | str


class Block:
    """`size_bytes` of memory, mapped here as `memory`; a child that is started with `inherited` finds it by `handle`.

    What is mapped stays for as long as something refers to `memory`. Raises OSError where the system gives none.
    """

    handle: Handle
    inherited: tuple[int, ...] = ()

    def __init__(self, size_bytes: int) -> None:
        if sys.platform == "win32":
            name = f"awct2-{secrets.token_hex(16)}"
            self.memory, self.handle = mmap.mmap(-1, size_bytes, tagname=name), name
            self._let_go: Callable[[], object] = lambda: None
            return
        descriptor = _nameless_file()
        try:
            os.ftruncate(descriptor, size_bytes)
            self.memory = mmap.mmap(descriptor, size_bytes)
        except BaseException:
            os.close(descriptor)
            raise
        self.handle, self.inherited = descriptor, (descriptor,)
        self._let_go = weakref.finalize(self, os.close, descriptor)

    def close(self) -> None:
        """Keep no door open for further children."""
        self.inherited = ()
        self._let_go()

    def trim(self, start: int, end: int) -> None:
        """Give the whole pages between two bytes back, where the system takes them; they hold zeros then."""
        first, last = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        if sys.platform == "linux" and first < last:
            with contextlib.suppress(OSError):  # not every file system can
                self.memory.madvise(mmap.MADV_REMOVE, first, last - first)


class Lent:
    """A parent's block, in a child: to be written, and never read. Raises OSError where it cannot be had."""

    def __init__(self, handle: Handle, size_bytes: int) -> None:
        self._handle = handle
        self._memory: mmap.mmap | None = None
        if sys.platform == "win32":
            assert isinstance(handle, str)
            self._memory = mmap.mmap(-1, size_bytes, tagname=handle)
        else:
            assert isinstance(handle, int)
            # Whatever this child starts has no part in it.
            os.set_inheritable(handle, False)

    def write(self, data: memoryview, start: int) -> None:
        """Put bytes into the block from `start` on. Raises OSError where no page is to be had for them."""
        if self._memory is not None:
            self._memory[start : start + len(data)] = data
            return
        assert isinstance(self._handle, int)
        while data:
            written = os.pwrite(self._handle, data, start)
            data, start = data[written:], start + written


def _nameless_file() -> int:
    """Open a file that is in no folder: in memory where the system has such, else on the disk for temporary files."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # a sandbox may forbid it
            return _in_memory()
    with tempfile.TemporaryFile(prefix="awct2-") as file:
        return os.dup(file.fileno())


def _in_memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("awct2")
    # A Python that was built for older systems has no function of that name.
    library = ctypes.CDLL(None, use_errno=True)
    descriptor: int = library.memfd_create(b"awct2", _CLOSE_ON_EXEC)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "memfd_create")
    return descriptor
