"""What a comparison comes to is shown: tables, the worst lines, and charts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.evaluation import as_json, as_markdown, evaluate, example_table, open_texts
from anime_whisper_ct2.evaluation import chart as charts
from anime_whisper_ct2.evaluation.chart import draw_chart
from anime_whisper_ct2.evaluation.markdown import cell
from tests.support.comparisons import DRAWING, FEW, HEARD, SAID, compared, lines
from tests.support.held import Holders


class TestTables:
    def test_the_first_table_is_the_authors(self, tmp_path: Path) -> None:
        table = as_markdown(compared(HEARD, SAID, tmp_path)).split("\n\n")[1]
        assert table.splitlines() == [
            "| run | さくら | 先生 | mean |",
            "| --- | ---: | ---: | ---: |",
            "| hyp | 25.00 | 40.00 | 32.50 |",
        ]

    def test_many_groups_become_rows(self, tmp_path: Path) -> None:
        said = {f"{n:02}/1.ogg": "はい" for n in range(12)}
        table = as_markdown(compared(said, said, tmp_path)).split("\n\n")[1]
        assert table.splitlines()[0] == "| group | hyp |"
        assert len(table.splitlines()) == 2 + 12 + 1

    @pytest.mark.parametrize("heard", [HEARD, SAID], ids=["errors", "no errors"])
    def test_the_second_has_a_row_for_each_group_their_mean_and_all(
        self, heard: Mapping[str, str], tmp_path: Path
    ) -> None:
        _, _, *rows = as_markdown(compared(heard, SAID, tmp_path)).split("\n\n")[2].splitlines()
        assert [row.split(" | ")[1] for row in rows] == ["さくら", "先生", "mean of groups", "all"]

    def test_rates_of_kinds_add_up_to_the_whole(self, tmp_path: Path) -> None:
        (run,) = as_json(compared(HEARD, SAID, tmp_path))["runs"]
        for score in (run, *run["groups"]):
            parts = sum(score[f"{kind}_percent"] for kind in ("substitution", "deletion", "insertion"))
            assert parts == pytest.approx(score["cer_percent"], abs=0.001)

    def test_every_row_has_every_column(self, tmp_path: Path) -> None:
        for table in as_markdown(compared(HEARD, SAID, tmp_path)).split("\n\n")[1:]:
            assert len({line.count("|") for line in table.splitlines()}) == 1

    def test_names_and_texts_stay_as_they_are_in_a_cell(self) -> None:
        assert cell("a|b\\c\n<b>*x*_y_&amp;`\udcff") == r"a\|b\\c<br>\<b\>\*x\*\_y\_&amp;amp;\`\udcff"


class TestExamples:
    def rows(self, tmp_path: Path, count: int, *heard: Mapping[str, str]) -> list[str]:
        said = open_texts(lines(tmp_path / "ref.jsonl", SAID), heard=False)
        runs = {
            name: open_texts(lines(tmp_path / f"{name}.jsonl", side), heard=True)
            for name, side in zip("xy", heard, strict=False)
        }
        return example_table(evaluate(runs, said, FEW), runs, said, count).splitlines()

    def test_lines_where_runs_differ_most_come_first(self, tmp_path: Path) -> None:
        head, _, *rows = self.rows(tmp_path, 2, SAID, {**SAID, "先生/2.ogg": "ご視聴|ありがとう", "先生/1.ogg": "静か"})
        assert head == "| reference | x | y | id |"
        assert rows == [
            r"| はい | はい | ご視聴\|ありがとう | 先生/2.ogg |",
            "| 静かに… | 静かに… | 静か | 先生/1.ogg |",
        ]

    def test_lines_that_both_get_wrong_alike_are_not_shown(self, tmp_path: Path) -> None:
        assert len(self.rows(tmp_path, 9, HEARD, {**HEARD, "先生/2.ogg": "はい"})) == 2 + 1

    def test_of_one_run_its_worst_lines_are_shown(self, tmp_path: Path) -> None:
        _, _, *rows = self.rows(tmp_path, 9, HEARD)
        assert [row.split(" | ")[-1].removesuffix(" |") for row in rows] == [
            "先生/2.ogg",
            "さくら/1.ogg",
            "さくら/2.ogg",
        ]


@DRAWING
class TestCharts:
    def test_the_svg_is_valid_and_the_same_every_time(self, tmp_path: Path) -> None:
        found = compared({**HEARD, "a $b_c$ &<x>/1.ogg": "え"}, {**SAID, "a $b_c$ &<x>/1.ogg": "え"}, tmp_path)
        for name in ("1.svg", "2.svg"):
            draw_chart(found, tmp_path / name)
        assert ET.parse(tmp_path / "1.svg").getroot().tag.endswith("svg")
        assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()

    def test_japanese_names_are_drawn_with_their_own_glyphs(self, tmp_path: Path) -> None:
        found = compared(HEARD, SAID, tmp_path)
        warning = draw_chart(found, tmp_path / "c.svg")
        if warning:
            pytest.skip("no Japanese font here")
        svg = (tmp_path / "c.svg").read_text(encoding="utf-8")
        # Outlines are named by font and glyph; glyph 0 is the box that stands for all that a font lacks.
        glyphs = set(re.findall(r'<path id="(?!DejaVu)([^"]*-(?!0")[0-9a-f]+)"', svg))
        assert len(glyphs) == len(set("さくら先生"))

    def test_each_group_has_a_bar_for_each_run(self, tmp_path: Path) -> None:
        hyp = open_texts(lines(tmp_path / "hyp.jsonl", HEARD), heard=True)
        said = open_texts(lines(tmp_path / "ref.jsonl", SAID), heard=False)
        bars = list(charts._bars(evaluate({"one": hyp, "two": hyp}, said, FEW)))
        assert [bar.label for bar in bars] == ["all", "one", "two", "さくら", "one", "two", "先生", "one", "two"]
        assert [bar.label for bar in bars if bar.score is None] == ["all", "さくら", "先生"]

    def test_a_place_that_takes_no_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"c\.svg cannot be written"):
            draw_chart(compared(HEARD, SAID, tmp_path), tmp_path / "none" / "c.svg")

    def test_a_chart_that_a_viewer_has_open_is_as_it_was(self, tmp_path: Path, holders: Holders) -> None:
        evaluation = compared(HEARD, SAID, tmp_path)
        path = tmp_path / "c.svg"
        draw_chart(evaluation, path)
        before = path.read_bytes()
        holders.hold(path)
        with pytest.raises(OutputError, match=r"c\.svg cannot be written: .*another program has it open"):
            draw_chart(evaluation, path)
        assert path.read_bytes() == before
        assert not list(tmp_path.glob("*.new"))

    def test_without_a_font_one_line_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("anime_whisper_ct2.output.charts._JAPANESE_FONTS", ())
        monkeypatch.setattr("anime_whisper_ct2.output.charts._FONT_PACKAGES", ())
        warning = draw_chart(compared(HEARD, SAID, tmp_path), tmp_path / "c.png")
        assert warning is not None
        assert "\n" not in warning
        assert "install a Japanese font" in warning
        assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")

    def test_a_thousand_groups_still_make_a_chart_of_bounded_size(self, tmp_path: Path) -> None:
        said = {f"{n:03}/1.ogg": "はい" * (1 + n % 3) for n in range(200)}
        found = compared(said, said, tmp_path)
        assert len(found.groups) == 200
        draw_chart(found, tmp_path / "c.png")
        height = int.from_bytes((tmp_path / "c.png").read_bytes()[20:24], "big")
        assert height < 3000
