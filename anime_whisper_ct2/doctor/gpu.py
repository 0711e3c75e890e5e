"""The driver, the GPUs, cuBLAS and the cache of compiled kernels."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.doctor.check import Check
from anime_whisper_ct2.doctor.machine import nearest_existing
from anime_whisper_ct2.engine import cuda
from anime_whisper_ct2.system.files import is_writable

# The wheel is built with CUDA 12, whose programs need a driver that speaks 12.0.
NEEDED = (12, 0)
NEEDED_DRIVER = "525"
# It holds machine code for these, and for later ones PTX 8.7, which the driver compiles if it speaks CUDA 12.8. Read in
# the fat binaries of ctranslate2 4.8.5; an H100 or H200 is 9.0.
MACHINE_CODE = ((5, 3), (6, 0), (6, 1), (7, 0), (7, 5), (8, 0), (8, 6))
NEEDED_TO_COMPILE = (12, 8)
NEEDED_DRIVER_TO_COMPILE = "570"
# The driver's default is 1 GiB; binaries that do not fit are compiled again at every start.
LEAST_CACHE_BYTES = 256 * 2**20

NO_GPU = "no GPU here; runs use the CPU"
CUBLAS_REMEDY = "pip install nvidia-cublas-cu12"


@dataclass(frozen=True, slots=True)
class Hardware:
    """What `cuda` found. `devices`: the NVIDIA GPUs on the bus, whether a driver serves them or not."""

    driver: cuda.Driver
    gpus: tuple[cuda.Gpu, ...]
    devices: int = 0


def look() -> Hardware:
    """Ask the driver and the bus."""
    return Hardware(cuda.driver(), cuda.gpus(), cuda.nvidia_devices())


def check_driver(hardware: Hardware, environ: Mapping[str, str]) -> Check:
    """Hold the driver against what CTranslate2's wheel needs on these GPUs."""
    driver = hardware.driver
    if driver.cuda is None or driver.problem:
        return _without_cuda(hardware, environ)
    compiles = any(not has_machine_code(gpu) and gpu.capability > MACHINE_CODE[-1] for gpu in hardware.gpus)
    needed, version = (NEEDED_TO_COMPILE, NEEDED_DRIVER_TO_COMPILE) if compiles else (NEEDED, NEEDED_DRIVER)
    found = f"{driver.version or 'version unknown'}, CUDA {_dotted(driver.cuda)}"
    if driver.cuda < needed:
        why = "to compile CTranslate2's kernels for this GPU" if compiles else "by CTranslate2's wheel"
        return Check(
            "NVIDIA driver",
            "failed",
            f"{found}; CUDA {_dotted(needed)} is needed {why}",
            f"install the NVIDIA driver {version} or newer",
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
        remedy = f"install the NVIDIA driver {NEEDED_DRIVER_TO_COMPILE} or newer"
        return Check("NVIDIA driver", "warning", "none, and the machine has an NVIDIA GPU; runs use the CPU", remedy)
    return Check("NVIDIA driver", "skipped", f"none; {NO_GPU}")


def check_gpus(hardware: Hardware) -> Iterator[Check]:
    """Describe each GPU, and say where CTranslate2 has no code for it."""
    if not hardware.gpus:
        yield Check("GPU", "skipped", NO_GPU)
    for gpu in hardware.gpus:
        name = gpu_name(gpu)
        found = f"{gpu.name}, {gpu.memory_bytes / 2**30:,.0f} GiB, compute capability {_dotted(gpu.capability)}"
        if has_machine_code(gpu):
            yield Check(name, "ok", found)
        elif gpu.capability > MACHINE_CODE[-1]:
            yield Check(name, "ok", f"{found}; the driver compiles CTranslate2's kernels for it at first use")
        else:
            oldest = _dotted(MACHINE_CODE[0])
            yield Check(name, "failed", f"{found}; CTranslate2 needs {oldest}", "use --device cpu, or a newer GPU")


def check_cublas(hardware: Hardware, cublas: cuda.Cublas) -> Check:
    """Say whether cuBLAS 12 was loaded, and from where."""
    if cublas.loaded:
        return Check("cuBLAS 12", "ok", f"loaded from {cublas.path}" if cublas.path else "loaded")
    if not hardware.gpus:
        return Check("cuBLAS 12", "skipped", f"not installed, and {NO_GPU}")
    return Check("cuBLAS 12", "failed", cublas.problem, CUBLAS_REMEDY)


def check_kernel_cache(hardware: Hardware, environ: Mapping[str, str], home: Path | None = None) -> Check:
    """Look whether kernels that the driver compiles are kept; without, every start compiles them again."""
    name = "kernel cache"
    if not hardware.gpus:
        return Check(name, "skipped", NO_GPU)
    if all(map(has_machine_code, hardware.gpus)):
        return Check(name, "ok", "not needed: CTranslate2 holds machine code for every GPU here")
    if environ.get("CUDA_CACHE_DISABLE", "0").strip() not in ("", "0"):
        return Check(name, "warning", "switched off: every start compiles the kernels", "unset CUDA_CACHE_DISABLE")
    size = environ.get("CUDA_CACHE_MAXSIZE", "").strip()
    if size.isdecimal() and int(size) < LEAST_CACHE_BYTES:
        found = f"CUDA_CACHE_MAXSIZE={size} is too small for the kernels: every start compiles them"
        return Check(name, "warning", found, "unset CUDA_CACHE_MAXSIZE, whose default is 1 GiB")
    folder = _cache_folder(environ, home or Path.home())
    existing = nearest_existing(folder)
    if not (existing.is_dir() and is_writable(existing)):
        found = f"{folder} cannot be written: every start compiles the kernels"
        return Check(name, "warning", found, "set CUDA_CACHE_PATH to a folder that can be written, and is kept")
    return Check(name, "ok", str(folder))


def has_machine_code(gpu: cuda.Gpu) -> bool:
    """Tell whether the wheel's code runs on a GPU as it is: machine code serves later GPUs of the same generation."""
    major, minor = gpu.capability
    return any(major == code[0] and minor >= code[1] for code in MACHINE_CODE)


def gpu_name(gpu: cuda.Gpu) -> str:
    """Name a GPU as the checks do."""
    return f"GPU {gpu.index}"


def _cache_folder(environ: Mapping[str, str], home: Path) -> Path:
    if named := environ.get("CUDA_CACHE_PATH"):
        return Path(named)
    if sys.platform == "win32":
        return Path(environ.get("APPDATA", str(home))) / "NVIDIA" / "ComputeCache"
    return home / ".nv" / "ComputeCache"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
