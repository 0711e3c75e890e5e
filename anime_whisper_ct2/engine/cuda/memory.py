"""A GPU's memory: how much is free, what its pool keeps, and CTranslate2's own cache where there are no pools.

Source: `cuda.h` for the attributes; CTranslate2 4.8 `src/cuda/allocator.cc`, which takes its memory from the device's
pool, or from `cub::CachingDeviceAllocator`, one for each thread, where a GPU that it sees has none.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from anime_whisper_ct2.engine.cuda.calls import CallError, attribute_of, call, handle_of, open_driver, primary_context
from anime_whisper_ct2.engine.cuda.hardware import gpus

# The variable that sets attributes of the pool, for trials: `internal_dependencies=0,release_threshold=2147483648`.
POOL = "AWCT2_CUDA_POOL"
# CUmemPool_attribute: what may be used again before the stream that freed it is known to be done, and what is kept.
_FLAGS = {"event_dependencies": 1, "opportunistic": 2, "internal_dependencies": 3}
_KEPT, _EVERYTHING = "release_threshold", 2**64 - 1
# CUdevice_attribute
_POOLS_SUPPORTED = 115
# CTranslate2's variables: which allocator, and bin_growth,min_bin,max_bin,max_cached_bytes of the one without pools.
ALLOCATOR, ALLOCATOR_CONFIG = "CT2_CUDA_ALLOCATOR", "CT2_CUDA_CACHING_ALLOCATOR_CONFIG"
_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MemoryPool:
    """How a GPU's memory pool is set, as the driver says afterwards, or why it could not be; None: it does not say."""

    release_threshold: int | None = None
    event_dependencies: int | None = None
    opportunistic: int | None = None
    internal_dependencies: int | None = None
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give what `run.json` says of it: what is known."""
        return {name: value for name, value in asdict(self).items() if value is not None and value != ""}


def memory_info(device: int = 0, open_library: Callable[[], Any | None] = open_driver) -> tuple[int, int] | None:
    """Give the free and the total memory of a GPU, in bytes; None where it cannot be asked.

    The device's primary context is used, which CTranslate2 computes in too; the thread's current one is left as it was.
    """
    library = open_library()
    if library is None:
        return None
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    try:
        call(library, "cuInit", 0)
        with primary_context(library, handle_of(library, device)):
            call(library, "cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    except CallError:
        return None
    return free.value, total.value


def pool_wishes(environ: Mapping[str, str]) -> Mapping[str, int]:
    """Read AWCT2_CUDA_POOL. Raises ValueError, which says what it may hold, where it holds anything else."""
    wishes: dict[str, int] = {}
    for wish in filter(None, environ.get(POOL, "").replace(" ", "").split(",")):
        name, _, value = wish.partition("=")
        most = _EVERYTHING if name == _KEPT else 1
        if name not in (_KEPT, *_FLAGS) or not re.fullmatch("[0-9]{1,20}", value) or int(value) > most:
            raise ValueError(
                f"{POOL} holds {wish!r}; give {_KEPT}=BYTES, or 0 or 1 for {', '.join(_FLAGS)}, with commas "
                "between them"
            )
        wishes[name] = int(value)
    return wishes


def keep_memory(
    device: int = 0,
    wishes: Mapping[str, int] = _NONE,
    open_library: Callable[[], Any | None] = open_driver,
) -> MemoryPool:
    """Have a GPU's memory pool keep what it has been given, or set it as `wishes` has it; returns how it is set then.

    By default CUDA's pool hands everything back at each synchronisation, of which every batch has several.
    """
    library = open_library()
    if library is None:
        return MemoryPool(problem="there is no driver")
    try:
        pool = _pool(library, device)
    except CallError as error:
        return MemoryPool(problem=str(error))
    problem = ""
    for name, value in {_KEPT: _EVERYTHING, **wishes}.items():
        try:
            number, holder = _attribute(name, value)
            call(library, "cuMemPoolSetAttribute", pool, number, ctypes.byref(holder))
        except CallError as error:
            problem = problem or f"{name}={value}: {error}"
    return MemoryPool(**_read(library, pool), problem=problem)


def trim_memory(device: int = 0, open_library: Callable[[], Any | None] = open_driver) -> bool:
    """Have a GPU's memory pool hand back what it keeps and nobody uses: another allocator needs it; returns whether."""
    library = open_library()
    if library is None:
        return False
    try:
        call(library, "cuMemPoolTrimTo", _pool(library, device), ctypes.c_size_t(0))
    except CallError:
        return False
    return True


def allocator_settings(
    environ: Mapping[str, str], open_library: Callable[[], Any | None] = open_driver
) -> Mapping[str, str]:
    """Give what to add to the environment before CTranslate2 is imported, where it will do without memory pools.

    By default its cache then holds 200 MB in blocks of up to 16 MiB; all else is taken from the driver and given back
    each time, for which the whole device is waited for. Has the driver started, so what CUDA reads of the environment
    has to be there before.
    """
    if ALLOCATOR_CONFIG in environ or environ.get(ALLOCATOR) == "cuda_malloc_async":
        return {}
    library = open_library()
    found = gpus(lambda: library)
    if library is None or not found:
        return {}
    try:
        pools = all(attribute_of(library, handle_of(library, gpu.index), _POOLS_SUPPORTED) for gpu in found)
    except CallError:
        return {}
    if pools and environ.get(ALLOCATOR) != "cub_caching":
        return {}
    return {ALLOCATOR_CONFIG: _cache_of(min(gpu.memory_bytes for gpu in found))}


def _cache_of(memory_bytes: int) -> str:
    """Lay CTranslate2's cache out for a GPU's memory: powers of two from 512 bytes on, so that little is rounded up.

    To 2 GiB at most, since cub reckons the largest in 32 bits. A third of the memory, because each of the two threads
    that compute has a cache of its own, and one cannot use what the other's keeps; the weights take the rest.
    """
    return f"2,9,{min(31, memory_bytes.bit_length() - 1)},{memory_bytes // 3}"


def _pool(library: Any, device: int) -> ctypes.c_void_p:
    pool = ctypes.c_void_p()
    call(library, "cuInit", 0)
    gpu = handle_of(library, device)
    if not attribute_of(library, gpu, _POOLS_SUPPORTED):
        raise CallError("the GPU has no memory pools")
    call(library, "cuDeviceGetDefaultMemPool", ctypes.byref(pool), gpu)
    return pool


def _attribute(name: str, value: int = 0) -> tuple[ctypes.c_int, ctypes.c_int | ctypes.c_uint64]:
    """Give an attribute as the driver takes it: its number, and what holds its value."""
    if name == _KEPT:
        return ctypes.c_int(4), ctypes.c_uint64(value)
    return ctypes.c_int(_FLAGS[name]), ctypes.c_int(value)


def _read(library: Any, pool: ctypes.c_void_p) -> dict[str, int]:
    found = {}
    for name in (_KEPT, *_FLAGS):
        number, holder = _attribute(name)
        try:
            call(library, "cuMemPoolGetAttribute", pool, number, ctypes.byref(holder))
        except CallError:
            continue
        found[name] = holder.value
    return found
