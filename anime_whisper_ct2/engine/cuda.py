"""CUDA without CTranslate2: cuBLAS from site-packages, and what the NVIDIA driver says of itself and its GPUs.

Nothing here raises: a machine without a GPU is as good as any, and who asks decides what an absence means.

Source: the CUDA driver API reference; CTranslate2 4.8 `src/cuda/cublas_stub.cc`, which opens cuBLAS by its bare name
when it first multiplies; torch `_preload_cuda_deps`, for the folders that NVIDIA's wheels put their libraries into.

Standard library only, so that a process that may die of a driver is small.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WINDOWS = sys.platform == "win32"
CUBLAS = "cublas64_12.dll" if _WINDOWS else "libcublas.so.12"
# cuBLAS needs its other half, and that opens the run-time compiler by its bare name for a few kernels.
_PARTS = (
    (("nvidia", "cuda_nvrtc"), "nvrtc64_120_0.dll" if _WINDOWS else "libnvrtc.so.12", False),
    (("nvidia", "cublas"), "cublasLt64_12.dll" if _WINDOWS else "libcublasLt.so.12", True),
    (("nvidia", "cublas"), CUBLAS, True),
)
_LIBRARY_FOLDER = "bin" if _WINDOWS else "lib"
LIBCUDA = "nvcuda.dll" if _WINDOWS else "libcuda.so.1"
_NVML = "nvml.dll" if _WINDOWS else "libnvidia-ml.so.1"

# As PCI numbers them: display controllers of any kind, those without a display too, and the vendor.
_DISPLAY_CLASS = "0x03"
_NVIDIA = "0x10de"
# CUdevice_attribute of cuda.h
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
# CUmemPool_attribute of cuda.h
_RELEASE_THRESHOLD = 4


@dataclass(frozen=True, slots=True)
class Cublas:
    """How cuBLAS 12 fared: loaded, with its file where that can be told, or the problem."""

    path: Path | None = None
    problem: str = ""

    @property
    def loaded(self) -> bool:
        """Whether CTranslate2 will find it."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Driver:
    """The NVIDIA driver: its version such as `570.124.06`, the CUDA it speaks, and why no GPU can be used."""

    version: str | None = None
    cuda: tuple[int, int] | None = None
    problem: str = ""
    installed: bool = False  # its CUDA library is there; whether it works is another matter


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, by the number that CTranslate2 gives it."""

    index: int
    name: str
    memory_bytes: int
    capability: tuple[int, int]


class _CallError(Exception):
    """A function of the driver failed, or the driver has none of that name."""


def load_cublas(folders: Iterable[str] | None = None) -> Cublas:
    """Load cuBLAS 12 into this process, so that CTranslate2 finds it under its bare name, without LD_LIBRARY_PATH.

    One that the system's loader finds, or that is loaded already, is taken; else that of the wheel `nvidia-cublas-cu12`
    below one of `folders` (default: `sys.path`). Calling it again costs next to nothing.
    """
    if sys.platform == "darwin":
        return Cublas(problem="there is no CUDA on macOS")
    try:
        _open(CUBLAS)
        return Cublas(_path_of(CUBLAS))
    except OSError as error:
        problem = str(error)
    for folder in sys.path if folders is None else folders:
        # `.absolute`: Windows takes the libraries beside this one into account for no other kind of path.
        site = Path(folder).absolute()
        if _is_file(site.joinpath(*_PARTS[-1][0], _LIBRARY_FOLDER, CUBLAS)):
            try:
                return Cublas(_open_wheel(site))
            except OSError as error:
                problem = str(error)
    return Cublas(problem=problem)


def open_driver() -> Any | None:
    """Open the driver's CUDA library; None where there is no driver."""
    try:
        return ctypes.CDLL(LIBCUDA)
    except OSError:
        return None


