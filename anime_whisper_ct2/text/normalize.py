"""Ways to write the same words the same: the author's for scoring, the data set's for training.

The data set's rules are those of the card of litagin/Galgame_Speech_ASR_16kHz. Which "letters and symbols" it makes
alike, the card shows by one example only (え～？ → えー?); the others here are those that public code derived from the
card's script has.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

Normalizer: TypeAlias = Callable[[str], str]

SILENCE = "…"

# Unicode's blocks, as the author's patterns have them: hiragana, katakana (its ・ and ー too), kanji with extension A.
_LETTERS = "\u3040-\u309f\u30a0-\u30ff\u4e00-\u9fff\u3400-\u4dbf々A-Za-z0-9"
_NO_LETTER = re.compile(f"[^{_LETTERS}]+")
_NOT_ALLOWED = re.compile(f"[^{_LETTERS}。、!?…♪♡○]+")

_WIDE = {wide: wide - 0xFEE0 for first, last in ("０９", "ＡＺ", "ａｚ") for wide in range(ord(first), ord(last) + 1)}
_ALIKE = {**_WIDE, **str.maketrans("～〜！？●◯〇♥", "ーー!?○○○♡")}
_LINE_BREAK = "[n]"  # as scripts of games write it
_HALF_WIDTH = re.compile("[\uff61-\uff9f]+")
_ONE_IS_ENOUGH = re.compile(r"([…ー])\1+")
_TWO_ARE_ENOUGH = re.compile(r"([ッっあいうえおんぁぃぅぇぉゃゅょアイウエオンァィゥェォャュョ])\1{2,}")
_SIGNS = re.compile("[!?♪♡]{2,}")
_LONGEST_REPEAT = 8


def author(text: str) -> str:
    """Keep what the model's author scores: kana, kanji, A-Z, a-z and 0-9; `…` where nothing is left."""
    return _NO_LETTER.sub("", text) or SILENCE


def dataset(text: str) -> str:
    """Write a text as the model's training set does; it may become empty. Applying it twice changes nothing more.

    Tabs, dashes and all white space go. Wide letters, digits and `！？` become ASCII, narrow katakana wide, with their
    voicing marks joined on; `～` becomes `ー`, `●◯〇` `○`, `♥` `♡`. Only kana, kanji, A-Z, a-z, 0-9 and `。、!?…♪♡○`
    stay. Then repeats go: `……` to `…`, `ーー` to `ー`, `!?!?!?` to `!?`, and three or more of a vowel, a small kana or
    ん to two.
    """
    text = text.replace(_LINE_BREAK, "").translate(_ALIKE)
    text = _HALF_WIDTH.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    # Deleting brings repeats together, so it comes before them; composing is for kana whose marks stand apart.
    text = unicodedata.normalize("NFC", _NOT_ALLOWED.sub("", text))
    text = _ONE_IS_ENOUGH.sub(r"\1", text)
    text = _TWO_ARE_ENOUGH.sub(r"\1\1", text)
    return _SIGNS.sub(lambda found: _without_repeats(found[0]), text)


def none(text: str) -> str:
    """Leave a text as it is, but for white space at its ends."""
    return text.strip()


NORMALIZERS: Mapping[str, Normalizer] = MappingProxyType({"author": author, "dataset": dataset, "none": none})


def _without_repeats(signs: str) -> str:
    """Drop every piece of up to eight signs that stands right behind itself.

    Built up sign by sign, so that what is kept never holds a repeat: a pattern would leave those that it makes itself.
    """
    kept = ""
    for sign in signs:
        kept += sign
        for length in range(1, min(len(kept) // 2, _LONGEST_REPEAT) + 1):
            if kept[-length:] == kept[-2 * length : -length]:
                kept = kept[:-length]
                break
    return kept
