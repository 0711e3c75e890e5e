"""Lists that were not saved as UTF-8: UTF-16 by its mark, and Japanese Windows' own encoding.

Excel and most editors of a Japanese Windows save cp932, its Shift_JIS; its PowerShell writes UTF-16.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

UTF8, LEGACY = "utf-8", "cp932"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# What cp932 makes of bytes that it has no character for, and of the kana of UTF-8: both say that it is none.
_NOT_LEGACY = re.compile("[\x80\uf8f0-\uf8f3縺繧繝]")
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


def from_utf16(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn the pieces of a text in UTF-16, with its mark in front, into UTF-8. Raises ValueError where it is broken."""
    decoder = codecs.getincrementaldecoder("utf-16")()
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8")
    decoder.decode(b"", final=True)
