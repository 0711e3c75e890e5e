"""The chart names what was tried, in the language of the locale, and stands whatever came of a search."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.search import words as spoken
from anime_whisper_ct2.search.chart import draw
from anime_whisper_ct2.search.naming import short_names
from anime_whisper_ct2.search.panels import Sheet, draw_training
from anime_whisper_ct2.search.records import Search
from anime_whisper_ct2.search.words import EN, JA, chart_words
from tests.support.comparisons import DRAWING
from tests.support.searches import WEIGHTED, searched

USUAL = searched(9, 7, 5, 8, averages={(1, 2): 4.0, (2, 3): 6.0}, pruned={(0, 1): 12.0})


def texts(path: Path) -> list[str]:
    """What is drawn as outlines is told of in comments."""
    return re.findall(r"<!-- (.*?) -->", path.read_text("utf-8"))


@DRAWING
class TestChart:
    def test_it_names_checkpoints_and_rates_and_what_was_not_heard_to_its_end(self, tmp_path: Path) -> None:
        draw(USUAL, tmp_path / "search.svg", EN)
        written = texts(tmp_path / "search.svg")
        for text in ("500", "2000", "4.00", "6.00", "12.00", EN.pruned, EN.single, EN.uniform, EN.best_so_far):
            assert text in written
        assert "first: checkpoint-…" in written
        assert "70 recordings, 1,400 characters, normalizer author" in written
        assert "best: checkpoint-1000 … checkpoint-1500 (2), CER 4.00 %" in written

    def test_weights_are_shown_for_each_group_of_tensors(self, tmp_path: Path) -> None:
        draw(WEIGHTED, tmp_path / "search.svg", EN)
        written = texts(tmp_path / "search.svg")
        assert [text for text in written if text.startswith("tensors ")].count("tensors encoder*") == 2
        for share in ("20", "80", "10", "90"):
            assert share in written

    def test_the_same_search_gives_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("a.svg", "b.svg"):
            draw(USUAL, tmp_path / name, EN)
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()

    @pytest.mark.parametrize(
        "search",
        [
            searched(0, 0),
            searched(5, 400, 0, averages={(0, 1): 0.0}, pruned={(1, 2): 900.0}),
            searched(*range(1, 41), averages={(0, 1): 0.5, (3, 30): 0.7}),
            searched(4, 9),
            searched(9, 7, names=("a$b$_{", "\udcff名前" * 20)),
            searched(9, 7, strategy="weights"),
            searched(*range(1, 41), strategy="weights", weighted={(("*", (1 / 40,) * 40),): 0.5}),
        ],
        ids=["nothing wrong", "far apart", "many", "the first is best", "strange names", "no weights", "many weights"],
    )
    def test_whatever_was_found_can_be_drawn(self, search: Search, tmp_path: Path) -> None:
        draw(search, tmp_path / "search.png", EN)
        assert (tmp_path / "search.png").read_bytes().startswith(b"\x89PNG")

    def test_of_many_checkpoints_some_are_named_and_none_of_the_cells(self, tmp_path: Path) -> None:
        draw(searched(*range(1, 41), averages={(0, 1): 0.57}), tmp_path / "search.svg", EN)
        written = texts(tmp_path / "search.svg")
        assert "20000" in written
        assert "19500" not in written
        assert "0.57" not in written

    def test_without_a_japanese_font_it_speaks_english(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for fonts in ("_JAPANESE_FONTS", "_FONT_PACKAGES"):
            monkeypatch.setattr(f"anime_whisper_ct2.output.charts.{fonts}", ())
        assert draw(USUAL, tmp_path / "search.svg", JA) is None
        assert EN.pruned in texts(tmp_path / "search.svg")
        # A name is what it is.
        warning = draw(dataclasses.replace(USUAL, names=("あ", "b", "c", "d")), tmp_path / "named.svg", JA)
        assert warning is not None
        assert "named.svg: no font here has 'あ'" in warning

    def test_it_is_in_japanese_where_the_locale_asks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("anime_whisper_ct2.search.chart.chart_words", lambda: JA)
        draw(USUAL, tmp_path / "search.svg")
        written = texts(tmp_path / "search.svg")
        if EN.pruned in written:
            pytest.skip("no Japanese font here")
        assert {JA.pruned, JA.map, JA.singles, JA.share} <= set(written)
        assert not {EN.pruned, EN.map, EN.singles, EN.share} & set(written)

    def test_a_checkpoint_beyond_the_axis_is_marked_as_such_and_no_rate_is_below_nothing(self) -> None:
        from matplotlib.figure import Figure
        from matplotlib.markers import MarkerStyle

        search = searched(0.5, 0.2, 0.3, 40, averages={(0, 1): 0.0})
        axes = Figure().subplots()
        draw_training(axes, Sheet(search, EN, ("1", "2", "3", "4"), ""), "*", "")
        triangle = MarkerStyle("^")
        beyond = [triangle.get_path().vertices.shape == one.get_paths()[0].vertices.shape for one in axes.collections]
        assert beyond == [False, False, False, True]
        ends = axes.get_ylim()
        assert ends[0] < 0 <= min(axes.get_yticks())
        assert max(axes.get_yticks()) < axes.collections[-1].get_offsets()[0][1] < ends[1] < 40

    def test_a_folder_that_is_not_there_is_an_error_of_a_line(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"search\.svg cannot be written: "):
            draw(USUAL, tmp_path / "gone" / "search.svg")


def test_names_are_told_apart_by_the_number_at_their_end() -> None:
    assert short_names(("run/checkpoint-500", "run/checkpoint-1500")) == ("run/checkpoint-", ("500", "1500"))
    # A number that begins alike is one number all the same.
    assert short_names(("c-1000", "c-1500")) == ("c-", ("1000", "1500"))
    assert short_names(("base", "tuned")) == ("", ("base", "tuned"))
    assert short_names(("c-1", "c-2-late")) == ("", ("c-1", "c-2-late"))
    assert short_names(("c-", "c-2")) == ("", ("c-", "c-2"))


@pytest.mark.parametrize(
    ("environment", "japanese"),
    [
        ({"LANG": "ja_JP.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ja_JP"}, True),
        ({"LANG": "ja_JP.UTF-8", "LC_MESSAGES": "C"}, False),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": ""}, True),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "de_DE"}, False),
        ({"LC_ALL": "ja"}, True),
        ({"LC_CTYPE": "ja_JP.UTF-8"}, False),
        ({}, False),
    ],
)
def test_the_first_variable_that_is_set_decides(
    environment: dict[str, str], japanese: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert chart_words(environment) is (JA if japanese else EN)


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_where_no_variable_is_set_the_system_is_asked(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(spoken.locale, "getlocale", lambda: ("Japanese_Japan", "932"))
    assert chart_words({}) is JA
    assert chart_words({"LANG": "en_US"}) is EN

    def unknown() -> tuple[str, str]:
        raise ValueError("unknown locale: xx")

    monkeypatch.setattr(spoken.locale, "getlocale", unknown)
    assert chart_words({}) is EN


def test_both_languages_put_in_the_same_figures() -> None:
    for field in dataclasses.fields(EN):
        english, japanese = (re.findall(r"{(\w+)", getattr(words, field.name)) for words in (EN, JA))
        assert sorted(english) == sorted(japanese), field.name
