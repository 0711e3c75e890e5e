"""The chart shows before and after over the silence, and what became of 30 s."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from anime_whisper_ct2.adaptation.chart import draw
from anime_whisper_ct2.adaptation.measuring import Change, Comparison, FullWindow, Rate, Tail
from anime_whisper_ct2.errors import OutputError
from tests.support.comparisons import DRAWING

pytestmark = DRAWING
NOTHING = Rate(0.0, (0.0, 0.0))


def compared(*tails: tuple[float, Rate, Rate], full: Rate = NOTHING) -> Comparison:
    changed = tuple(Tail(tail_s, Change(old, new, NOTHING), 0, 0, "undecided") for tail_s, old, new in tails)
    return Comparison(312, 12, 4_000, 0, FullWindow(full, 0, 0), changed)


USUAL = compared(
    (0.64, Rate(40.4, (35, 45)), Rate(5.3, (4, 6))),
    (2.56, Rate(10.6, (9, 12)), Rate(2.1, (1, 3))),
    full=Rate(0.7, (0.4, 1.0)),
)


def texts(path: Path) -> list[str]:
    root = ET.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [text for element in root.iter("{http://www.w3.org/2000/svg}text") if (text := element.text)]


def test_it_names_tails_and_rates_and_whose_they_are(tmp_path: Path) -> None:
    draw(USUAL, tmp_path / "adapt.svg")
    written = texts(tmp_path / "adapt.svg")
    for text in ("0.64", "2.56", "40.4", "5.3", "10.6", "2.1", "before", "after", "windows of 30 s, after"):
        assert text in written
    assert any("300 clips held out" in text for text in written)


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        draw(USUAL, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    "drawn",
    [
        compared((2.56, NOTHING, NOTHING)),
        compared((2.56, Rate(5.0, (5.5, 6.0)), Rate(6.0, (4.0, 5.5)))),
        compared((0.03, Rate(900, (100, 2_000)), Rate(1, (0, 2))), (30.0, NOTHING, NOTHING)),
    ],
    ids=["nothing differs", "a rate beside its interval", "far apart"],
)
def test_whatever_was_measured_can_be_drawn(drawn: Comparison, tmp_path: Path) -> None:
    draw(drawn, tmp_path / "adapt.png")
    assert (tmp_path / "adapt.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_is_not_there_is_an_error_of_a_line(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"adapt\.svg cannot be written: "):
        draw(USUAL, tmp_path / "gone" / "adapt.svg")
