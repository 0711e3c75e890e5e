"""What the tests of runs on a cluster share."""

from __future__ import annotations

import pytest

from tests.support.pretend_ray import Instant


@pytest.fixture(autouse=True)
def untried() -> None:
    """No test knows what an earlier one has tried."""
    Instant.tried.clear()
