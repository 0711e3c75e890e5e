"""What a terminal is shown can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.stats import as_text
from anime_whisper_ct2.stats.report import columns
from tests.support.known_runs import segment, stats_of, transcript, write_run


class TestText:
    def test_tables_are_aligned_for_wide_characters(self, tmp_path: Path) -> None:
        one = segment(0.0, 2.0, "はい")
        names = ("a", "キャラクターＡ", "ﾊﾝｶｸ", "か\u3099くせい", "😀")
        write_run(tmp_path, *(transcript(f"{name}/1.ogg", 2.0, one) for name in names))
        text = as_text(stats_of(tmp_path)).splitlines()
        head = next(n for n, line in enumerate(text) if line.startswith("groups"))
        assert {columns(line) for line in text[head : head + 6]} == {columns(text[head])}
        listed = next(n for n, line in enumerate(text) if line.startswith("Slowest")) + 1
        before = {columns(line.partition("0.00-2.00 s")[0]) for line in text[listed : listed + 5]}
        assert len(before) == 1

    @pytest.mark.parametrize(
        ("text", "wide"), [("abc", 3), ("さくら", 6), ("ﾊﾝｶｸ", 4), ("Ａ", 2), ("か\u3099", 2), ("「…」", 5), ("", 0)]
    )
    def test_the_columns_of_a_text(self, text: str, wide: int) -> None:
        assert columns(text) == wide

    def test_only_the_largest_groups_are_shown_and_the_rest_counted(self, tmp_path: Path) -> None:
        write_run(tmp_path, *(transcript(f"g{n:03}/1.ogg", 1.0 + n, segment(0.0, 1.0, "はい")) for n in range(100)))
        text = as_text(stats_of(tmp_path, top=0))
        assert "and 70 smaller groups" in text
        assert text.index("g099") < text.index("g070")
        assert "g069" not in text

    def test_names_that_would_break_a_terminal_are_escaped(self, tmp_path: Path) -> None:
        id_ = "bad\x1b[2J\n\udcff　名.ogg"
        text = as_text(stats_of(write_run(tmp_path, transcript(id_, 1.0, segment(0.0, 1.0, "はい\r")))))
        assert "bad\\x1b[2J\\n\\udcff　名.ogg" in text
        assert "\x1b" not in text
        assert "\r" not in text

    def test_a_long_text_is_cut_to_the_same_width(self, tmp_path: Path) -> None:
        write_run(tmp_path, transcript("a.ogg", 9.0, segment(0.0, 9.0, "あ" * 500)))
        line = next(line for line in as_text(stats_of(tmp_path)).splitlines() if "a.ogg" in line)
        assert line.endswith("あ…")
        assert columns(line) < 100
