"""Three checkpoints that differ in every weight."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.averages import like


@pytest.fixture(scope="session")
def three(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """As they are read only."""
    top = tmp_path_factory.mktemp("three")
    return [like(pristine, top / f"checkpoint-{step}", step) for step in (500, 1000, 1500)]


@pytest.fixture
def series(three: list[Path], tmp_path: Path) -> list[Path]:
    """Copies that a test may spoil."""
    return [Path(shutil.copytree(folder, tmp_path / "run" / folder.name)) for folder in three]
