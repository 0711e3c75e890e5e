"""A genuine model, converted from its checkpoint, and what it makes of the lines and of the recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real import spoken
from tests.support.commands import awct2


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's folder as it was published: no `preprocessor_config.json`, no `awct2.json`."""
    from tests.real import weights

    return weights.published(tmp_path_factory.mktemp("published") / "whisper-base")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, published: Path) -> Path:
    """The transformers checkpoint that it was converted from."""
    from tests.real import weights

    return weights.checkpoint(tmp_path_factory.mktemp("checkpoint") / "whisper-base", published)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    """That checkpoint, converted by us."""
    from anime_whisper_ct2_convert import convert

    return convert(str(checkpoint), tmp_path_factory.mktemp("model") / "whisper-base").path


@pytest.fixture(scope="session")
def clips_run(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A run over the sixty lines, in windows of 30 s."""
    out = tmp_path_factory.mktemp("clips") / "run"
    return _run(out, spoken.CLIPS, "-m", model, "--device", "cpu", "--window", "full")


@pytest.fixture(scope="session")
def long_run(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Path:
    """A run over the recording of eight minutes, with word times."""
    out = tmp_path_factory.mktemp("recording") / "run"
    return _run(out, spoken.RECORDING, "-m", model, "--device", "cpu", "--window", "full", "--words")


def _run(out: Path, *args: object) -> Path:
    done = awct2("run", *args, "-o", out, "--compute-type", "float32")
    assert done.returncode == 0, done.stderr
    return out
