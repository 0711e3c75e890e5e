"""Texts are counted as `awct2 eval` counts them."""

from __future__ import annotations

import jiwer
import pytest

from anime_whisper_ct2.search.objective import Scorer, cer
from anime_whisper_ct2.text import NORMALIZERS

RIGHT = ("えっと、おはよう！", "今日は、いい天気だね…", "あはは")
HEARD = ("えと、おはよう", " 今日はいい天気 ", "")


@pytest.mark.parametrize("normalizer", NORMALIZERS)
def test_the_rate_is_that_of_jiwer(normalizer: str) -> None:
    scorer, normalize = Scorer(RIGHT, normalizer), NORMALIZERS[normalizer]
    edits = sum(scorer.edits(number, heard) for number, heard in enumerate(HEARD))
    expected = jiwer.cer(list(map(normalize, RIGHT)), [normalize(heard.strip()) for heard in HEARD])
    assert cer(edits, scorer.characters_of(range(3))) == pytest.approx(100 * expected)
