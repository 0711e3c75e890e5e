"""A process is prepared before CUDA starts in it, and the user's word stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.engine.preparing import prepare
from tests.support.fake_cuda import FakeCuda
from tests.support.windows import ON_WINDOWS

HOME = "APPDATA" if ON_WINDOWS else "HOME"
CONFIG = "CT2_CUDA_CACHING_ALLOCATOR_CONFIG"


@pytest.fixture
def unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a user whose folder is none, beside a cache of ours that can be written."""
    monkeypatch.setenv("AWCT2_CACHE", str(tmp_path / "cache"))
    (tmp_path / "home").touch()
    return {HOME: str(tmp_path / "home")}


def test_kernels_are_kept_in_our_cache_where_cuda_s_cannot_be_written(
    unwritable: dict[str, str], tmp_path: Path
) -> None:
    prepare("cuda", unwritable, FakeCuda)
    assert unwritable["CUDA_CACHE_PATH"] == str(tmp_path / "cache" / "kernels")
    assert (tmp_path / "cache" / "kernels").is_dir()
    assert CONFIG not in unwritable


def test_the_folder_is_named_before_the_driver_starts(unwritable: dict[str, str]) -> None:
    class Watching(FakeCuda):
        def _cuInit(self, flags: int) -> None:
            seen.append("CUDA_CACHE_PATH" in unwritable)

    seen: list[bool] = []
    prepare("auto", unwritable, Watching)
    assert seen
    assert all(seen)


def test_where_cuda_s_own_can_be_written_nothing_is_set(tmp_path: Path) -> None:
    environ = {HOME: str(tmp_path)}
    prepare("cuda", environ, FakeCuda)
    assert environ == {HOME: str(tmp_path)}


def test_a_gpu_without_pools_has_ctranslate2_s_cache_laid_out(tmp_path: Path) -> None:
    environ = {HOME: str(tmp_path)}
    prepare("cuda", environ, lambda: FakeCuda(pools=False))
    assert CONFIG in environ
    environ[CONFIG] = "8,3,7,6000000"
    prepare("cuda", environ, lambda: FakeCuda(pools=False))
    assert environ[CONFIG] == "8,3,7,6000000"


def test_without_a_driver_no_folder_is_made(unwritable: dict[str, str], tmp_path: Path) -> None:
    prepare("auto", unwritable, lambda: None)
    assert not (tmp_path / "cache").exists()


def test_the_cpu_needs_nothing(unwritable: dict[str, str], tmp_path: Path) -> None:
    library = FakeCuda(pools=False)
    prepare("cpu", unwritable, lambda: library)
    assert unwritable == {HOME: str(tmp_path / "home")}
    assert library.calls == []


def test_a_cache_that_cannot_be_made_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AWCT2_CACHE", str(tmp_path / "file" / "cache"))
    environ = {HOME: str(tmp_path / "file")}
    prepare("cuda", environ, FakeCuda)
    assert environ == {HOME: str(tmp_path / "file")}
