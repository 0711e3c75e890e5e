"""cuBLAS comes from site-packages by itself, and the driver is asked without ever raising."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.engine.cuda import (
    CUBLAS,
    LIBCUDA,
    Driver,
    Gpu,
    driver,
    driver_version,
    gpus,
    load_cublas,
    memory_info,
    nvidia_devices,
    why_unused,
)
from tests.support.commands import BARE
from tests.support.places import ROOT

GIB = 2**30
PARTS = ("libcublasLt.so.12", CUBLAS)

# What CTranslate2 does, asked before and after: open the library under its bare name.
PROBE = """
import ctypes, json, sys
from anime_whisper_ct2.engine.cuda import CUBLAS, load_cublas

def found():
    try:
        return bool(ctypes.CDLL(CUBLAS))
    except OSError:
        return False

before = found() if "--ask" in sys.argv else None
answers = [load_cublas(sys.argv[1].split(":")) for _ in range(2)]
with open("/proc/self/maps") as maps:
    mapped = sorted({line.split()[-1] for line in maps if "cublas" in line.rpartition("/")[2]})
print(json.dumps({"before": before, "after": found(), "mapped": mapped, "numpy": "numpy" in sys.modules,
                  "answers": [[str(answer.path), answer.loaded, answer.problem] for answer in answers]}))
