"""What the tests of the reports share."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reports.checks import Maker


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Make each case once."""

    def folder(name: str) -> Path:
        return tmp_path_factory.mktemp(re.sub(r"\W+", "-", name)[:60])

    return Maker(folder)
