"""The driver, the GPUs, cuBLAS and the cache of compiled kernels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.doctor.check import Check
from anime_whisper_ct2.engine import cuda
from anime_whisper_ct2.engine.cuda.cublas import ADVISED
from anime_whisper_ct2.engine.cuda.kernels import (
    MACHINE_CODE,
    NEEDED_TO_COMPILE,
    dotted,
    has_machine_code,
    is_too_old,
    kernel_cache,
    needed_for,
)
from anime_whisper_ct2.engine.preparing import own_kernel_cache

NO_GPU = "no GPU here; runs use the CPU"
CUBLAS_REMEDY = "pip install nvidia-cublas-cu12"
CUBLAS_UPGRADE = f'pip install --upgrade "nvidia-cublas-cu12>={dotted(ADVISED)}"'


@dataclass(frozen=True, slots=True)
class Hardware:
    """What `cuda` found. `devices`: the NVIDIA GPUs on the bus, whether a driver serves them or not.

    `wheel`: whether CTranslate2's kernels are those of its wheel; what others built may need other GPUs and drivers.
    """

    driver: cuda.Driver
    gpus: tuple[cuda.Gpu, ...]
    devices: int = 0
    wheel: bool = True


def look() -> Hardware:
    """Ask the driver and the bus."""
    return Hardware(cuda.driver(), cuda.gpus(), cuda.nvidia_devices(), cuda.is_wheel())


def check_driver(hardware: Hardware, environ: Mapping[str, str]) -> Check:
    """Hold the driver against what CTranslate2's wheel needs on these GPUs."""
    driver = hardware.driver
    if driver.cuda is None or driver.problem:
        return _without_cuda(hardware, environ)
    needed = needed_for(hardware.gpus)
    found = f"{driver.version or 'version unknown'}, CUDA {dotted(driver.cuda)}"
    if hardware.wheel and driver.cuda < needed.cuda:
        return Check(
            "NVIDIA driver",
            "failed",
            f"{found}; CUDA {dotted(needed.cuda)} is needed {needed.purpose}",
            f"install the NVIDIA driver {needed.driver} or newer",
        )
    return Check("NVIDIA driver", "ok", found)


def _without_cuda(hardware: Hardware, environ: Mapping[str, str]) -> Check:
    driver = hardware.driver
    if driver.installed:
        visible = environ.get("CUDA_VISIBLE_DEVICES")
        if "NO_DEVICE" in driver.problem and visible is not None:
            found = f"CUDA_VISIBLE_DEVICES={visible!r} shows no GPU"
            return Check("NVIDIA driver", "warning", found, "unset CUDA_VISIBLE_DEVICES, or name a GPU such as 0")
        if "NO_DEVICE" in driver.problem and not (driver.version or hardware.devices):
            return Check("NVIDIA driver", "skipped", f"{cuda.LIBCUDA} is installed, and {NO_GPU}")
        remedy = "restart the machine (a driver that was updated wants it), then see what nvidia-smi says"
        return Check("NVIDIA driver", "failed", f"{driver.version or 'version unknown'}: {driver.problem}", remedy)
    if driver.version is not None:
        found = f"{driver.version} runs, but {driver.problem}"
        remedy = (
            "in a container: start it with --gpus all and NVIDIA_DRIVER_CAPABILITIES=compute,utility; "
            "else install the driver's CUDA library (Debian: libcuda1, Ubuntu: libnvidia-compute)"
        )
        return Check("NVIDIA driver", "failed", found, remedy)
    if hardware.devices:
        remedy = f"install the NVIDIA driver {NEEDED_TO_COMPILE.driver} or newer"
        return Check("NVIDIA driver", "warning", "none, and the machine has an NVIDIA GPU; runs use the CPU", remedy)
    return Check("NVIDIA driver", "skipped", f"none; {NO_GPU}")


def check_gpus(hardware: Hardware) -> Iterator[Check]:
    """Describe each GPU, and say where CTranslate2 has no code for it."""
    if not hardware.gpus:
        yield Check("GPU", "skipped", NO_GPU)
    for gpu in hardware.gpus:
        name = gpu_name(gpu)
        found = f"{gpu.name}, {gpu.memory_bytes / 2**30:,.0f} GiB, compute capability {dotted(gpu.capability)}"
        if has_machine_code(gpu) or not hardware.wheel:
            yield Check(name, "ok", found)
        elif not is_too_old(gpu):
            yield Check(name, "ok", f"{found}; the driver compiles CTranslate2's kernels for it at first use")
        else:
            oldest = dotted(MACHINE_CODE[0])
            yield Check(name, "failed", f"{found}; CTranslate2 needs {oldest}", "use --device cpu, or a newer GPU")


def check_cublas(hardware: Hardware, cublas: cuda.Cublas) -> Check:
    """Say which cuBLAS 12 was loaded, and from where."""
    name = "cuBLAS 12"
    if not cublas.loaded:
        if not hardware.gpus:
            return Check(name, "skipped", f"not installed, and {NO_GPU}")
        return Check(name, "failed", cublas.problem, CUBLAS_REMEDY)
    found = f"loaded from {cublas.path}" if cublas.path else "loaded"
    if cublas.version:
        found = f"{dotted(cublas.version)}, {found}"
    if cublas.is_old and hardware.gpus:
        return Check(name, "warning", f"{found}; {dotted(ADVISED)} is advised", CUBLAS_UPGRADE)
    return Check(name, "ok", found)


def check_kernel_cache(hardware: Hardware, environ: Mapping[str, str], home: Path | None = None) -> Check:
    """Look whether kernels that the driver compiles are kept; without, every start compiles them again."""
    name = "kernel cache"
    if not hardware.gpus:
        return Check(name, "skipped", NO_GPU)
    if all(map(has_machine_code, hardware.gpus)):
        return Check(name, "ok", "not needed: CTranslate2 holds machine code for every GPU here")
    own = own_kernel_cache()
    cache = kernel_cache(environ, own, home)
    if cache.problem:
        return Check(name, "warning", cache.problem, cache.remedy)
    why = ", since CUDA's own folder cannot be written" if cache.folder == own else ""
    return Check(name, "ok", f"{cache.folder}{why}")


def gpu_name(gpu: cuda.Gpu) -> str:
    """Name a GPU as the checks do."""
    return f"GPU {gpu.index}"
