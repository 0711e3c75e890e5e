"""Calls into the driver's CUDA library, by ctypes."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

LIBCUDA = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


class CallError(Exception):
    """A function of the driver failed, or the driver has none of that name."""


def open_driver() -> Any | None:
    """Open the driver's CUDA library; None where there is no driver."""
    try:
        return ctypes.CDLL(LIBCUDA)
    except OSError:
        return None


def call(library: Any, function: str, *arguments: Any) -> None:
    """Call a function of the driver. Raises CallError, with the driver's name for what went wrong."""
    try:
        code = getattr(library, function)(*arguments)
    except AttributeError as error:
        raise CallError(f"the driver has no {function}") from error
    if code:
        name = ctypes.c_char_p()
        # NVML has no such function: its errors keep their numbers.
        with suppress(AttributeError):
            library.cuGetErrorName(code, ctypes.byref(name))
        raise CallError(f"{function}: {name.value.decode() if name.value else f'error {code}'}")


def handle_of(library: Any, index: int) -> ctypes.c_int:
    """Give the driver's handle of a GPU. Raises CallError where there is none of that number."""
    device = ctypes.c_int()
    call(library, "cuDeviceGet", ctypes.byref(device), ctypes.c_int(index))
    return device


def attribute_of(library: Any, device: ctypes.c_int, attribute: int) -> int:
    """Ask for a CUdevice_attribute, by its number in cuda.h. Raises CallError."""
    value = ctypes.c_int()
    call(library, "cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(attribute), device)
    return value.value


@contextmanager
def primary_context(library: Any, device: ctypes.c_int) -> Iterator[None]:
    """Make the device's primary context current for a moment, and let go of it whatever happens. Raises CallError."""
    context = ctypes.c_void_p()
    call(library, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        call(library, "cuCtxPushCurrent_v2", context)
        try:
            yield
        finally:
            call(library, "cuCtxPopCurrent_v2", ctypes.byref(ctypes.c_void_p()))
    finally:
        call(library, "cuDevicePrimaryCtxRelease_v2", device)
