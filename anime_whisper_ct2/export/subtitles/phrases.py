"""Where the phrases of a Japanese text end: the door to BudouX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

_SINGLE = re.compile(r"[ぁ-ゖ]\W*")


def phrase_ends(text: str) -> set[int]:
    """Give the places between phrases, as numbers of the characters before them."""
    return set(_ends(text))


def _ends(text: str) -> Iterator[int]:
    # Each stretch by itself: BudouX learnt from texts without spaces, and fails beside them.
    for stretch in re.finditer(r"\S+", text):
        end = stretch.start()
        opening = True
        for phrase, following in pairwise(_parser().parse(stretch[0])):
            end += len(phrase)
            # One hiragana by itself is no phrase: は in はい is no particle, and よ。 belongs to what it ends.
            if not (_SINGLE.fullmatch(following) or (opening and _SINGLE.fullmatch(phrase))):
                yield end
            opening = not phrase[-1].isalnum()


@cache
def _parser() -> Any:
    # Not above: `awct2 --help` needs no model of Japanese.
    from budoux import load_default_japanese_parser  # noqa: PLC0415

    return load_default_japanese_parser()
