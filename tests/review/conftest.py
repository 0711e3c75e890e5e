from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep indexes where nobody else looks."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("AWCT2_CACHE", str(folder))
    return folder
