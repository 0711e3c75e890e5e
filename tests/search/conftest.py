"""Series of checkpoints that hear by a number, and recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pretend_search import pretend, write_corpus, write_series

# The average of the third and the fourth is best of all.
NUMBERS = (20.0, 11.0, 6.0, -5.0, 14.0)


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_series(tmp_path_factory.mktemp("series") / "run", NUMBERS)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Sixty recordings and their references: forty-two are tried on, in five parts."""
    return write_corpus(tmp_path_factory.mktemp("corpus"), 60)


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
