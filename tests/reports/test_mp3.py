"""MP3 is heard to its end, whatever its headers leave out, and joints are passed."""

from __future__ import annotations

import pytest

from tests.reports.cases import Recipe
from tests.reports.checks import Maker, heard_by_us
from tests.reports.kinds_mp3 import recipes

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("mp3")]
every = pytest.mark.parametrize("recipe", recipes(), ids=str)


@every
def test_decoders_write_nothing_to_the_terminal(made: Maker, recipe: Recipe, capfd: pytest.CaptureFixture[str]) -> None:
    case, _, _ = made(recipe)
    capfd.readouterr()
    heard_by_us(case.path)
    assert capfd.readouterr() == ("", "")
