"""Lines of text files and streams, read in bounded pieces whatever their length."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.lists.encodings import UTF16_MARKS, as_utf8, from_utf16, is_undecided, with_utf16_mark
from anime_whisper_ct2.readers.remote import open_stream
from anime_whisper_ct2.readers.rows import shown
from anime_whisper_ct2.system.refusals import reason

# No system takes a path of a tenth of this; a row with a transcript and its words takes some kilobytes.
MAX_PATH_LINE_BYTES = 1 << 20
MAX_ROW_BYTES = 16 << 20
_CHUNK_BYTES = 1 << 16


def split_lines(stream: BinaryIO, source: str = "standard input") -> Iterator[bytes]:
    """Split a list of paths into its lines, without their ends; by NUL where one comes early, as from `find -print0`.

    A line over 1 MiB comes as its first 1 MiB and a byte. `source` is named in errors. UTF-16 comes as UTF-8.

    Raises InputError when the stream breaks off.
    """
    chunks = _chunks(stream, source)
    head = b""
    for chunk in chunks:
        head += chunk
        if b"\n" in head or b"\0" in head or len(head) > MAX_PATH_LINE_BYTES:
            break
    whole = chain((head[at : at + _CHUNK_BYTES] for at in range(0, len(head), _CHUNK_BYTES)), chunks)
    if b"\0" in head:
        yield from _split(whole, b"\0", MAX_PATH_LINE_BYTES)
    else:
        yield from map(_without_return, _split(whole, b"\n", MAX_PATH_LINE_BYTES))


def lines_of(path: str) -> Iterator[bytes]:
    """Read a text file or URL line by line, without the ends of lines and without a byte order mark.

    A line over 16 MiB comes as its first 16 MiB and a byte. UTF-16 comes as UTF-8.

    Raises InputError when it cannot be opened, or breaks off.
    """
    with open_stream(path) as stream:
        lines = map(_without_return, _split(_chunks(stream, path), b"\n", MAX_ROW_BYTES))
        yield from without_mark(lines)


def text_lines_of(path: str) -> Iterator[bytes]:
    """Read the lines of a list whose bytes are text throughout, as `lines_of` does; cp932 comes as UTF-8 too."""
    return as_utf8(lines_of(path))


def without_mark(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Take the UTF-8 byte order mark off the first line, where one is."""
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix(codecs.BOM_UTF8)


def _chunks(stream: BinaryIO, source: str) -> Iterator[bytes]:
    pieces = _pieces(stream, source)
    first = b""
    # A pipe may give a few letters at a time.
    for piece in pieces:
        first += piece
        if len(first) >= _CHUNK_BYTES or not is_undecided(first):
            break
    first = with_utf16_mark(first)
    pieces = chain((first,), pieces) if first else pieces
    if not first.startswith(UTF16_MARKS):
        return pieces
    return _decoded(pieces, source)


def _decoded(pieces: Iterable[bytes], source: str) -> Iterator[bytes]:
    try:
        yield from from_utf16(pieces)
    except ValueError as error:
        raise InputError(f"{shown(source)}: is broken UTF-16 text; save it as UTF-8") from error


def _pieces(stream: BinaryIO, source: str) -> Iterator[bytes]:
    # What a pipe holds by now, not what fills a buffer: its writer may be slow.
    read = getattr(stream, "read1", stream.read)
    while True:
        try:
            chunk = read(_CHUNK_BYTES)
        except OSError as error:
            raise InputError(f"{shown(source)}: breaks off: {reason(error)}; run the same again to go on") from error
        if not chunk:
            return
        yield chunk


def _split(chunks: Iterable[bytes], separator: bytes, limit: int) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        first, *others = chunk.split(separator)
        # No more than is given: a file without line ends may be of any size.
        if len(held) <= limit:
            held += first
        if others:
            yield bytes(held[: limit + 1])
            yield from others[:-1]
            held = bytearray(others[-1])
    if held:
        yield bytes(held[: limit + 1])


def _without_return(line: bytes) -> bytes:
    return line.removesuffix(b"\r")
