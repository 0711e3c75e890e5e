"""The driver's CUDA library, as far as it is called: a fake that writes through the pointers that ctypes hands over."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

GIB = 2**30
_ERRORS = {1: b"CUDA_ERROR_INVALID_VALUE", 2: b"CUDA_ERROR_OUT_OF_MEMORY", 100: b"CUDA_ERROR_NO_DEVICE"}
# What a pool is like before anybody sets it, by the numbers of CUmemPool_attribute.
_FRESH_POOL = {1: 1, 2: 1, 3: 1, 4: 0}


class FakeCuda:
    """A driver with GPUs of these capabilities; `failing` holds the error of each function that is to fail."""

    def __init__(
        self,
        *,
        version: int = 12080,
        capabilities: tuple[tuple[int, int], ...] = ((9, 0),),
        memory_bytes: int = 140 * GIB,
        pools: bool = True,
    ) -> None:
        self.version = version
        self.capabilities = capabilities
        self.memory_bytes = memory_bytes
        self.pools = {10 + at: dict(_FRESH_POOL) for at in range(len(capabilities))} if pools else {}
        self.failing: dict[str, int] = {}
        self.refusing: set[int] = set()  # attributes of pools that cannot be set
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
            return function(self, *(getattr(argument, "_obj", argument) for argument in arguments)) or 0

        return call

    def _cuGetErrorName(self, code: int, name: ctypes.c_char_p) -> None:
        name.value = _ERRORS.get(code)

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
        memory.value = self.memory_bytes

    def _cuDeviceGetAttribute(self, value: ctypes.c_int, attribute: ctypes.c_int, device: ctypes.c_int) -> None:
        if attribute.value == 115:
            value.value = device.value in self.pools
        else:
            value.value = self.capabilities[device.value - 10][{75: 0, 76: 1}[attribute.value]]

    def _cuDeviceGetDefaultMemPool(self, pool: ctypes.c_void_p, device: ctypes.c_int) -> None:
        pool.value = device.value

    def _cuMemPoolSetAttribute(self, pool: ctypes.c_void_p, attribute: ctypes.c_int, value: Any) -> int:
        self._check_type(attribute, value)
        if attribute.value in self.refusing:
            return 1
        self.pools[pool.value or 0][attribute.value] = value.value
        return 0

    def _cuMemPoolGetAttribute(self, pool: ctypes.c_void_p, attribute: ctypes.c_int, value: Any) -> None:
        self._check_type(attribute, value)
        value.value = self.pools[pool.value or 0][attribute.value]

    def _check_type(self, attribute: ctypes.c_int, value: Any) -> None:
        # As cuda.h has them: the driver writes as many bytes as that, whatever it was given.
        assert type(value) is {1: ctypes.c_int, 2: ctypes.c_int, 3: ctypes.c_int, 4: ctypes.c_uint64}[attribute.value]

    def _cuMemPoolTrimTo(self, pool: ctypes.c_void_p, kept: ctypes.c_size_t) -> None:
        assert pool.value in self.pools
        assert kept.value == 0

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
