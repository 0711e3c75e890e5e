"""Tokens become words: whole characters, with their punctuation attached."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers

from anime_whisper_ct2.engine.pieces import Piece, words_of


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(tiny_model / "tokenizer.json"))


class TestPieces:
    def spelled(self, tokenizer: tokenizers.Tokenizer, *parts: str) -> list[str]:
        return [token for part in parts for token in tokenizer.encode(part, add_special_tokens=False).tokens]

    def texts(self, tokens: Sequence[str], *, spaced: bool = False) -> list[str]:
        return [word.text for word in words_of(tokens, spaced=spaced)]

    def test_words_make_up_what_the_tokenizer_decodes_whatever_the_tokens(self, tokenizer: Any) -> None:
        rng = np.random.default_rng(0)
        end = tokenizer.token_to_id("<|endoftext|>")
        for length in [*range(40)] * 10:
            ids = rng.integers(0, end, length).tolist()
            for spaced in (False, True):
                words = words_of([tokenizer.id_to_token(token) for token in ids], spaced=spaced)
                assert "".join(word.text for word in words) == tokenizer.decode(ids).strip()
                bounds = [at for word in words for at in (word.first, word.end)]
                assert bounds == sorted(bounds)
                assert all(word.first < word.end <= length for word in words)

    def test_bytes_of_a_character_stay_together(self, tokenizer: Any) -> None:
        tokens = self.spelled(tokenizer, "は", "魑", "い")
        assert len(tokens) > 3  # the tiny vocabulary spells the rare one by its bytes
        assert words_of(tokens) == [
            Piece("は", 0, 1),
            Piece("魑", 1, len(tokens) - 1),
            Piece("い", len(tokens) - 1, len(tokens)),
        ]

    @pytest.mark.parametrize(
        ("parts", "words"),
        [
            (("ね", "、", "君"), ["ね、", "君"]),
            (("君", "!", "?", "…", "え"), ["君!?…", "え"]),
            (("君", "「", "え", "」", "と"), ["君", "「え」", "と"]),
            (("…", "え"), ["…え"]),
            (("え", "「"), ["え「"]),
            (("「", "…", "え"), ["「…え"]),
            (("…", "♪"), ["…♪"]),
            (("ラ", "ー", "♪", "○", "々"), ["ラ", "ー♪", "○", "々"]),
            ((" ", "え", " "), ["え"]),
            ((" ",), []),
            ((), []),
        ],
    )
    def test_a_mark_belongs_to_its_neighbour(self, tokenizer: Any, parts: tuple[str, ...], words: list[str]) -> None:
        assert self.texts(self.spelled(tokenizer, *parts)) == words

    def test_the_pause_at_a_mark_is_no_part_of_the_word(self, tokenizer: Any) -> None:
        words = words_of(self.spelled(tokenizer, "(", "え", "…"))
        assert words == [Piece("(え…", 1, 2)]

    def test_languages_with_spaces_are_split_at_them(self, tokenizer: Any) -> None:
        tokens = self.spelled(tokenizer, "Don't ", "worry, he said (twi", "ce).")
        assert "".join(self.texts(tokens, spaced=True)) == "Don't worry, he said (twice)."
        by_hand = ["ĠIt", "'s", "Ġra", "ining", ",", "Ġ(", "now", ")", "."]
        assert self.texts(by_hand, spaced=True) == ["It's", " raining,", " (now)."]
