"""CUDA without CTranslate2: cuBLAS, the NVIDIA driver and its GPUs, their memory, and the kernels that they run.

Nothing here raises for what a machine lacks: one without a GPU is as good as any, and who asks decides what an absence
means.

`hardware` asks the driver, by `calls`; `cublas` loads the library that CTranslate2 multiplies with; `memory` is what a
GPU has of it and what its pool keeps; `kernels` says what CTranslate2's need, and where compiled ones are kept.

Standard library only, so that a process that may die of a driver is small.

May import: `system`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from anime_whisper_ct2.engine.cuda.calls import LIBCUDA, open_driver
from anime_whisper_ct2.engine.cuda.cublas import CUBLAS, Cublas, load_cublas
from anime_whisper_ct2.engine.cuda.hardware import Driver, Gpu, driver, driver_version, gpus, nvidia_devices
from anime_whisper_ct2.engine.cuda.kernels import is_wheel, why_unfit
from anime_whisper_ct2.engine.cuda.memory import MemoryPool, keep_memory, memory_info, trim_memory

__all__ = [
    "CUBLAS",
    "LIBCUDA",
    "Cublas",
    "Driver",
    "Gpu",
    "MemoryPool",
    "driver",
    "driver_version",
    "gpus",
    "is_wheel",
    "keep_memory",
    "load_cublas",
    "memory_info",
    "nvidia_devices",
    "open_driver",
    "trim_memory",
    "why_unfit_here",
    "why_unused",
]


def why_unfit_here(
    device: int = 0,
    open_library: Callable[[], Any | None] = open_driver,
    is_wheel: Callable[[], bool] = is_wheel,
) -> str | None:
    """Say why CTranslate2's kernels cannot run on a GPU of this machine; None where nothing speaks against it."""
    found = gpus(open_library)
    return why_unfit(driver(open_library), found[device], wheel=is_wheel()) if device < len(found) else None


def why_unused(
    wanted: str,
    computing: object,
    environ: Mapping[str, str] = os.environ,
    devices: Callable[[], int] = nvidia_devices,
    why_unfit: Callable[[], str | None] = why_unfit_here,
) -> str | None:
    """Say in a line that this machine's GPU is not used, where nobody wanted that: `auto` has come to the CPU.

    None where all is as it should be, and where CUDA_VISIBLE_DEVICES hides GPUs on purpose.
    """
    if wanted != "auto" or computing != "cpu":
        return None
    if unfit := why_unfit():
        return f"the CPU computes: {unfit}, which leaves this line out"
    if "CUDA_VISIBLE_DEVICES" in environ or not devices():
        return None
    return (
        "the CPU computes: this machine has an NVIDIA GPU that cannot be used; awct2 doctor says why, and --device cpu "
        "leaves this line out"
    )
