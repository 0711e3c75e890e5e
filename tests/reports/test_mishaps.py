"""A few of the random mishaps; `python -m tests.reports.mishaps` tries more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.mishaps import FORMATS, mishap, try_one

pytestmark = pytest.mark.ffmpeg


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mishaps")


@pytest.mark.parametrize("number", range(5 * len(FORMATS)))
def test_a_mishap_costs_no_sound_without_a_word(folder: Path, number: int) -> None:
    outcome = try_one(1, number, folder)
    assert not outcome.fault, outcome


def test_the_same_seed_makes_the_same_file(folder: Path) -> None:
    assert mishap(3, 7, folder) == mishap(3, 7, folder)
    assert mishap(3, 7, folder) != mishap(4, 7, folder)
