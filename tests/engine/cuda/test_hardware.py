"""The driver is asked without ever raising."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anime_whisper_ct2.engine.cuda import (
    LIBCUDA,
    Driver,
    Gpu,
    driver,
    driver_version,
    gpus,
    memory_info,
    nvidia_devices,
)
from tests.support.fake_cuda import GIB, FakeCuda


class TestDriver:
    def test_gpus_are_described_in_order(self) -> None:
        found = gpus(lambda: FakeCuda(capabilities=((9, 0), (8, 6))))
        assert found == (Gpu(0, "NVIDIA H10", 140 * GIB, (9, 0)), Gpu(1, "NVIDIA H11", 140 * GIB, (8, 6)))

    def test_the_cuda_version_is_the_driver_s(self) -> None:
        found = driver(lambda: FakeCuda(version=12040))
        assert found.cuda == (12, 4)
        assert found.problem == ""
        assert found.installed

    def test_without_a_driver_there_is_nothing(self) -> None:
        def absent() -> None:
            return None

        assert gpus(absent) == ()
        assert memory_info(0, absent) is None
        found = driver(absent)
        assert (found.cuda, found.installed) == (None, False)
        assert LIBCUDA in found.problem

    def test_a_driver_without_a_gpu_says_so(self) -> None:
        library = FakeCuda()
        library.failing["cuInit"] = 100
        assert gpus(lambda: library) == ()
        assert memory_info(0, lambda: library) is None
        assert driver(lambda: library).problem == "cuInit: CUDA_ERROR_NO_DEVICE"
        assert driver(lambda: library).cuda == (12, 8)

    def test_an_error_without_a_name_gives_its_number(self) -> None:
        library = FakeCuda()
        library.failing["cuInit"] = 803
        assert driver(lambda: library).problem == "cuInit: error 803"

    def test_a_library_that_is_no_driver_is_a_problem(self) -> None:
        found = driver(object)
        assert found == Driver(found.version, problem="the driver has no cuDriverGetVersion", installed=True)
        assert gpus(object) == ()
        assert memory_info(0, object) is None


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023", "535.104.05"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs-builder@U22-I3)",
            "580.65.06",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  570.124  Release Build", "570.124"),
    ],
)
def test_the_version_is_read_from_the_kernel_s_line(line: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "version"
    path.write_text(f"{line}\nGCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1ubuntu1~22.04)\n", encoding="utf-8")
    assert driver_version(path) == version


def test_gpus_on_the_bus_are_counted_without_a_driver(tmp_path: Path) -> None:
    devices = [("0x10de", "0x030000"), ("0x10de", "0x030200"), ("0x10de", "0x040300"), ("0x8086", "0x030000")]
    for number, (vendor, kind) in enumerate(devices):
        folder = tmp_path / f"0000:0{number}:00.0"
        folder.mkdir()
        (folder / "vendor").write_text(vendor + os.linesep, encoding="utf-8")
        (folder / "class").write_text(kind + os.linesep, encoding="utf-8")
    assert nvidia_devices(tmp_path) == 2  # the third is a sound device, the fourth another maker's
    assert nvidia_devices(tmp_path / "gone") == 0
