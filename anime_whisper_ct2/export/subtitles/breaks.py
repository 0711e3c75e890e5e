"""Where a text may be broken, and how well: between sentences, clauses or phrases, and inside a phrase if need be."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from itertools import pairwise
from math import ceil

from anime_whisper_ct2.export.subtitles.kinsoku import (
    CLOSING,
    COMMAS,
    LATIN_COMMAS,
    LATIN_PERIODS,
    OPENING,
    SENTENCE_ENDS,
    TRAILS,
    allowed,
    begins_trail,
    is_japanese,
    within_words,
)
from anime_whisper_ct2.export.subtitles.phrases import phrase_ends
from anime_whisper_ct2.export.subtitles.widths import width, within_one

_SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))
# The end of a line says as much as a full stop.
_FINAL = _SPACES + "。｡"
# Without commas, as some models write, these part a long sentence best.
_JOINTS = ("から", "ので", "のに", "けど", "けれど", "けれども", "たら", "だら", "れば", "ながら", "たり", "て", "んで")


class Break(IntEnum):
    """How well a text may be broken at a place, best first."""

    SENTENCE = 0
    CLAUSE = 1
    JOINT = 2  # behind a phrase that leads on to another thought
    PHRASE = 3
    LETTER = 4


def shown(text: str) -> str:
    """Give a piece of a text as a line shows it: without spaces and full stops around it."""
    return text.strip(_FINAL)


def width_at_end(text: str) -> int:
    """Give the width of a piece of a text that ends a line."""
    return sum(map(width, text.rstrip(_FINAL)))


def breaks(text: str, most: int) -> dict[int, Break]:
    """Give the places at which a text is best broken, in order: so many that no piece is wider than `most`.

    A place is the number of characters before it. Spaces belong to the piece before them. `most`: in halves.
    """
    inside, phrases = within_words(text), phrase_ends(text) if is_japanese(text) else set()
    found = {
        at: kind
        for at in range(1, len(text))
        if not text[at].isspace() and at not in inside and (kind := _kind(text, at, phrases)) is not None
    }
    for start, end in pairwise([0, *found, len(text)]):
        for at in _within(text, start, end, most, inside):
            found[at] = Break.LETTER
    return dict(sorted(found.items()))


def _kind(text: str, at: int, phrases: set[int]) -> Break | None:
    last = at - 1
    while last > 0 and text[last].isspace():
        last -= 1
    before, after, spaced = text[last], text[at], last < at - 1
    if within_one(text, at) or not allowed(text[at - 1], after):
        return None
    if before in CLOSING:
        # 「はい。」と goes on; 「はい」「いいえ」 does not.
        return Break.CLAUSE if spaced or after in OPENING or at in phrases else None
    if before in SENTENCE_ENDS or (before in LATIN_PERIODS and (spaced or is_japanese(after))):
        return Break.SENTENCE
    if before in TRAILS and _opens(text, last):
        return None
    if before in COMMAS or before in TRAILS or before in LATIN_COMMAS:
        return Break.CLAUSE
    if spaced:
        # In Japanese a space stands for a full stop; in other scripts it is between all words.
        return Break.SENTENCE if is_japanese(before + after) else Break.PHRASE
    if after in OPENING:
        return Break.CLAUSE
    if at not in phrases:
        return None
    return Break.JOINT if text.endswith(_JOINTS, 0, at) else Break.PHRASE


def _opens(text: str, at: int) -> bool:
    """Say whether a mark such as `…` stands before what it belongs to, not behind it."""
    while at >= 0 and text[at] in TRAILS:
        at -= 1
    return at < 0 or begins_trail(text[at])


def _within(text: str, start: int, end: int, most: int, words: set[int]) -> Iterator[int]:
    """Give the places at which a piece that is too wide is to be broken, into parts of like width."""
    wide = width_at_end(text[start:end])
    while wide > most:
        at = _best(text, start, most, wide / ceil(wide / most), words)
        yield at
        wide -= sum(map(width, text[start:at]))
        start = at


def _best(text: str, start: int, most: int, target: float, words: set[int]) -> int:
    """Choose the place at which a piece is broken: near a width, before it is wider than `most`."""
    total, found = 0, []
    for at in range(start + 1, len(text)):
        total += width(text[at - 1])
        if total > most:
            break
        found.append((_fault(text, at, words), abs(total - target), at))
    return min(found)[2]


def _fault(text: str, at: int, words: set[int]) -> int:
    """Say how bad it is to break a phrase at a place."""
    before, after = text[at - 1], text[at]
    if within_one(text, at):
        return 5  # which would tear a character
    if after.isspace():
        return 4  # which would be an empty beginning
    if not allowed(before, after):
        return 3
    if at in words:
        return 2
    # Between kinds of characters words are likely to end: not before hiragana, which are endings, but for ケーキ|を.
    kinds = _script(before), _script(after)
    return int(kinds[0] == kinds[1] or (kinds[1] == "hiragana" and kinds[0] != "katakana"))


def _script(character: str) -> str:
    if "\u3040" <= character <= "\u309f":
        return "hiragana"
    if "\u30a0" <= character <= "\u30ff":
        return "katakana"
    return "kanji" if is_japanese(character) else "other"