"""


def probe(*folders: Path, ask: bool = True, library_path: Path | None = None) -> dict[str, Any]:
    env = {**BARE, "PYTHONPATH": str(ROOT), **({"LD_LIBRARY_PATH": str(library_path)} if library_path else {})}
    arguments = [":".join(map(str, folders)), *(["--ask"] if ask else [])]
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, check=True, env=env, timeout=60
    )
    result: dict[str, Any] = json.loads(answer.stdout)
    return result


@pytest.fixture(scope="module")
def any_library() -> tuple[bytes, bytes]:
    """Some shared library, small, and the name that stands in it."""
    spec = find_spec("ctranslate2")
    assert spec is not None
    assert spec.origin is not None
    bundled = sorted(Path(spec.origin).parents[1].glob("ctranslate2.libs/libgomp-*.so*"))
    if not bundled:
        pytest.skip("only the wheel for Linux brings a library along that can be dressed up")
    return bundled[0].read_bytes(), bundled[0].name.encode()


@pytest.fixture
def wheel(any_library: tuple[bytes, bytes]) -> Callable[..., Path]:
    """Lay out a folder as pip lays out nvidia-cublas-cu12, with real libraries that carry the names."""
    content, own_name = any_library

    def install(site: Path, names: tuple[str, ...] = PARTS) -> Path:
        folder = site / "nvidia" / "cublas" / "lib"
        folder.mkdir(parents=True)
        for name in names:
            named = content.replace(own_name + b"\0", name.encode().ljust(len(own_name), b"\0") + b"\0")
            assert named != content
            (folder / name).write_bytes(named)
        return folder

    return install


class TestCublas:
    def test_the_wheel_s_is_found_under_its_bare_name_afterwards(
        self, wheel: Callable[..., Path], tmp_path: Path
    ) -> None:
        folder = wheel(tmp_path / "site")
        result = probe(tmp_path / "gone", tmp_path / "site")
        if result["before"]:
            pytest.skip("this system provides cuBLAS 12")
        assert result["after"]
        assert result["mapped"] == sorted(str(folder / name) for name in PARTS)
        assert result["answers"] == [[str(folder / CUBLAS), True, ""]] * 2
        assert not result["numpy"]

    def test_one_that_the_system_provides_is_left_alone(self, wheel: Callable[..., Path], tmp_path: Path) -> None:
        wheel(tmp_path / "site")
        system = wheel(tmp_path / "system")
        result = probe(tmp_path / "site", ask=False, library_path=system)
        assert result["answers"] == [[str(system / CUBLAS), True, ""]] * 2
        assert result["mapped"] == [str(system / CUBLAS)]

    def test_half_a_wheel_names_the_half_that_is_lost(self, wheel: Callable[..., Path], tmp_path: Path) -> None:
        wheel(tmp_path, (CUBLAS,))
        result = probe(tmp_path)
        if result["before"]:
            pytest.skip("this system provides cuBLAS 12")
        assert not result["after"]
        assert [answer[1] for answer in result["answers"]] == [False, False]
        assert "libcublasLt.so.12" in result["answers"][0][2]

    def test_a_whole_wheel_makes_up_for_a_broken_one_before_it(
        self, wheel: Callable[..., Path], tmp_path: Path
    ) -> None:
        wheel(tmp_path / "broken", (CUBLAS,))
        folder = wheel(tmp_path / "whole")
        result = probe(tmp_path / "broken", tmp_path / "whole")
        assert result["after"]
        if not result["before"]:
            assert result["answers"][0][0] == str(folder / CUBLAS)

    @pytest.mark.skipif(sys.platform != "linux", reason="names the libraries of Linux")
    def test_a_file_that_is_no_library_is_a_problem_and_no_exception(self, tmp_path: Path) -> None:
        folder = tmp_path / "nvidia" / "cublas" / "lib"
        folder.mkdir(parents=True)
        for name in PARTS:
            (folder / name).write_bytes(b"no library")
        if probe(tmp_path)["before"]:
            pytest.skip("this system provides cuBLAS 12")
        assert "libcublasLt.so.12" in load_cublas([str(tmp_path)]).problem

    def test_folders_that_cannot_be_folders_are_passed_over(self, tmp_path: Path) -> None:
        found = load_cublas([str(tmp_path / "gone"), "", "a\0b", "x" * 5000])
        assert found.loaded or CUBLAS in found.problem or "macOS" in found.problem


class FakeCuda:
    """The driver's library, as far as it is called: writes through the pointers that ctypes hands over."""

    def __init__(self, *, version: int = 12080, capabilities: tuple[tuple[int, int], ...] = ((9, 0),)) -> None:
        self.version = version
        self.capabilities = capabilities
        self.failing: dict[str, int] = {}
        self.calls: list[str] = []
        self.stack: list[int] = []
        self.retained = 0

    def __getattr__(self, name: str) -> Callable[..., int]:
        function = getattr(type(self), "_" + name, None)
        if not name.startswith("cu") or function is None:
            raise AttributeError(name)

        def call(*arguments: Any) -> int:
            self.calls.append(name)
            if code := self.failing.get(name):
                return code
            function(self, *(getattr(argument, "_obj", argument) for argument in arguments))
            return 0

        return call

    def _cuGetErrorName(self, code: int, name: ctypes.c_char_p) -> None:
        name.value = {2: b"CUDA_ERROR_OUT_OF_MEMORY", 100: b"CUDA_ERROR_NO_DEVICE"}.get(code)

    def _cuDriverGetVersion(self, version: ctypes.c_int) -> None:
        version.value = self.version

    def _cuInit(self, flags: int) -> None:
        assert flags == 0

    def _cuDeviceGetCount(self, count: ctypes.c_int) -> None:
        count.value = len(self.capabilities)

    def _cuDeviceGet(self, device: ctypes.c_int, index: ctypes.c_int) -> None:
        device.value = 10 + index.value

    def _cuDeviceGetName(self, name: Any, _size: ctypes.c_int, device: ctypes.c_int) -> None:
        name.value = f"NVIDIA H{device.value}".encode()

    def _cuDeviceTotalMem_v2(self, memory: ctypes.c_size_t, _device: ctypes.c_int) -> None:
        memory.value = 140 * GIB

    def _cuDeviceGetAttribute(self, value: ctypes.c_int, attribute: ctypes.c_int, device: ctypes.c_int) -> None:
        value.value = self.capabilities[device.value - 10][{75: 0, 76: 1}[attribute.value]]

    def _cuDevicePrimaryCtxRetain(self, context: ctypes.c_void_p, device: ctypes.c_int) -> None:
        self.retained += 1
        context.value = 1000 + device.value

    def _cuDevicePrimaryCtxRelease_v2(self, _device: ctypes.c_int) -> None:
        self.retained -= 1

    def _cuCtxPushCurrent_v2(self, context: ctypes.c_void_p) -> None:
        self.stack.append(context.value or 0)

    def _cuCtxPopCurrent_v2(self, _context: ctypes.c_void_p) -> None:
        self.stack.pop()

    def _cuMemGetInfo_v2(self, free: ctypes.c_size_t, total: ctypes.c_size_t) -> None:
        free.value, total.value = self.stack[-1] * GIB, 2000 * GIB


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


class TestMemory:
    def test_free_and_total_come_from_the_device_s_own_context(self) -> None:
        library = FakeCuda(capabilities=((9, 0), (9, 0)))
        assert memory_info(1, lambda: library) == (1011 * GIB, 2000 * GIB)
        assert (library.stack, library.retained) == ([], 0)

    @pytest.mark.parametrize("function", ["cuMemGetInfo_v2", "cuCtxPushCurrent_v2", "cuDevicePrimaryCtxRetain"])
    def test_a_failure_leaves_no_context_behind(self, function: str) -> None:
        library = FakeCuda()
        library.failing[function] = 2
        assert memory_info(0, lambda: library) is None
        assert (library.stack, library.retained) == ([], 0)

    @pytest.mark.gpu
    def test_a_real_gpu_tells_its_memory(self) -> None:
        found = gpus()
        info = memory_info(found[0].index)
        assert info is not None
        assert 0 < info[0] <= info[1]
        assert abs(info[1] - found[0].memory_bytes) < found[0].memory_bytes / 10


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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("anime_whisper_ct2.engine.cuda.nvidia_devices", lambda: devices)
    note = why_unused(wanted, computing, environ)
    assert ("awct2 doctor" in (note or "")) == said
