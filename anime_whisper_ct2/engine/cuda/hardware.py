"""What the NVIDIA driver says of itself and its GPUs, and what the bus says where there is no driver.

Source: the CUDA driver API reference.
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anime_whisper_ct2.engine.cuda.calls import LIBCUDA, CallError, attribute_of, call, handle_of, open_driver

_NVML = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
# As PCI numbers them: display controllers of any kind, those without a display too, and the vendor.
_DISPLAY_CLASS = "0x03"
_NVIDIA = "0x10de"
# CUdevice_attribute of cuda.h
_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76


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


def driver(open_library: Callable[[], Any | None] = open_driver) -> Driver:
    """Ask the driver what it is and whether it works."""
    version = driver_version()
    library = open_library()
    if library is None:
        return Driver(version, problem=f"{LIBCUDA} is not there")
    number = ctypes.c_int()
    try:
        call(library, "cuDriverGetVersion", ctypes.byref(number))
        cuda = (number.value // 1000, number.value % 1000 // 10)
    except CallError as error:
        return Driver(version, problem=str(error), installed=True)
    try:
        call(library, "cuInit", 0)
    except CallError as error:
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
        call(library, "nvmlInit_v2")
        buffer = ctypes.create_string_buffer(96)
        try:
            call(library, "nvmlSystemGetDriverVersion", buffer, ctypes.c_uint(len(buffer)))
        finally:
            call(library, "nvmlShutdown")
    except (OSError, CallError):
        return None
    return buffer.value.decode(errors="replace")


def gpus(open_library: Callable[[], Any | None] = open_driver) -> tuple[Gpu, ...]:
    """List the GPUs that this process may use (`CUDA_VISIBLE_DEVICES` counts), in CTranslate2's order."""
    library = open_library()
    if library is None:
        return ()
    count = ctypes.c_int()
    try:
        call(library, "cuInit", 0)
        call(library, "cuDeviceGetCount", ctypes.byref(count))
        return tuple(_describe(library, index) for index in range(count.value))
    except CallError:
        return ()


def nvidia_devices(root: Path = Path("/sys/bus/pci/devices")) -> int:
    """Count the NVIDIA GPUs on the bus, driver or not; 0 where the system does not tell (Windows, WSL)."""
    found = 0
    with suppress(OSError):
        for entry in root.iterdir():
            vendor, kind = (entry / "vendor").read_text(encoding="ascii"), (entry / "class").read_text(encoding="ascii")
            found += vendor.startswith(_NVIDIA) and kind.startswith(_DISPLAY_CLASS)
    return found


def _describe(library: Any, index: int) -> Gpu:
    device = handle_of(library, index)
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t()
    call(library, "cuDeviceGetName", name, ctypes.c_int(len(name)), device)
    call(library, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    capability = (
        attribute_of(library, device, _CAPABILITY_MAJOR),
        attribute_of(library, device, _CAPABILITY_MINOR),
    )
    return Gpu(index, name.value.decode(errors="replace"), memory.value, capability)
