"""Tar archives from the first member to the last: strict where tarfile is lenient, with one member's header in memory.

tarfile ends without a word at a damaged header or a missing end, trusts any size that a header gives, and keeps every
header it has read.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import IO, Any, Literal, Protocol, cast

from anime_whisper_ct2.errors import InputError, RecordingError
from anime_whisper_ct2.readers.remote import is_url, open_stream
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Read up to `size` bytes; none at the end."""


class _Source(_Readable, Protocol):
    """What `tarfile` needs of the file that it goes through once."""

    def tell(self) -> int:
        """Give the position in bytes."""

    def seek(self, position: int, /) -> int:
        """Go to a position, and give it."""


class _Closeable(_Readable, Protocol):
    def close(self) -> None:
        """Let go of what is held for decompressing."""


_READ_BYTES = 1 << 20
# Long names and PAX records; tarfile reads such a header in one go, whatever size it claims.
_MOST_HEADER_BYTES = 1 << 16
_HEADERS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
# What compressed files begin with; their names may say anything.
_DECOMPRESSORS: dict[bytes, Callable[[Any, Literal["rb"]], _Closeable]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
# In a name that is no UTF-8, a backslash may be half of a character: in cp932 `表` ends in one.
_CHARACTER_OR_BACKSLASH = re.compile(rb"([\x81-\x9f\xe0-\xfc].)|\\", re.DOTALL)


class Archive:
    """A tar to go through once, plain or compressed with gzip, bzip2 or xz; `path` is local or a URL.

    Several tars in one file, end to end, are one. Use it in a `with`. Iterating gives the members in their order, whose
    names keep invalid UTF-8 as surrogate escapes.

    Raises RecordingError, when opened or between two members, where the archive cannot be read further.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._files = ExitStack()
        # Bytes in all, where members can also be read later, by their place in the file.
        self._size: int | None = None
        self._file: _Source
        self._fault: Exception | None = None

    def __enter__(self) -> Archive:
        try:
            self._file = self._open()
        except (InputError, RecordingError) as error:
            self._files.close()
            raise RecordingError(str(error)) from error
        # Each kind of remote store and decompressor has errors of its own; all of them concern this archive alone.
        except Exception as error:
            self._files.close()
            raise RecordingError(f"cannot be opened: {_reason(error)}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    @property
    def in_place(self) -> bool:
        """Whether members lie in a local file as they are, so that others can read them there."""
        return self._size is not None

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        number, place, end = 0, "", 0
        while True:
            try:
                if self._fault is not None:
                    raise self._fault
                if not number:
                    # ignore_zeros: an end mark with more members behind it is where two archives were joined.
                    tar = tarfile.TarFile(
                        fileobj=cast("IO[bytes]", self._file),
                        tarinfo=_Header,
                        ignore_zeros=True,
                        encoding="utf-8",
                        errors="surrogateescape",
                    )
                member = tar.next()
                tar.members = []  # type: ignore[attr-defined]  # typeshed leaves it out
                if member and (_lies(member.size) or tar.offset <= end):
                    raise tarfile.ReadError("damaged header (a size that no file has)")
            except Exception as error:
                place = f"breaks off after {place}" if number else "cannot be read as a tar archive"
                raise RecordingError(f"{place}: {_reason(error)}") from error
            if member is None:
                break
            number, end = number + 1, tar.offset
            place = f"member {number}, {member.name!r}"
            yield member
        # Past an end mark, which is a block of zeros, tarfile moves on.
        if number and tar.offset == end:
            raise RecordingError(f"has no end mark after {place}; it may be cut off there")

    def whole(self, member: tarfile.TarInfo) -> bool:
        """Say whether the file is long enough for a member; only where members are in place."""
        return self._size is None or member.offset_data + member.size <= self._size

    def read(self, member: tarfile.TarInfo) -> bytes | None:
        """Read the member that the iteration has just given; None when it breaks off, as the archive then does."""
        try:
            self._file.seek(member.offset_data)
            data = self._file.read(member.size)
        except Exception as error:
            self._fault = error
            return None
        return data if len(data) == member.size else None

    def head(self, member: tarfile.TarInfo, size_bytes: int) -> bytes | None:
        """Read how the member begins that the iteration has just given; None where it can only be read whole."""
        if not self.in_place:
            return None
        try:
            self._file.seek(member.offset_data)
            return self._file.read(min(size_bytes, member.size))
        except Exception:  # whoever reads it whole will say what is wrong
            return None

    def _open(self) -> _Source:
        stream = self._files.enter_context(open_stream(self.path))
        head = _Forward(stream).read(max(map(len, _DECOMPRESSORS)))
        if head.startswith(_ZSTANDARD):
            raise RecordingError("is compressed with Zstandard, which is not supported; give .tar or .tar.gz")
        for magic, decompressor in _DECOMPRESSORS.items():
            if head.startswith(magic):
                return _Forward(self._files.enter_context(closing(decompressor(_Forward(stream, head), "rb"))))
        if not is_url(self.path) and stream.seekable():
            self._size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            return stream
        return _Forward(stream, head)


def is_in_place(path: str) -> bool:
    """Say whether an archive's members can be read where they lie: in a plain file on a disk."""
    if is_url(path):
        return False
    try:
        with opened(path) as file:
            head = file.read(max(map(len, _DECOMPRESSORS)))
    except (OSError, ValueError):
        return True  # what is wrong with it, reading it will say
    return not head.startswith(tuple(_DECOMPRESSORS))


def member_path(name: str) -> str:
    r"""Give a member's path as ids have it: of `.\a\b.ogg` it is `a/b.ogg`, whichever system packed it and reads it.

    `./` and slashes that follow each other do not tell names apart, and `\` is how programs on Windows write a slash.
    """
    if "\\" in name:
        name = _with_slashes(name)
    if name.startswith("./") or "//" in name or "/./" in name:
        return "/".join(part for part in name.split("/") if part not in {"", "."})
    return name


class _Forward:
    """Downloads, pipes and decompressors as files that can be sought forwards, by reading on.

    `head`: what was read of the stream before.
    """

    def __init__(self, stream: _Readable, head: bytes = b"") -> None:
        self._stream = stream
        self._head = head
        self._position = 0

    def read(self, size: int, /) -> bytes:
        """Read `size` bytes, fewer only at the end."""
        pieces = [self._head[:size]]
        self._head = self._head[size:]
        left = size - len(pieces[0])
        while left > 0:
            # Never asked for what a header claims: some streams would reserve it at once.
            piece = self._stream.read(min(left, _READ_BYTES))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Give the position in the stream, in bytes."""
        return self._position

    def seek(self, position: int, /) -> int:
        """Read on to a position. Raises OSError for one that has passed."""
        if position < self._position:
            raise OSError("a stream cannot be sought backwards")
        while position > self._position and self.read(min(position - self._position, _READ_BYTES)):
            pass
        return self._position


class _Header(tarfile.TarInfo):
    """A header that is refused when it is damaged, where tarfile would take it for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Make a header of its block of 512 bytes; raises ReadError, which ends the archive, where it is damaged."""
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == 0 or not any(buf):
                raise
            raise tarfile.ReadError(f"damaged header ({error})") from None
        if _lies(header.size):
            raise tarfile.ReadError("damaged header (a size that no file has)")
        if header.type in _HEADERS and header.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"an extended header of {header.size} bytes")
        return header


def _with_slashes(name: str) -> str:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        return _CHARACTER_OR_BACKSLASH.sub(lambda found: found[1] or b"/", raw).decode("utf-8", "surrogateescape")
    return name.replace("\\", "/")


def _lies(size: int) -> bool:
    # GNU's binary numbers may be negative, or larger than any file.
    return not 0 <= size < 1 << 62


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return reason(error)
    if isinstance(error, (tarfile.TarError, OSError, EOFError)) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}"
