"""What the tests of the benchmarks share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest stand-in model, as `checkpoint` and as `converted`."""
    from benchmarks.measures import standins

    return standins.make("tiny", tmp_path_factory.mktemp("standin"))
