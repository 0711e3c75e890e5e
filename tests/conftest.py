"""What all tests share: the converted tiny checkpoint, the sample corpus's texts, and sounds made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import references as sample
from tests.support.held import Holders
from tests.support.needs import lacking, not_installed
from tests.support.places import CHECKPOINT, ROOT
from tests.support.sounds import tone, written

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_configure() -> None:
    """Try the same examples everywhere, however slow the machine is; `tests.fuzz` is there to find new ones."""
    from hypothesis import HealthCheck, settings

    slow = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture)
    settings.register_profile("here", deadline=None, derandomize=True, suppress_health_check=slow)
    settings.load_profile("here")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a test whose markers say that it needs what is not here, before any fixture is made for it."""
    if reason := lacking(item.iter_markers()):
        item.add_marker(pytest.mark.skip(reason=reason))
    with _skipped_where_not_installed():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Skip a module that compares with a package which Windows has not."""
    report = yield
    call = report.__dict__.get("call")  # gone where it was reported
    if call and call.excinfo and (reason := not_installed(call.excinfo.value)):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 1, reason)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Skip a test that compares with such a package."""
    with _skipped_where_not_installed():
        return (yield)


@contextmanager
def _skipped_where_not_installed() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if reason := not_installed(error):
            pytest.skip(reason)
        raise


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the user's cache, where conversions and their locks live."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWCT2_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Chromium without a window, one for all tests; each opens a tab of its own."""
    from tests.support.pages import chromium_started

    with chromium_started() as browser:
        yield browser


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny checkpoint, converted in float32, so that figures can be compared with transformers'."""
    from anime_whisper_ct2_convert import convert

    return convert(str(CHECKPOINT), tmp_path_factory.mktemp("model") / "tiny", quantization="float32").path


@pytest.fixture(scope="session")
def references() -> dict[str, str]:
    """The sample corpus's texts by id."""
    return {id_: row["text"] for id_, row in sample.references().items()}


@pytest.fixture
def holders(monkeypatch: pytest.MonkeyPatch) -> Holders:
    """Programs that have files open, and Windows' way with these."""
    return Holders(monkeypatch)


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
        written(path, tone(seconds, rate), rate)
        return path

    return write


@pytest.fixture
def faulty_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers started from now on fail over files named `…segfault…`, `abort`, `hang`, `hoard`; `once`: once."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "support" / "faults"))
