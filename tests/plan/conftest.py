"""What the tests of plans share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def corpus(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    """Six tones, of half a second to three."""
    for n in range(1, 7):
        write_tone(f"corpus/{n}.wav", n / 2)
    return tmp_path / "corpus"
