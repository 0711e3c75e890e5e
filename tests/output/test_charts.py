"""What can be drawn is told before anything is measured, by one rule for all charts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.charts import check_chart, write_chart
from tests.support.comparisons import DRAWING


@DRAWING
@pytest.mark.parametrize("name", ["a.svg", "a.SVG", "a.png", "声.Png"])
def test_a_chart_is_of_the_kind_that_its_name_says_in_whatever_letters(name: str, tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    class Figure:
        def savefig(self, content: Any, **how: Any) -> None:
            content.write(b"drawn")
            asked.update(how)

    check_chart(tmp_path / name)
    write_chart(Figure(), tmp_path / name)
    assert asked["format"] == name[-3:].lower()
    assert (tmp_path / name).read_bytes() == b"drawn"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("chart.jpg", "name a .svg or a .png file"),
        ("chart", "name a .svg or a .png file"),
        ("nowhere/chart.svg", "there is no folder"),
        ("chart.svg", "pip install matplotlib"),
    ],
)
def test_what_cannot_be_drawn_is_refused(name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=said):
        check_chart(tmp_path / name)


@DRAWING
@pytest.mark.parametrize("command", ["stats", "eval", "calibrate"])
def test_every_command_that_draws_goes_by_that_rule(command: str, tmp_path: Path) -> None:
    absent = [str(tmp_path / "absent")] * (1 if command == "stats" else 2)
    for name, refused in (("chart.PNG", False), ("chart.jpg", True), ("nowhere/chart.svg", True)):
        result = CliRunner().invoke(main, [command, *absent, "--plot", str(tmp_path / name)])
        assert result.exit_code == 2
        assert (name.split("/")[-1] in result.stderr) is refused, result.stderr
