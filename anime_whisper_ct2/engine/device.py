"""Where the model computes: `auto` and `default` settled, wishes that cannot be met refused, failures told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

import ctranslate2

from anime_whisper_ct2.engine.cuda import load_cublas
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError, InputError
from anime_whisper_ct2.options import CPU_BATCH, GPU_BATCH, EngineOptions, available_cores

# How many batches a CPU computes side by side, sharing the weights: the first that divides the cores. Two on one core
# each were a fifth faster than one on two cores, which wait for each other at every layer.
_CPU_REPLICAS = (4, 3, 2, 1)
# CTranslate2 throws what CUDA and cuBLAS say, in their words.
_OUT_OF_MEMORY = re.compile(r"out of memory|ALLOC_FAILED|bad_alloc|failed to allocate", re.IGNORECASE)
# After these, a process gets nothing else from the device.
_DEVICE_LOST = re.compile(
    r"illegal memory access|illegal instruction|misaligned address|unspecified launch failure|device-side assert"
    r"|uncorrectable|launch timed out|hardware stack",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ComputeDevice:
    """Where the model computes, settled; `threads` are OpenMP threads of each of the `replicas`, which run at once."""

    name: str
    compute_type: str
    batch_size: int
    replicas: int
    threads: int


def is_cuda(options: EngineOptions) -> bool:
    """Say whether a GPU is meant: by name, or because one answers."""
    return options.device == "cuda" or (options.device == "auto" and ctranslate2.get_cuda_device_count() > 0)


def kind_of_error(said: str) -> type[EngineError]:
    """Tell the errors of a device apart by what CTranslate2 says of them."""
    if _OUT_OF_MEMORY.search(said):
        return EngineMemoryError
    return EngineLostError if _DEVICE_LOST.search(said) else EngineError


def settle(options: EngineOptions, converted: str) -> ComputeDevice:
    """Turn `auto` into a device; `converted` is the type that the model was converted to.

    Raises InputError for a wish that cannot be met, and EngineError when the GPU's libraries are not there.
    """
    gpus = ctranslate2.get_cuda_device_count()
    name = options.device if options.device != "auto" else ("cuda" if gpus else "cpu")
    gpu = options.gpus[0]
    if name == "cpu" and gpu:
        name = "cuda"  # a GPU was asked for by its number: refuse it below, and compute on no other
    if name == "cuda" and gpu >= gpus:
        found = f"{gpus} found" if gpus else "none found (is the NVIDIA driver installed?)"
        raise InputError(f"no CUDA device {gpu}: {found}; choose another, or --device cpu")
    if name == "cuda":
        if options.cpu_threads:
            raise InputError("CPU threads are for --device cpu; leave them out on a GPU")
        cublas = load_cublas()
        if not cublas.loaded:
            raise EngineError(f"no cuBLAS 12 ({cublas.problem}); pip install nvidia-cublas-cu12, or --device cpu")
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
        return ComputeDevice(name, compute, options.batch_size or GPU_BATCH, replicas=2, threads=1)
    cores = options.cpu_threads or available_cores()
    replicas = next(number for number in _CPU_REPLICAS if cores % number == 0)
    return ComputeDevice(name, compute, options.batch_size or CPU_BATCH, replicas, threads=cores // replicas)


def _without_half(converted: str, supported: set[str]) -> str:
    """Give a conversion's own type, or its float32 form where the device computes no 16-bit floats."""
    if converted in supported or converted == "default":
        return converted
    return {"float16": "float32", "bfloat16": "float32"}.get(converted, converted.partition("_")[0] + "_float32")
