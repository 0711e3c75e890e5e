"""A chart shows each distribution, and is there whole or not at all."""

from __future__ import annotations

import os
import random
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.stats import RunStats
from anime_whisper_ct2.stats.chart import draw
from tests.support.held import Holders
from tests.support.known_runs import invoke, segment, stats_of, transcript, write_run


class TestChart:
    @pytest.fixture
    def stats(self, tmp_path: Path) -> RunStats:
        rng = random.Random(3)
        drawn = [round(rng.lognormvariate(1.5, 0.6), 3) for _ in range(500)] + [900.0]
        each = (transcript(f"{n}.ogg", s, segment(0.0, s, "あ" * 20, -rng.random())) for n, s in enumerate(drawn))
        return stats_of(write_run(tmp_path / "run", *each))

    def test_an_svg_is_valid_xml_with_a_panel_for_each_distribution(self, stats: RunStats, tmp_path: Path) -> None:
        draw(stats, tmp_path / "chart.svg")
        root = ET.parse(tmp_path / "chart.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        texts = [text for element in root.iter("{http://www.w3.org/2000/svg}text") if (text := element.text)]
        for title in ("Length of recordings", "Length of segments", "Speaking rate", "Log-probability"):
            assert title in texts
        assert any(re.search(r"; \d+ above, to 900\.00$", text) for text in texts)
        assert any(text.startswith("501 recordings") for text in texts)

    @pytest.mark.parametrize("name", ["chart.svg", "chart.PNG"])
    def test_the_same_figures_give_the_same_bytes_and_nothing_is_left_beside(
        self, stats: RunStats, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "charts").mkdir()
        path = tmp_path / "charts" / name
        draw(stats, path)
        first = path.read_bytes()
        draw(stats, path)
        assert path.read_bytes() == first
        assert list(path.parent.iterdir()) == [path]

    def test_a_png_is_a_picture_with_something_on_it(self, stats: RunStats, tmp_path: Path) -> None:
        from matplotlib import image

        draw(stats, tmp_path / "chart.png")
        pixels = image.imread(tmp_path / "chart.png")
        assert pixels.shape[:2] == (960, 1500)
        assert 0.05 < (pixels[..., :3].min(axis=2) < 0.9).mean() < 0.9

    def test_a_chart_that_cannot_be_drawn_is_refused_before_anything_is_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refusal(path: Path) -> str:
            error = invoke(tmp_path / "absent", "--plot", path).exception
            assert isinstance(error, InputError)
            return str(error)

        assert "name a .svg or a .png file" in refusal(tmp_path / "chart.jpg")
        assert "there is no folder" in refusal(tmp_path / "nowhere" / "chart.svg")
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert "pip install matplotlib matplotlib-fontja" in refusal(tmp_path / "chart.svg")

    def test_a_full_disk_leaves_the_earlier_chart(
        self, stats: RunStats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "chart.svg"
        path.write_text("earlier", encoding="utf-8")
        monkeypatch.setattr(os, "replace", full_disk)
        with pytest.raises(OutputError, match="No space left"):
            draw(stats, path)
        assert path.read_text(encoding="utf-8") == "earlier"
        assert not (tmp_path / "chart.svg.new").exists()

    def test_a_chart_that_a_viewer_has_open_is_as_it_was_and_the_viewer_is_named(
        self, stats: RunStats, tmp_path: Path, holders: Holders
    ) -> None:
        path = tmp_path / "chart.svg"
        path.write_text("earlier", encoding="utf-8")
        holders.hold(path)
        with pytest.raises(OutputError, match=r"chart\.svg cannot be written: .*another program has it open"):
            draw(stats, path)
        assert path.read_text(encoding="utf-8") == "earlier"
        assert not list(tmp_path.glob("*.new"))


def full_disk(*_: object) -> None:
    raise OSError(28, "No space left on device")
