"""What the blocks of the documentation find in the working folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def corpus(write_tone: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the Python of the documentation speaks of, in the working folder."""
    monkeypatch.chdir(tmp_path)
    write_tone("corpus/alice/001.ogg")
    write_tone("corpus/bob/001.wav")
    (tmp_path / "corpus/broken.wav").write_bytes(b"no audio")
    return tmp_path / "corpus"
