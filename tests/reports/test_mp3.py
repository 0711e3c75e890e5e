"""MP3 is heard to its end, whatever its headers leave out, and joints are passed."""

from __future__ import annotations

import pytest

from tests.reports.cases import Recipe
from tests.reports.checks import Maker, check_sources, check_stretches, check_whole, heard_by_us
from tests.reports.kinds_mp3 import recipes

pytestmark = pytest.mark.ffmpeg
every = pytest.mark.parametrize("recipe", recipes(), ids=str)


@every
def test_nothing_is_lost_without_a_word(made: Maker, recipe: Recipe) -> None:
    check_whole(*made(recipe))


@every
def test_a_stretch_is_what_a_whole_decode_has_there(made: Maker, recipe: Recipe) -> None:
    check_stretches(*made(recipe)[:2])


@every
def test_bytes_and_an_open_file_are_heard_like_the_path(made: Maker, recipe: Recipe) -> None:
    check_sources(*made(recipe)[:2])


@every
def test_decoders_write_nothing_to_the_terminal(made: Maker, recipe: Recipe, capfd: pytest.CaptureFixture[str]) -> None:
    case, _, _ = made(recipe)
    capfd.readouterr()
    heard_by_us(case.path)
    assert capfd.readouterr() == ("", "")
