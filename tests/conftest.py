"""What the tests share: the converted tiny checkpoint, the sample corpus, and sounds made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.records import Float32

HERE = Path(__file__).resolve().parent
CHECKPOINT = HERE / "tiny" / "checkpoint"
CORPUS = HERE / "sample" / "corpus"


def pytest_configure() -> None:
    """Try the same examples everywhere, however slow the machine is; `tests.fuzz` is there to find new ones."""
    from hypothesis import HealthCheck, settings

    slow = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
    settings.register_profile("here", deadline=None, derandomize=True, suppress_health_check=slow)
    settings.load_profile("here")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the user's cache, where conversions and their locks live."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWCT2_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint, converted in float32, so that figures can be compared with transformers'."""
    from anime_whisper_ct2_convert import convert

    return convert(str(CHECKPOINT), tmp_path_factory.mktemp("model") / "tiny", quantization="float32").path


@pytest.fixture(scope="session")
def references() -> dict[str, str]:
    """The sample corpus's texts by id."""
    lines = (HERE / "sample" / "references.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row["text"] for row in map(json.loads, lines)}


def tone(seconds: float, rate: int = 16_000, hertz: float = 220.0) -> Float32:
    """A soft tone with a little noise, shape (n,)."""
    n = round(seconds * rate)
    noise = np.random.default_rng(n).standard_normal(n) * 0.01
    return (0.2 * np.sin(2 * np.pi * hertz * np.arange(n) / rate) + noise).astype(np.float32)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def write_tone(tmp_path: Path) -> Callable[..., Path]:
    """Write a tone below the test's folder: `write_tone("a/b.ogg", seconds=1.5)`."""

    def write(name: str, seconds: float = 1.0, rate: int = 16_000) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(seconds, rate), rate)
        return path

    return write


@pytest.fixture
def faulty_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers started from now on fail over files named `…segfault…`, `abort`, `hang`, `hoard`; `once`: once."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "faults"))
