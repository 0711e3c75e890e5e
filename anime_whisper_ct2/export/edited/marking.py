"""Two texts in one line, with the characters marked that differ."""

from __future__ import annotations


def marked(before: str, after: str) -> str:
    """Give a text with what went as `[-…-]` and what came as `{+…+}`, in the alignment that `eval` counts errors by."""
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - where nothing is shown, it is not needed

    parts: list[str] = []
    went = came = ""
    for code in Levenshtein.opcodes(before, after):
        was, is_ = before[code.src_start : code.src_end], after[code.dest_start : code.dest_end]
        if code.tag == "equal":
            parts += (_marks(went, came), was)
            went = came = ""
        else:
            went, came = went + was, came + is_
    return "".join((*parts, _marks(went, came)))


def _marks(went: str, came: str) -> str:
    return (f"[-{went}-]" if went else "") + (f"{{+{came}+}}" if came else "")
