"""A text's tokens as words: the tokenizer's pieces, joined until they hold whole characters, punctuation attached."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

# As Whisper has it: these are written without spaces, so every piece is a word.
UNSPACED = frozenset(("zh", "ja", "th", "lo", "my", "yue"))
# Signs that nobody reads out, beside what Unicode calls punctuation.
_UNSPOKEN = frozenset("♪♫♬♩♡♥☆★～")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of a text; its spoken part was written with the tokens from number `first` to before number `end`."""

    text: str
    first: int
    end: int


def words_of(tokens: Sequence[str], *, spaced: bool = False) -> list[Piece]:
    """Split a text into its words; joined, they are the text without white space around it.

    `tokens`: as a byte-level vocabulary writes them. `spaced`: words begin with a space, else each piece is a word.
    An opening bracket belongs to the word behind it, any other mark to the one before. A text of nothing but marks is
    one word.
    """
    pieces = _stripped(_whole_characters(tokens))
    return _attached(_by_spaces(pieces) if spaced else pieces)


def _byte_alphabet() -> dict[str, int]:
    """Say which bytes a byte-level vocabulary means: what prints stands for itself, the rest begins at U+0100."""
    printing = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(0x100) if byte not in printing]
    return {chr(byte): byte for byte in printing} | {chr(0x100 + at): byte for at, byte in enumerate(others)}


_BYTES = _byte_alphabet()


def _bytes_of(token: str) -> bytes:
    try:
        return bytes(_BYTES[character] for character in token)
    except KeyError:
        return token.encode()  # an added token, written as it reads


def _whole_characters(tokens: Sequence[str]) -> list[Piece]:
    # One character may take several tokens, each with some of its bytes.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    pieces: list[Piece] = []
    text, first = "", 0
    for at, token in enumerate(tokens, 1):
        last = at == len(tokens)
        text += decoder.decode(_bytes_of(token), last)
        if last or (text and not decoder.getstate()[0]):
            pieces.append(Piece(text, first, at))
            text, first = "", at
    return pieces


def _stripped(pieces: list[Piece]) -> list[Piece]:
    """Take the white space around the text away, and the pieces that were nothing else."""
    text = "".join(piece.text for piece in pieces)
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    kept: list[Piece] = []
    at = 0
    for piece in pieces:
        inside = text[max(at, begin) : min(at + len(piece.text), end)]
        at += len(piece.text)
        if inside:
            kept.append(replace(piece, text=inside))
    return kept


def _by_spaces(pieces: list[Piece]) -> list[Piece]:
    """Join the pieces of a word; marks stay apart, so that the pause at a comma is no part of the word."""
    words: list[Piece] = []
    for piece in pieces:
        before = words[-1] if words else None
        if before is None or piece.text[0].isspace() or _is_mark(piece.text) or _is_mark(before.text):
            words.append(piece)
        else:
            words[-1] = Piece(before.text + piece.text, before.first, piece.end)
    return words


def _attached(pieces: list[Piece]) -> list[Piece]:
    words: list[Piece] = []
    waiting = ""
    for piece in pieces:
        if not _is_mark(piece.text):
            words.append(replace(piece, text=waiting + piece.text))
            waiting = ""
        # Once one mark waits for the next word, those behind it wait too, or they would change places.
        elif waiting or not words or _opens(piece.text):
            waiting += piece.text
        else:
            words[-1] = replace(words[-1], text=words[-1].text + piece.text)
    if waiting and words:
        words[-1] = replace(words[-1], text=words[-1].text + waiting)
    elif waiting:
        words.append(Piece(waiting, pieces[0].first, pieces[-1].end))
    return words


def _is_mark(text: str) -> bool:
    return all(c in _UNSPOKEN or c.isspace() or unicodedata.category(c)[0] == "P" for c in text)


def _opens(text: str) -> bool:
    return all(unicodedata.category(c) in ("Ps", "Pi") for c in text.strip())
