"""A part of a file as a file of its own, and a reader that looks at any file's bytes."""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from anime_whisper_ct2.audio.source import File, Watched, reason_of
from anime_whisper_ct2.errors import DecodeError, counted
from anime_whisper_ct2.system import files

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 16
# How long a recording is waited for that a scanner looks at; there may be millions that nobody may read.
_PATIENCE_S = 2.0
_LEAST_BYTES = 8  # fewer tell nothing of what a file was
_TEXT_BYTES = 512


class SectionFile(io.RawIOBase):
    """The `size_bytes` from `offset_bytes` on of an open file that can be seeked, as a file of their own.

    A read that fails ends the file, and `failure` says why, None as long as none did; with `raises` it raises.
    """

    def __init__(
        self, file: io.RawIOBase | BinaryIO, offset_bytes: int, size_bytes: int, *, raises: bool = False
    ) -> None:
        super().__init__()
        self._raises = raises
        self._file = file
        self._offset = offset_bytes
        self._size = size_bytes
        self._at = 0
        self.failure: OSError | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be seeked."""
        return True

    def tell(self) -> int:
        """Give the position within the section, in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position within the section, or behind it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read up to the buffer's length into it, and never beyond the section."""
        view = memoryview(buffer).cast("B")
        want = min(len(view), self._size - self._at)
        if want <= 0 or self.failure:
            return 0
        try:
            self._file.seek(self._offset + self._at)
            data = self._file.read(want) or b""
            if not data:
                raise OSError(f"ends {counted(self._size - self._at, 'byte')} too early")
        except OSError as error:
            self.failure = error
            if self._raises:
                raise
            return 0
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def buffered(file: io.RawIOBase) -> BinaryIO:
    """Read a file in larger portions than its reader asks for."""
    return cast(BinaryIO, io.BufferedReader(file, _BUFFER_BYTES))


class Bytes:
    """A file's bytes, by their offsets; what is read ahead is kept. `size` is the file's, in bytes."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self._at = 0
        self._held = b""

    def __call__(self, offset: int, count: int, ahead: int = 256) -> bytes:
        """Give `count` bytes from `offset` on, fewer where the file ends; at least `ahead` are read for later."""
        if not 0 <= offset < self.size:
            return b""
        start = offset - self._at
        if start < 0 or start + count > len(self._held):
            self._stream.seek(offset)
            want = max(count, ahead)
            self._held = self._stream.read(want)
            # Some files give less at a time.
            while len(self._held) < min(count, self.size - offset) and (more := self._stream.read(want)):
                self._held += more
            self._at, start = offset, 0
        return self._held[start : start + count]


@contextmanager
def bytes_of(file: File) -> Iterator[Bytes]:
    """Open a file's bytes. Raises DecodeError."""
    if isinstance(file, bytes):
        yield Bytes(io.BytesIO(file))
    elif isinstance(file, Watched):
        yield Bytes(cast(BinaryIO, file))
    else:
        # The system's reason (absent, forbidden, a folder) says more than a decoder's.
        try:
            # Paths with invalid UTF-8 stay plain strings. Unbuffered: `Bytes` reads ahead by itself.
            stream = files.opened(file, buffering=0, patience_s=_PATIENCE_S)
        except (OSError, ValueError) as error:
            raise DecodeError(f"cannot be opened: {reason_of(error)}") from error
        with stream:
            try:
                yield Bytes(cast(BinaryIO, stream))
            except OSError as error:
                raise DecodeError(f"cannot be read: {reason_of(error)}") from error


class PatchedFile(io.RawIOBase):
    """A file with some of its bytes replaced, given with where they begin; the file itself stays as it is."""

    def __init__(self, file: BinaryIO, patches: Iterable[tuple[int, bytes]]) -> None:
        super().__init__()
        self._file = file
        self._patches = tuple(patches)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be seeked."""
        return True

    def tell(self) -> int:
        """Give the position in bytes."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        return self._file.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read up to the buffer's length into it."""
        view = memoryview(buffer).cast("B")
        at = self._file.tell()
        data = bytearray(self._file.read(len(view)) or b"")
        for begin, patch in self._patches:
            first, last = max(at, begin), min(at + len(data), begin + len(patch))
            if first < last:
                data[first - at : last - at] = patch[first - begin : last - begin]
        view[: len(data)] = data
        return len(data)


def part_of(file: File, begin: int, end: int, patches: Sequence[tuple[int, bytes]], opened: ExitStack) -> File:
    """Give the bytes from `begin` to before `end` of a file as a file, with `patches`; `opened` closes it."""
    if isinstance(file, bytes):
        piece = bytearray(file[begin:end])
        for at, patch in patches:
            piece[at : at + len(patch)] = patch
        return bytes(piece)
    if isinstance(file, str):
        # Paths with invalid UTF-8 stay plain strings.
        stream = opened.enter_context(open(file, "rb", buffering=0))  # noqa: PTH123, SIM115 - `opened` closes it
        section = SectionFile(stream, begin, end - begin, raises=True)
    else:
        section = SectionFile(cast(BinaryIO, file), begin, end - begin, raises=True)
    return Watched(buffered(PatchedFile(buffered(section), patches) if patches else section))


def few_bytes(file: File) -> int | None:
    """Say how many bytes a file has, where these are too few to tell what it was; None where they are enough."""
    with bytes_of(file) as raw:
        count = len(raw(0, _LEAST_BYTES))
    return count if count < _LEAST_BYTES else None


def is_text(file: File) -> bool:
    """Say whether a file is nothing but text, by its beginning."""
    with bytes_of(file) as raw:
        head = raw(0, _TEXT_BYTES)
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head):
        return False
    try:
        # Its last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True
