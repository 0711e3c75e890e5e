"""Lists that were not saved as UTF-8: UTF-16, Japanese Windows' own encoding, and where names say so, this Windows'.

Excel and most editors of a Japanese Windows save cp932, its Shift_JIS, and `dir > list.txt` writes it; its PowerShell
writes UTF-16 with a mark, and `cmd /u` without.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from anime_whisper_ct2.system.paths import code_pages

T = TypeVar("T")

UTF8, LEGACY = "utf-8", "cp932"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The end of a line, or the beginning of one with a drive: a list that NUL parts has no such names of one letter.
_UTF16_UNMARKED = re.compile(rb"(?:..)*?\r\0\n\0|[A-Za-z]\0:\0\\\0", re.DOTALL)
# How much of either has to be seen, and what may be the middle of one: a name of one letter between two NULs.
_TELLING_BYTES = 6
_PERHAPS_UTF16 = re.compile(rb"\0[^\0]\0")

# What cp932 makes of bytes that it has no character for, and of the kana of UTF-8: both say that it is none.
_NOT_LEGACY = re.compile("[\x80\uf8f0-\uf8f3縺繧繝]")
_KANA = "ア".encode(LEGACY)
# From here on UTF-8 takes three bytes; two that fit are found in cp932 as well.
_SURE = "\u0800"
# How much of a list is looked ahead for what tells the two apart: ten thousand lines or so.
_LOOK_BYTES = 1 << 20


def legacy_text(line: bytes) -> str | None:
    """Read a line as cp932; None where it is none."""
    try:
        text = line.decode(LEGACY)
    except UnicodeDecodeError:
        return None
    return None if _NOT_LEGACY.search(text) else text


def legacy_readings(line: bytes) -> Iterator[str]:
    """Give what a line that may be no UTF-8 can say: in cp932, and in the code pages of this Windows."""
    text = legacy_text(line)
    # To a Windows that is not Japanese, two of its own letters are often one in cp932, which nobody wrote.
    last = not _is_japanese()
    if text is not None and not last:
        yield text
    for page in code_pages():
        with contextlib.suppress(UnicodeDecodeError):
            yield line.decode(page)
    if text is not None and last:
        yield text


def name_readings(raw: bytes) -> Sequence[str]:
    """Give what bytes that name something can say, the likeliest first; more than one where they are no UTF-8.

    First comes what the system makes of them; on Windows, where names are text, that may be nothing.
    """
    try:
        named = os.fsdecode(raw)
        named.encode("utf-8")
    except UnicodeEncodeError:
        return (named, *legacy_readings(raw))
    except UnicodeDecodeError:
        return (*legacy_readings(raw), raw.decode("utf-8", "surrogateescape"))
    return (named,)


def name_text(raw: bytes) -> str:
    """Decode what names something and is no path, such as an id: always alike, so that two files agree on it."""
    return name_readings(raw)[0]


def encoding_of(line: bytes) -> str | None:
    """Say which of the two a line shows its list to be in; None where it may be in either, or is in none.

    Half-width kana may be either: `ﾄｶ` is the same two bytes as `Ķ`.
    """
    if line.isascii():
        return None
    try:
        return UTF8 if max(line.decode("utf-8")) >= _SURE else None
    except UnicodeDecodeError:
        return None if legacy_text(line) is None else LEGACY


def as_utf8(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Turn the lines of a list in cp932 into UTF-8; what is neither stays as it is.

    A list is in cp932 once a line shows that, and none before it has shown UTF-8. Lines that may be in either wait for
    the first that shows which, up to 1 MiB of them, and are UTF-8 where none does.
    """
    encoding: str | None = None
    held: list[bytes] = []
    held_bytes = 0
    for line in lines:
        if encoding != UTF8:
            encoding = encoding_of(line) or encoding
        # From the first line on of which it matters.
        if encoding is None and (held or not line.isascii()) and held_bytes <= _LOOK_BYTES:
            held.append(line)
            held_bytes += len(line)
            continue
        for each in (*held, line):
            text = None if encoding != LEGACY or each.isascii() else legacy_text(each)
            yield each if text is None else text.encode("utf-8")
        held, held_bytes = [], 0
    yield from held


def texts_as_utf8(rows: Iterable[tuple[T, bytes]]) -> Iterator[tuple[T, str]]:
    """Decode texts as `as_utf8` does lines, and leave alone what stands beside each; bytes that are neither stay."""
    waiting: deque[T] = deque()

    def texts() -> Iterator[bytes]:
        """Give the texts alone."""
        for beside, text in rows:
            waiting.append(beside)
            yield text

    for text in as_utf8(texts()):
        yield waiting.popleft(), text.decode("utf-8", "surrogateescape")


def is_undecided(first: bytes) -> bool:
    """Say whether more of a text has to be seen to tell whether it is in UTF-16.

    What has a whole line, or a whole name before a NUL, is decided, so that nobody waits for a slow pipe.
    """
    if first.startswith(UTF16_MARKS) or _UTF16_UNMARKED.match(first):
        return False
    if b"\0" not in first:
        # As the end of a line or half a character, one in front ends no name.
        return b"\n" not in first.lstrip(b"\r\n")
    return len(first) < _TELLING_BYTES or _PERHAPS_UTF16.search(first) is not None


def with_utf16_mark(first: bytes) -> bytes:
    """Put its mark before the beginning of a text that is in UTF-16 without one, as far as its lines show that."""
    unmarked = not first.startswith(UTF16_MARKS) and _UTF16_UNMARKED.match(first)
    return codecs.BOM_UTF16_LE + first if unmarked else first


def _is_japanese() -> bool:
    """Say whether this system's editors write cp932; where none has a code page, whoever writes no UTF-8 does."""
    with contextlib.suppress(UnicodeError):
        return all(_KANA.decode(page) == _KANA.decode(LEGACY) for page in code_pages()[:1])
    return False


def from_utf16(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn the pieces of a text in UTF-16, with its mark in front, into UTF-8. Raises ValueError where it is broken."""
    decoder = codecs.getincrementaldecoder("utf-16")()
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8")
    decoder.decode(b"", final=True)
