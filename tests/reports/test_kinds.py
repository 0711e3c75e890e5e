"""What holds for every file of the reports, kind by kind."""

from __future__ import annotations

import importlib

import pytest

from tests.reports.__main__ import KINDS
from tests.reports.cases import Recipe
from tests.reports.checks import Maker, check_sources, check_stretches, check_whole

pytestmark = pytest.mark.ffmpeg
# The tests of a kind share its files, so that they belong into one process.
every = pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(recipe, id=f"{kind}: {recipe}", marks=pytest.mark.xdist_group(kind))
        for kind in KINDS
        for recipe in importlib.import_module(f"tests.reports.kinds_{kind}").recipes()
    ],
)


@every
def test_nothing_is_lost_without_a_word(made: Maker, recipe: Recipe) -> None:
    check_whole(*made(recipe))


@every
def test_a_stretch_is_what_a_whole_decode_has_there(made: Maker, recipe: Recipe) -> None:
    check_stretches(*made(recipe)[:2])


@every
def test_bytes_and_an_open_file_are_heard_like_the_path(made: Maker, recipe: Recipe) -> None:
    check_sources(*made(recipe)[:2])
