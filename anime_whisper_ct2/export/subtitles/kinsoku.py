"""Kinsoku shori: which characters no line begins with, and which none ends with."""

from __future__ import annotations

import re

# Marks that belong to what stands before them.
PERIODS = frozenset("。｡．")
SENTENCE_ENDS = PERIODS | frozenset("!?！？‼⁇⁈⁉")
COMMAS = frozenset("、､，")
# Those that are marks only in front of a space or a Japanese character: others stand in numbers.
LATIN_PERIODS = frozenset(".")
LATIN_COMMAS = frozenset(",:;：；")
# These end a sentence or begin one, and often neither.
TRAILS = frozenset("…‥♪♫♬♩♡♥❤☆★")
CLOSING = frozenset("」｣』）)］]｝}〉》】〕〗〙〟’”»")
OPENING = frozenset("「｢『（([［{｛〈《【〔〖〘〝‘“«")

_NEVER_FIRST = (
    SENTENCE_ENDS
    | COMMAS
    | LATIN_PERIODS
    | LATIN_COMMAS
    | CLOSING
    | frozenset("ーｰ〜～~゛゜・･%％‐–—―‰°′″℃々〻ゝゞヽヾ")
    | frozenset("ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶ" + "ㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ" + "ｧｨｩｪｫｬｭｮｯﾞﾟ")
)
_NEVER_LAST = OPENING | frozenset("¥￥$＄€£＃№")
# Behind these, and behind a space, a mark such as `…` begins something.
_BEFORE_TRAILS = PERIODS | COMMAS | OPENING
# Kana, kanji and their kin, which are written without spaces.
_UNSPACED = (
    "\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_JAPANESE = re.compile(f"[{_UNSPACED}]")
_LETTER = rf"[^\W{_UNSPACED}]"
# Words and numbers of scripts that part them by spaces, with the marks inside them.
_WORD = re.compile(rf"{_LETTER}+(?:[-.,:'’@/&+]{_LETTER}+)*")


def allowed(before: str, after: str) -> bool:
    """Say whether a line may end with one character and the next begin with the other, words apart."""
    if after in _NEVER_FIRST or before in _NEVER_LAST:
        return False
    return after not in TRAILS or begins_trail(before)


def begins_trail(before: str) -> bool:
    """Say whether a mark such as `…` belongs to what follows it, by the character before."""
    return before in _BEFORE_TRAILS or before.isspace()


def is_japanese(text: str) -> bool:
    """Say whether a text has kana or kanji."""
    return _JAPANESE.search(text) is not None


def within_words(text: str) -> set[int]:
    """Give the places inside words and numbers of scripts that part words by spaces: `10,000`, `don't`."""
    return {at for word in _WORD.finditer(text) for at in range(word.start() + 1, word.end())}
