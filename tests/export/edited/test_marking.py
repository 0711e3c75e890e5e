"""Two texts in one line."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.export.edited import marked

TEXTS = st.text("あいうえ。")


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("おはよお", "おはよう", "おはよ[-お-]{+う+}"),
        ("はい", "はい。", "はい{+。+}"),
        ("はいはい", "はい", "はい[-はい-]"),
        ("同じ", "同じ", "同じ"),
        ("おはよう", "直", "[-おはよう-]{+直+}"),
        ("", "あ", "{+あ+}"),
    ],
)
def test_what_went_and_what_came_is_marked(before: str, after: str, shown: str) -> None:
    assert marked(before, after) == shown


@given(before=TEXTS, after=TEXTS)
def test_both_texts_can_be_read_out_of_it(before: str, after: str) -> None:
    shown = marked(before, after)
    assert re.sub(r"\{\+.*?\+\}|\[-|-\]", "", shown) == before
    assert re.sub(r"\[-.*?-\]|\{\+|\+\}", "", shown) == after
