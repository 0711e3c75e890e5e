"""How wide a text stands in a line, in halves: a full-width character is 2, a half-width one 1."""

from __future__ import annotations

import unicodedata

# Half-width ones that fonts for Japanese draw full-width are so here too: `…`, `♪`, Greek and Cyrillic among them.
_FULL = ("W", "F", "A")
# Marks that stand over or within the character before them, and those that stand beside it.
_UPON = ("Mn", "Me", "Cf")
_BESIDE = "Mc"
_JOINER = "\u200d"


def width(character: str) -> int:
    """Give the width of one character; what stands over or within the one before has none."""
    if unicodedata.category(character) in _UPON or _is_skin(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in _FULL else 1


def combines(character: str) -> bool:
    """Say whether a character is a part of the one before."""
    return unicodedata.category(character) in (*_UPON, _BESIDE) or _is_skin(character)


def within_one(text: str, at: int) -> bool:
    """Say whether what is seen as one character lies on both sides of a place: a letter with marks, an emoji."""
    if combines(text[at]) or text[at - 1] == _JOINER:
        return True
    # Two letters of a kind of its own are a flag.
    before = 0
    while before < at and _is_flag(text[at - 1 - before]):
        before += 1
    return _is_flag(text[at]) and before % 2 == 1


def letters(text: str) -> float:
    """Count what has to be read, in full-width characters; spaces are not."""
    return sum(width(character) for character in text if not character.isspace()) / 2


def _is_skin(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
