"""Where the model computes: `auto` and `default` settled, wishes that cannot be met refused, failures told apart."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ctranslate2

from anime_whisper_ct2.engine import cuda
from anime_whisper_ct2.engine.cuda.memory import ALLOCATOR, ALLOCATOR_CONFIG, POOL, pool_wishes
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError, InputError
from anime_whisper_ct2.options import CPU_BATCH, GPU_BATCH, EngineOptions, available_cores

# How many batches a CPU computes side by side, sharing the weights: the first that divides the cores. Two on one core
# each were a fifth faster than one on two cores, which wait for each other at every layer.
_CPU_REPLICAS = (4, 3, 2, 1)
# What CTranslate2 was told of its memory, by the user or before it was imported, under the names that `run.json` has.
_ALLOCATOR = {"allocator": ALLOCATOR, "cache": ALLOCATOR_CONFIG}
# CTranslate2 throws what CUDA and cuBLAS say, in their words; torch has its own for the CPU's memory.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|ALLOC_FAILED|bad_alloc|failed to allocate|can't allocate memory|not enough memory", re.IGNORECASE
)
# After these, a process gets nothing else from the device.
_DEVICE_LOST = re.compile(
    r"illegal memory access|illegal instruction|misaligned address|unspecified launch failure|device-side assert"
    r"|uncorrectable|launch timed out|hardware stack",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ComputeDevice:
    """Where the model computes, settled; `threads` are OpenMP threads of each of the `replicas`, which run at once.

    `cublas` is what multiplies on a GPU, and `pool` what the user wishes of its memory pool.
    """

    name: str
    compute_type: str
    batch_size: int
    replicas: int
    threads: int
    cublas: cuda.Cublas | None = None
    pool: Mapping[str, int] = field(default_factory=dict)


def is_cuda(options: EngineOptions) -> bool:
    """Say whether a GPU is meant: by name, or because one answers that CTranslate2's kernels can run on."""
    return options.device == "cuda" or (
        options.device == "auto" and _is_usable(options.gpus[0], ctranslate2.get_cuda_device_count())
    )


def _is_usable(gpu: int, gpus: int) -> bool:
    """Say whether `auto` is this one of so many GPUs: not where it would give wrong texts, or none."""
    return gpus > 0 and cuda.why_unfit_here(gpu) is None


def kind_of_error(said: str) -> type[EngineError]:
    """Tell the errors of a device apart by what CTranslate2 says of them."""
    if _OUT_OF_MEMORY.search(said):
        return EngineMemoryError
    return EngineLostError if _DEVICE_LOST.search(said) else EngineError


def settle(options: EngineOptions, converted: str) -> ComputeDevice:
    """Turn `auto` into a device; `converted` is the type that the model was converted to.

    Raises InputError for a wish that cannot be met, and EngineError when the GPU's libraries are not there, or when it
    or its driver cannot run CTranslate2's kernels.
    """
    gpus = ctranslate2.get_cuda_device_count()
    gpu = options.gpus[0]
    name = options.device if options.device != "auto" else ("cuda" if _is_usable(gpu, gpus) else "cpu")
    if name == "cpu" and gpu:
        name = "cuda"  # a GPU was asked for by its number: refuse it below, and compute on no other
    if name == "cuda" and gpu >= gpus:
        found = f"{gpus} found" if gpus else "none found (is the NVIDIA driver installed?)"
        raise InputError(f"no CUDA device {gpu}: {found}; choose another, or --device cpu")
    if name == "cuda":
        if options.cpu_threads:
            raise InputError("CPU threads are for --device cpu; leave them out on a GPU")
        if unfit := cuda.why_unfit_here(gpu):
            raise EngineError(unfit)
        cublas = cuda.load_cublas()
        if not cublas.loaded:
            raise EngineError(f"no cuBLAS 12 ({cublas.problem}); pip install nvidia-cublas-cu12, or --device cpu")
        pool = _pool_wishes()
    compute: str = options.compute_type
    supported = ctranslate2.get_supported_compute_types(name, gpu if name == "cuda" else 0)
    if compute not in ("default", "auto") and compute not in supported:
        raise InputError(
            f"compute type {compute!r} is not available on {name}; choose one of {', '.join(sorted(supported))}"
        )
    if compute == "default":
        # CTranslate2 would choose the same, and warn on standard error of every run.
        compute = _without_half(converted, supported)
    if name == "cuda":
        # Two, so that one batch is encoded while the one before is decoded.
        size = options.batch_size or GPU_BATCH
        return ComputeDevice(name, compute, size, replicas=2, threads=1, cublas=cublas, pool=pool)
    cores = options.cpu_threads or available_cores()
    replicas = next(number for number in _CPU_REPLICAS if cores % number == 0)
    return ComputeDevice(name, compute, options.batch_size or CPU_BATCH, replicas, threads=cores // replicas)


def keep_memory(
    device: ComputeDevice, gpu: int, keep: Callable[[int, Mapping[str, int]], cuda.MemoryPool] = cuda.keep_memory
) -> cuda.MemoryPool:
    """Have a GPU keep its memory, in the way that was wished for. Raises EngineError where a wish is not granted."""
    pool = keep(gpu, device.pool)
    if device.pool and pool.problem:
        raise EngineError(f"GPU {gpu} refuses what {POOL} asks for ({pool.problem}); leave that out")
    return pool


def facts_of(device: ComputeDevice, pool: cuda.MemoryPool, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Give what `run.json` says of the libraries that a GPU computes with, and of its memory."""
    allocator = {name: environ[variable] for name, variable in _ALLOCATOR.items() if variable in environ}
    return {
        "memory_pool": {**pool.as_dict(), **allocator},
        "cublas": device.cublas.as_dict() if device.cublas else None,
    }


def _pool_wishes() -> Mapping[str, int]:
    try:
        return pool_wishes(os.environ)
    except ValueError as error:
        raise InputError(str(error)) from error


def _without_half(converted: str, supported: set[str]) -> str:
    """Give a conversion's own type, or its float32 form where the device computes no 16-bit floats."""
    if converted in supported or converted == "default":
        return converted
    return {"float16": "float32", "bfloat16": "float32"}.get(converted, converted.partition("_")[0] + "_float32")
