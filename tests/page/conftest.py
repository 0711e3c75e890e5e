"""What the page is tried with: the sample corpus as the tiny model hears it, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.commands import awct2
from tests.support.places import CORPUS


@pytest.fixture(scope="session")
def transcribed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample corpus's run. Not to be written to: `run` is a copy."""
    return _run(tiny_model, tmp_path_factory.mktemp("transcribed") / "run")


@pytest.fixture(scope="session")
def transcribed_words(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the times of words. Not to be written to: `words_run` is a copy."""
    return _run(tiny_model, tmp_path_factory.mktemp("words") / "run", "--words")


@pytest.fixture
def run(transcribed: Path, tmp_path: Path) -> Path:
    """The sample corpus's run, for this test alone."""
    return Path(shutil.copytree(transcribed, tmp_path / "run"))


@pytest.fixture
def words_run(transcribed_words: Path, tmp_path: Path) -> Path:
    """The sample corpus's run with the times of words, for this test alone."""
    return Path(shutil.copytree(transcribed_words, tmp_path / "words"))


def _run(model: Path, folder: Path, *options: str) -> Path:
    # the same texts as with windows of 30 s, in a fifth of the time
    fast = ("--window", "fit", "--audit", "0")
    done = awct2("run", CORPUS, "-o", folder, "--model", model, *fast, *options)
    assert done.returncode == 0, done.stderr
    return folder
