"""Markdown tables that show texts as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# An underscore inside a word, as names of files have it, formats nothing, and a backslash before it would be read.
_SPECIAL = re.compile(r"[\\`*|~<>\[\]]|(?<!\w)_+|_+(?!\w)")
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def cell(text: str) -> str:
    """Escape a text for a table: nothing in it formats, ends the cell or the line, or is invalid UTF-8."""
    text = _SPECIAL.sub(lambda special: "".join(f"\\{c}" for c in special[0]), text.replace("&", "&amp;"))
    # Line breaks last: the escapes would turn the `<br>` that stands for one into text.
    return printable(_CONTROL.sub(" ", _BREAKS.sub("<br>", text)))


def printable(text: str) -> str:
    """Give a text that every UTF-8 stream takes: bytes that are no UTF-8, as names can hold, are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int) -> str:
    """Lay out a table of cells, which come escaped; the first `texts` columns to the left, figures to the right."""
    rule = ["---"] * texts + ["---:"] * (len(head) - texts)
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))
