"""Names in Unicode's composed and decomposed forms, which look the same and which most systems tell apart."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator


def spellings(text: str) -> tuple[str, ...]:
    """Give a text as it is written, and then composed (NFC) and decomposed (NFD), each once."""
    if text.isascii():
        return (text,)
    return tuple(dict.fromkeys((text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))))


def spelled(path: str) -> str:
    """Give the path under which a file is on the disk: as it is written, else in another form of its parts.

    Where there is none, it stays as it is written.
    """
    if path.isascii() or os.path.lexists(path):
        return path
    drive, rest = os.path.splitdrive(path)
    parts = rest.replace(os.sep, "/").split("/")
    return next(_there(drive + os.sep if not parts[0] else drive, parts), path)


def _there(above: str, parts: list[str]) -> Iterator[str]:
    """Give the paths below a folder that exist, in whichever forms of their parts."""
    if not parts:
        yield above
        return
    # Each part by itself: the folders of one path may be written in different forms.
    for spelling in spellings(parts[0]):
        path = os.path.join(above, spelling)  # noqa: PTH118 - plain strings keep invalid UTF-8
        if not spelling or os.path.lexists(path):
            yield from _there(path if spelling else above, parts[1:])
