"""How wide a text stands in a line, in halves: a full-width character is 2, a half-width one 1."""

from __future__ import annotations

import unicodedata

# Half-width ones that fonts for Japanese draw full-width are so here too: `…`, `♪`, Greek and Cyrillic among them.
_FULL = ("W", "F", "A")
# Marks that stand over or within the character before them.
_UPON = ("Mn", "Me", "Cf")


def width(character: str) -> int:
    """Give the width of one character; what combines with the one before has none."""
    if unicodedata.category(character) in _UPON:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _FULL else 1


def combines(character: str) -> bool:
    """Say whether a character is a part of the one before."""
    return unicodedata.category(character) in _UPON


def letters(text: str) -> float:
    """Count what has to be read, in full-width characters; spaces are not."""
    return sum(width(character) for character in text if not character.isspace()) / 2
