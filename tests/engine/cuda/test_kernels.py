"""What CTranslate2's kernels need is known before they give wrong texts, and the compiled ones are kept."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.engine.cuda import Driver, Gpu, why_unfit_here, why_unused
from anime_whisper_ct2.engine.cuda.kernels import KernelCache, is_wheel, kernel_cache, why_unfit
from tests.support.fake_cuda import FakeCuda
from tests.support.machines import A10, GTX_980, H200, L4, NEW, NEW_ENOUGH, OLD
from tests.support.windows import ON_WINDOWS


class TestFitness:
    @pytest.mark.parametrize(
        ("driver", "gpu", "said"),
        [
            (NEW, H200, ()),
            (NEW_ENOUGH, A10, ()),
            (NEW_ENOUGH, L4, ()),  # 8.9 runs the code for 8.6
            (NEW_ENOUGH, H200, ("535.104.05 speaks CUDA 12.2", "12.8 is needed to compile", "driver 570 or newer")),
            (OLD, A10, ("470.57.02 speaks CUDA 11.4", "12.0 is needed", "driver 525 or newer")),
            (NEW, GTX_980, ("capability 5.2", "need 5.3", "--device cpu")),
            (Driver(installed=True), H200, ()),  # it does not say what it speaks
        ],
    )
    def test_driver_and_gpu_are_held_against_the_wheel_s_kernels(
        self, driver: Driver, gpu: Gpu, said: tuple[str, ...]
    ) -> None:
        found = why_unfit(driver, gpu, wheel=True)
        assert (found is None) == (not said)
        assert all(part in (found or "") for part in said)

    @pytest.mark.parametrize(("driver", "gpu"), [(OLD, A10), (NEW, GTX_980)])
    def test_what_somebody_built_is_the_builder_s_to_know(self, driver: Driver, gpu: Gpu) -> None:
        assert why_unfit(driver, gpu, wheel=False) is None

    def test_each_gpu_is_asked_about_by_itself(self) -> None:
        library = FakeCuda(version=12020, capabilities=((8, 6), (9, 0)))
        said = [why_unfit_here(number, lambda: library, lambda: True) for number in range(3)]
        assert [bool(line) for line in said] == [False, True, False]  # the third is not there

    def test_without_a_driver_nothing_is_unfit(self) -> None:
        assert why_unfit_here(0, lambda: None, lambda: True) is None

    def test_the_installed_one_is_told_from_a_build_of_one_s_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if ON_WINDOWS:
            pytest.skip("nothing tells them apart there")
        (tmp_path / "ctranslate2").mkdir()
        (tmp_path / "ctranslate2" / "__init__.py").touch()
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "ctranslate2", raising=False)
        assert not is_wheel()
        (tmp_path / "ctranslate2.libs").mkdir()
        assert is_wheel()


class TestKernelCache:
    def test_cuda_s_own_folder_is_left_alone_where_it_can_be_written(self, tmp_path: Path) -> None:
        cache = kernel_cache({}, tmp_path / "own", tmp_path / "home")
        assert (cache.added, cache.problem) == ({}, "")
        assert cache.folder is not None
        assert cache.folder.is_relative_to(tmp_path / "home")

    @pytest.mark.parametrize("home", ["a file", None])
    def test_ours_takes_its_place_where_it_cannot_or_there_is_none(self, home: str | None, tmp_path: Path) -> None:
        (tmp_path / "a file").touch()
        cache = kernel_cache({}, tmp_path / "own", home and tmp_path / home)
        assert cache == KernelCache(tmp_path / "own", {"CUDA_CACHE_PATH": str(tmp_path / "own")})

    def test_what_the_user_named_stands_even_where_it_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        good, bad = ({"CUDA_CACHE_PATH": str(tmp_path / name)} for name in ("kept", "file"))
        assert kernel_cache(good, tmp_path / "own", tmp_path) == KernelCache(tmp_path / "kept")
        cache = kernel_cache(bad, tmp_path / "own", tmp_path)
        assert (cache.folder, cache.added) == (None, {})
        assert str(tmp_path / "file") in cache.problem
        assert "CUDA_CACHE_PATH" in cache.remedy

    @pytest.mark.parametrize(
        ("size", "added"), [("1048576", {"CUDA_CACHE_MAXSIZE": str(2**28)}), (str(2**32), {}), ("", {}), ("much", {})]
    )
    def test_a_size_that_kernels_do_not_go_into_is_raised(
        self, size: str, added: dict[str, str], tmp_path: Path
    ) -> None:
        assert kernel_cache({"CUDA_CACHE_MAXSIZE": size}, tmp_path / "own", tmp_path).added == added

    @pytest.mark.parametrize("name", ["CUDA_CACHE_DISABLE=1", "CUDA_CACHE_MAXSIZE=0"])
    def test_one_that_is_switched_off_stays_off_and_is_a_problem(self, name: str, tmp_path: Path) -> None:
        variable, _, value = name.partition("=")
        cache = kernel_cache({variable: value}, tmp_path / "own", tmp_path)
        assert (cache.folder, cache.added) == (None, {})
        assert "every start compiles" in cache.problem
        assert f"unset {variable}" in cache.remedy

    def test_where_neither_can_be_written_that_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        cache = kernel_cache({}, tmp_path / "file" / "own", tmp_path / "file")
        assert (cache.folder, cache.added) == (None, {})
        assert "cannot be written" in cache.problem


@pytest.mark.parametrize(
    ("wanted", "computing", "devices", "environ", "said"),
    [
        ("auto", "cpu", 1, {}, True),
        ("auto", "cpu", 0, {}, False),
        ("auto", "cuda", 1, {}, False),
        ("cpu", "cpu", 1, {}, False),
        ("auto", "cpu", 1, {"CUDA_VISIBLE_DEVICES": ""}, False),
        ("auto", None, 1, {}, False),
    ],
)
def test_a_gpu_that_is_not_used_is_named_unless_that_was_wanted(
    wanted: str,
    computing: str | None,
    devices: int,
    environ: dict[str, str],
    said: bool,
) -> None:
    note = why_unused(wanted, computing, environ, lambda: devices, lambda: None)
    assert ("awct2 doctor" in (note or "")) == said


@pytest.mark.parametrize("environ", [{}, {"CUDA_VISIBLE_DEVICES": "0"}])
def test_a_gpu_that_is_not_used_since_it_is_unfit_is_named_with_the_reason(environ: dict[str, str]) -> None:
    def unfit() -> str | None:
        return why_unfit_here(0, lambda: FakeCuda(version=12040), lambda: True)

    note = why_unused("auto", "cpu", environ, lambda: 0, unfit)
    assert note is not None
    assert "CUDA 12.4" in note
    assert "driver 570 or newer" in note
    assert why_unused("cpu", "cpu", environ, lambda: 0, unfit) is None