def driver(open_library: Callable[[], Any | None] = open_driver) -> Driver:
    """Ask the driver what it is and whether it works."""
    version = driver_version()
    library = open_library()
    if library is None:
        return Driver(version, problem=f"{LIBCUDA} is not there")
    number = ctypes.c_int()
    try:
        _call(library, "cuDriverGetVersion", ctypes.byref(number))
        cuda = (number.value // 1000, number.value % 1000 // 10)
    except _CallError as error:
        return Driver(version, problem=str(error), installed=True)
    try:
        _call(library, "cuInit", 0)
    except _CallError as error:
        return Driver(version, cuda, str(error), installed=True)
    return Driver(version, cuda, installed=True)


def driver_version(proc: Path = Path("/proc/driver/nvidia/version")) -> str | None:
    """Give the version of the NVIDIA driver, such as `570.124.06`; None where there is none."""
    with suppress(OSError):
        # "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed Feb 26 …"
        if match := re.search(r"\s(\d{3,}\.\d[\d.]*)", proc.read_text(encoding="utf-8")):
            return match[1]
    try:
        library: Any = ctypes.CDLL(_NVML)
        _call(library, "nvmlInit_v2")
        buffer = ctypes.create_string_buffer(96)
        try:
            _call(library, "nvmlSystemGetDriverVersion", buffer, ctypes.c_uint(len(buffer)))
        finally:
            _call(library, "nvmlShutdown")
    except (OSError, _CallError):
        return None
    return buffer.value.decode(errors="replace")


def gpus(open_library: Callable[[], Any | None] = open_driver) -> tuple[Gpu, ...]:
    """List the GPUs that this process may use (`CUDA_VISIBLE_DEVICES` counts), in CTranslate2's order."""
    library = open_library()
    if library is None:
        return ()
    count = ctypes.c_int()
    try:
        _call(library, "cuInit", 0)
        _call(library, "cuDeviceGetCount", ctypes.byref(count))
        return tuple(_describe(library, index) for index in range(count.value))
    except _CallError:
        return ()


def memory_info(device: int = 0, open_library: Callable[[], Any | None] = open_driver) -> tuple[int, int] | None:
    """Give the free and the total memory of a GPU, in bytes; None where it cannot be asked.

    The device's primary context is used, which CTranslate2 computes in too; the thread's current one is left as it was.
    """
    library = open_library()
    if library is None:
        return None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    try:
        _call(library, "cuInit", 0)
        with _primary_context(library, _device(library, device)):
            _call(library, "cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    except _CallError:
        return None
    return free.value, total.value


def keep_memory(device: int = 0, open_library: Callable[[], Any | None] = open_driver) -> bool:
    """Have a GPU's memory pool keep what it has been given; returns whether it will.

    By default CUDA's pool hands everything back at each synchronisation, of which every batch has several.
    """
    library = open_library()
    if library is None:
        return False
    pool, everything = ctypes.c_void_p(), ctypes.c_uint64(2**64 - 1)
    try:
        _call(library, "cuInit", 0)
        _call(library, "cuDeviceGetDefaultMemPool", ctypes.byref(pool), _device(library, device))
        _call(library, "cuMemPoolSetAttribute", pool, ctypes.c_int(_RELEASE_THRESHOLD), ctypes.byref(everything))
    except _CallError:
        return False
    return True


def nvidia_devices(root: Path = Path("/sys/bus/pci/devices")) -> int:
    """Count the NVIDIA GPUs on the bus, driver or not; 0 where the system does not tell (Windows, WSL)."""
    found = 0
    with suppress(OSError):
        for entry in root.iterdir():
            vendor, kind = (entry / "vendor").read_text(encoding="ascii"), (entry / "class").read_text(encoding="ascii")
            found += vendor.startswith(_NVIDIA) and kind.startswith(_DISPLAY_CLASS)
    return found


def why_unused(wanted: str, computing: object, environ: Mapping[str, str] = os.environ) -> str | None:
    """Say in a line that this machine's GPU is not used, where nobody wanted that: `auto` has come to the CPU.

    None where all is as it should be, and where CUDA_VISIBLE_DEVICES hides GPUs on purpose.
    """
    if wanted != "auto" or computing != "cpu" or "CUDA_VISIBLE_DEVICES" in environ or not nvidia_devices():
        return None
    return (
        "the CPU computes: this machine has an NVIDIA GPU that cannot be used; awct2 doctor says why, and --device cpu "
        "leaves this line out"
    )


def _open(name: str) -> Any:
    # Global, so that it counts for every library; winmode 0: as CTranslate2 asks Windows, which searches PATH.
    return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL, winmode=0)


def _open_wheel(site: Path) -> Path:
    """Load what the wheels below a site folder hold, the parts first; the system keeps them open."""
    path = site
    for package, name, needed in _PARTS:
        path = site.joinpath(*package, _LIBRARY_FOLDER, name)
        if sys.platform == "win32" and path.parent.is_dir():
            os.add_dll_directory(str(path.parent))
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            if needed:
                raise
    return path


def _path_of(name: str) -> Path | None:
    """Give the file that a loaded library came from, where the system tells."""
    with suppress(OSError):
        for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            # "7f5ad4655000-7f5ad4680000 r--p 00000000 fe:00 1234   /usr/lib/libcublas.so.12.9.3"
            path = line.partition("/")[2]
            if path.rpartition("/")[2].startswith(name):
                return Path("/" + path)
    return None


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_file()
    return False


def _call(library: Any, function: str, *arguments: Any) -> None:
    """Call a function of the driver. Raises _CallError, with the driver's name for what went wrong."""
    try:
        code = getattr(library, function)(*arguments)
    except AttributeError as error:
        raise _CallError(f"the driver has no {function}") from error
    if code:
        name = ctypes.c_char_p()
        # NVML has no such function: its errors keep their numbers.
        with suppress(AttributeError):
            library.cuGetErrorName(code, ctypes.byref(name))
        raise _CallError(f"{function}: {name.value.decode() if name.value else f'error {code}'}")


def _device(library: Any, index: int) -> ctypes.c_int:
    device = ctypes.c_int()
    _call(library, "cuDeviceGet", ctypes.byref(device), ctypes.c_int(index))
    return device


def _describe(library: Any, index: int) -> Gpu:
    device = _device(library, index)
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    major, minor = ctypes.c_int(), ctypes.c_int()
    _call(library, "cuDeviceGetName", name, ctypes.c_int(len(name)), device)
    _call(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    _call(library, "cuDeviceGetAttribute", ctypes.byref(major), ctypes.c_int(_CAPABILITY_MAJOR), device)
    _call(library, "cuDeviceGetAttribute", ctypes.byref(minor), ctypes.c_int(_CAPABILITY_MINOR), device)
    return Gpu(index, name.value.decode(errors="replace"), memory.value, (major.value, minor.value))


@contextmanager
def _primary_context(library: Any, device: ctypes.c_int) -> Iterator[None]:
    """Make the device's primary context current for a moment, and let go of it whatever happens."""
    context = ctypes.c_void_p()
    _call(library, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        _call(library, "cuCtxPushCurrent_v2", context)
        try:
            yield
        finally:
            _call(library, "cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
    finally:
        _call(library, "cuDevicePrimaryCtxRelease_v2", device)
