"""Machines that the doctor may meet: GPUs, drivers, and what breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from anime_whisper_ct2.doctor.sound import FORMATS
from anime_whisper_ct2.engine.cuda import LIBCUDA, Driver, Gpu

BY_NAME = {kind.name: kind for kind in FORMATS}

H200 = Gpu(0, "NVIDIA H200", 140 * 2**30, (9, 0))
A10 = Gpu(0, "NVIDIA A10", 24 * 2**30, (8, 6))
L4 = Gpu(0, "NVIDIA L4", 24 * 2**30, (8, 9))
GTX_980 = Gpu(0, "GeForce GTX 980", 4 * 2**30, (5, 2))

NO_DRIVER = Driver(problem=f"{LIBCUDA} is not there")
NEW = Driver("570.124.06", (12, 8), installed=True)
NEW_ENOUGH = Driver("535.104.05", (12, 2), installed=True)
OLD = Driver("470.57.02", (11, 4), installed=True)
NO_DEVICE = Driver(cuda=(12, 8), problem="cuInit: CUDA_ERROR_NO_DEVICE", installed=True)


def fails(message: str) -> Callable[..., Any]:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError(message)

    return fail
