"""The doctor holds driver, GPUs and their kernel cache against what CTranslate2 needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anime_whisper_ct2.doctor import Hardware
from anime_whisper_ct2.doctor.gpu import check_cublas, check_driver, check_gpus, check_kernel_cache
from anime_whisper_ct2.engine.cuda import LIBCUDA, Cublas, Driver, Gpu
from anime_whisper_ct2.engine.preparing import prepare
from tests.support.fake_cuda import FakeCuda
from tests.support.machines import A10, GTX_980, H200, L4, NEW, NEW_ENOUGH, NO_DEVICE, NO_DRIVER, OLD
from tests.support.windows import ON_WINDOWS

HOME = "APPDATA" if ON_WINDOWS else "HOME"


class TestDriver:
    @pytest.mark.parametrize(
        ("driver", "gpus", "devices", "state", "found", "remedy"),
        [
            (NO_DRIVER, (), 0, "skipped", "none; no GPU here", ""),
            (NO_DRIVER, (), 1, "warning", "the machine has an NVIDIA GPU", "install the NVIDIA driver 570"),
            (replace(NO_DRIVER, version="570.1"), (), 1, "failed", LIBCUDA, "--gpus all"),
            (NEW, (H200,), 1, "ok", "570.124.06, CUDA 12.8", ""),
            (NEW_ENOUGH, (A10,), 1, "ok", "535.104.05, CUDA 12.2", ""),
            (NEW_ENOUGH, (L4,), 1, "ok", "CUDA 12.2", ""),
            (NEW_ENOUGH, (A10, H200), 2, "failed", "CUDA 12.8 is needed to compile", "driver 570 or newer"),
            (OLD, (A10,), 1, "failed", "CUDA 12.0 is needed", "driver 525 or newer"),
            (OLD, (GTX_980,), 1, "failed", "CUDA 12.0 is needed", "driver 525 or newer"),
            (NO_DEVICE, (), 0, "skipped", "no GPU here", ""),
            (NO_DEVICE, (), 1, "failed", "CUDA_ERROR_NO_DEVICE", "nvidia-smi"),
            (replace(NO_DEVICE, problem="cuInit: error 803"), (), 1, "failed", "error 803", "restart the machine"),
        ],
    )
    def test_its_version_is_held_against_the_gpus(
        self, driver: Driver, gpus: tuple[Gpu, ...], devices: int, state: str, found: str, remedy: str
    ) -> None:
        check = check_driver(Hardware(driver, gpus, devices), {})
        assert check.state == state
        assert found in check.found
        assert remedy in check.remedy
        assert bool(check.remedy) == bool(remedy)

    def test_gpus_hidden_by_the_environment_are_pointed_out(self) -> None:
        check = check_driver(Hardware(NO_DEVICE, (), 1), {"CUDA_VISIBLE_DEVICES": ""})
        assert check.state == "warning"
        assert "CUDA_VISIBLE_DEVICES" in check.remedy


class TestGpus:
    def test_one_newer_than_ctranslate2_compiles_its_kernels(self) -> None:
        (check,) = check_gpus(Hardware(NEW, (H200,)))
        assert check.state == "ok"
        assert "compiles" in check.found

    @pytest.mark.parametrize("gpu", [A10, L4])
    def test_machine_code_serves_later_gpus_of_its_generation(self, gpu: Gpu) -> None:
        (check,) = check_gpus(Hardware(NEW, (gpu,)))
        assert check.state == "ok"
        assert "compiles" not in check.found

    def test_one_too_old_fails(self) -> None:
        (check,) = check_gpus(Hardware(NEW, (GTX_980,)))
        assert check.state == "failed"
        assert "--device cpu" in check.remedy

    def test_cublas_matters_where_there_is_a_gpu(self) -> None:
        absent = Cublas(problem="libcublas.so.12: cannot open shared object file")
        assert check_cublas(Hardware(NO_DRIVER, ()), absent).state == "skipped"
        check = check_cublas(Hardware(NEW, (A10,)), absent)
        assert (check.state, check.remedy) == ("failed", "pip install nvidia-cublas-cu12")
        assert check_cublas(Hardware(NEW, (A10,)), Cublas()).state == "ok"

    @pytest.mark.parametrize(("version", "state"), [((12, 8, 4), "ok"), ((12, 4, 5), "warning"), (None, "ok")])
    def test_an_old_cublas_is_a_warning_with_the_command_that_brings_a_new_one(
        self, version: tuple[int, ...] | None, state: str
    ) -> None:
        cublas = Cublas(Path("/usr/lib/libcublas.so.12"), version=version)
        check = check_cublas(Hardware(NEW, (H200,)), cublas)
        assert check.state == state
        assert ("nvidia-cublas-cu12>=12.8" in check.remedy) == (state == "warning")
        assert str(cublas.path) in check.found
        # Nothing multiplies with it.
        assert check_cublas(Hardware(NO_DRIVER, ()), cublas).state == "ok"

    def test_what_others_built_may_be_for_other_gpus_and_drivers(self) -> None:
        hardware = Hardware(OLD, (GTX_980,), 1, wheel=False)
        assert check_driver(hardware, {}).state == "ok"
        assert [check.state for check in check_gpus(hardware)] == ["ok"]


class TestKernelCache:
    @pytest.mark.parametrize(
        ("environ", "remedy"),
        [
            ({"CUDA_CACHE_DISABLE": "1"}, "unset CUDA_CACHE_DISABLE"),
            ({"CUDA_CACHE_MAXSIZE": "0"}, "unset CUDA_CACHE_MAXSIZE"),
            ({"CUDA_CACHE_PATH": "FILE"}, "CUDA_CACHE_PATH"),
        ],
    )
    def test_one_that_keeps_nothing_is_a_warning(self, environ: dict[str, str], remedy: str, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        environ = {name: value.replace("FILE", str(tmp_path / "file")) for name, value in environ.items()}
        check = check_kernel_cache(Hardware(NEW, (H200,)), environ, tmp_path)
        assert check.state == "warning"
        assert remedy in check.remedy
        # Nothing is compiled for these, so nothing has to be kept.
        assert check_kernel_cache(Hardware(NEW, (A10, L4)), environ, tmp_path).state == "ok"

    def test_the_default_need_not_exist_yet(self, tmp_path: Path) -> None:
        environ = {"CUDA_CACHE_DISABLE": "0", "CUDA_CACHE_MAXSIZE": str(2**32)}
        check = check_kernel_cache(Hardware(NEW, (H200,)), environ, tmp_path / "home")
        assert check.state == "ok"
        assert check.found.startswith(str(tmp_path / "home"))

    def test_the_folder_is_the_one_that_a_run_uses(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWCT2_CACHE", str(tmp_path / "cache"))
        (tmp_path / "file").touch()
        environ = {HOME: str(tmp_path / "file")}
        check = check_kernel_cache(Hardware(NEW, (H200,)), environ)
        prepare("cuda", environ, FakeCuda)
        assert check.state == "ok"
        assert check.found == f"{environ['CUDA_CACHE_PATH']}, since CUDA's own folder cannot be written"
