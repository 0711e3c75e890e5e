"""Lists that were not saved as UTF-8: UTF-16 by its mark, and Japanese Windows' own encoding line by line.

Excel and most editors of a Japanese Windows save cp932, its Shift_JIS; its PowerShell writes UTF-16.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

LEGACY = "cp932"
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# What cp932 makes of bytes that it has no character for, and of the kana of UTF-8: both say that it is none.
_NOT_LEGACY = re.compile("[\x80\uf8f0-\uf8f3縺繧繝]")
# From here on UTF-8 takes three bytes; two that fit are found in cp932 as well.
_SURE = "\u0800"


def legacy_text(line: bytes) -> str | None:
    """Read a line that is no UTF-8 as cp932; None where it is none."""
    try:
        text = line.decode(LEGACY)
    except UnicodeDecodeError:
        return None
    return None if _NOT_LEGACY.search(text) else text


def as_utf8(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Turn the lines of a list in cp932 into UTF-8; what is neither stays as it is.

    A line is taken for cp932 where it is no UTF-8, and none before it has shown that the list is.
    """
    is_utf8 = False
    for line in lines:
        if is_utf8 or line.isascii():
            yield line
            continue
        try:
            is_utf8 = max(line.decode("utf-8")) >= _SURE
            yield line
        except UnicodeDecodeError:
            text = legacy_text(line)
            yield line if text is None else text.encode("utf-8")


def from_utf16(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Turn the pieces of a text in UTF-16, with its mark in front, into UTF-8. Raises ValueError where it is broken."""
    decoder = codecs.getincrementaldecoder("utf-16")()
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8")
    decoder.decode(b"", final=True)
