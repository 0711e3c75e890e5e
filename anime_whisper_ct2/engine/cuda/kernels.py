"""What the kernels in CTranslate2's wheel need of driver and GPU, and where the compiled ones are kept.

Source: the fat binaries of ctranslate2 4.8.5; CUDA's compatibility guide, and its list of environment variables.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from anime_whisper_ct2.engine.cuda.hardware import Driver, Gpu
from anime_whisper_ct2.system.files import is_writable, nearest_existing

# The wheel holds machine code for these, and for later ones PTX 8.7, which the driver compiles. An H100 or H200 is 9.0.
MACHINE_CODE = ((5, 3), (6, 0), (6, 1), (7, 0), (7, 5), (8, 0), (8, 6))
# The driver's default is 1 GiB; binaries that do not fit are compiled again at every start.
LEAST_CACHE_BYTES = 256 * 2**20

_PATH, _SIZE, _OFF = "CUDA_CACHE_PATH", "CUDA_CACHE_MAXSIZE", "CUDA_CACHE_DISABLE"


@dataclass(frozen=True, slots=True)
class Needed:
    """The CUDA that the driver has to speak, the first driver that does, and what it is needed for."""

    cuda: tuple[int, int]
    driver: str
    purpose: str


# Built with CUDA 12, whose programs run on every driver for one.
NEEDED = Needed((12, 0), "525", "by CTranslate2's wheel")
# PTX 8.7 came with 12.8. An older driver runs nothing of it and says so too late: empty texts (WhisperLiveKit#384).
NEEDED_TO_COMPILE = Needed((12, 8), "570", "to compile CTranslate2's kernels for this GPU")


@dataclass(frozen=True, slots=True)
class KernelCache:
    """Where the driver keeps the kernels that it compiles. `added`: what the environment needs for that.

    `problem` says why nothing is kept, and `remedy` what mends it; then there is no folder.
    """

    folder: Path | None = None
    added: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    remedy: str = ""


def has_machine_code(gpu: Gpu) -> bool:
    """Tell whether the wheel's code runs on a GPU as it is: machine code serves later GPUs of the same generation."""
    major, minor = gpu.capability
    return any(major == code[0] and minor >= code[1] for code in MACHINE_CODE)


def is_too_old(gpu: Gpu) -> bool:
    """Tell whether the wheel holds nothing that could run on a GPU."""
    return not has_machine_code(gpu) and gpu.capability < MACHINE_CODE[-1]


def needed_for(gpus: Iterable[Gpu]) -> Needed:
    """Say what the driver has to be for these GPUs."""
    compiles = any(not has_machine_code(gpu) and not is_too_old(gpu) for gpu in gpus)
    return NEEDED_TO_COMPILE if compiles else NEEDED


def why_unfit(driver: Driver, gpu: Gpu, *, wheel: bool) -> str | None:
    """Say why the kernels cannot run on a GPU, and what mends that; None where nothing speaks against it.

    `wheel`: as `is_wheel` says; what somebody built may be for other GPUs and drivers, and its builder knows.
    """
    if not wheel:
        return None
    if is_too_old(gpu):
        return (
            f"{gpu.name} has compute capability {dotted(gpu.capability)}, and CTranslate2's kernels need "
            f"{dotted(MACHINE_CODE[0])}; choose a newer GPU, or --device cpu"
        )
    needed = needed_for([gpu])
    if driver.cuda is None or driver.cuda >= needed.cuda:
        return None
    version = f"NVIDIA driver {driver.version}" if driver.version else "NVIDIA driver"
    return (
        f"the {version} speaks CUDA {dotted(driver.cuda)}, and {dotted(needed.cuda)} is needed {needed.purpose} "
        f"({gpu.name}); install the NVIDIA driver {needed.driver} or newer, or choose --device cpu"
    )


def is_wheel() -> bool:
    """Tell whether the CTranslate2 here is the wheel from PyPI, by the folder that its Linux wheel has beside it.

    On Windows nothing tells them apart, and hardly anybody builds it there.
    """
    spec = find_spec("ctranslate2")
    if spec is None or spec.origin is None:
        return False
    return sys.platform == "win32" or Path(spec.origin).parents[1].joinpath("ctranslate2.libs").is_dir()


def kernel_cache(environ: Mapping[str, str], own: Path, home: Path | None = None) -> KernelCache:
    """Settle where compiled kernels are kept: where CUDA does by itself, or in `own` where that cannot be written.

    What the user set stands, and only a size into which the kernels cannot go is raised. `home`: the user's.
    """
    if environ.get(_OFF, "0").strip() not in ("", "0"):
        return KernelCache(problem="switched off: every start compiles the kernels", remedy=f"unset {_OFF}")
    size = environ.get(_SIZE, "").strip()
    if size.isdecimal() and int(size) == 0:
        found = f"{_SIZE}=0 keeps none: every start compiles the kernels"
        return KernelCache(problem=found, remedy=f"unset {_SIZE}, whose default is 1 GiB")
    added = {_SIZE: str(LEAST_CACHE_BYTES)} if size.isdecimal() and int(size) < LEAST_CACHE_BYTES else {}
    named = environ.get(_PATH)
    folder = Path(named) if named else _default_folder(environ, home)
    if folder is not None and _can_hold_files(folder):
        return KernelCache(folder, added)
    if not named and _can_hold_files(own):
        return KernelCache(own, {**added, _PATH: str(own)})
    found = f"{folder or own} cannot be written: every start compiles the kernels"
    return KernelCache(problem=found, remedy=f"set {_PATH} to a folder that can be written, and is kept")


def dotted(version: Iterable[int]) -> str:
    """Write a version as it is spoken of: 12.8."""
    return ".".join(map(str, version))


def _default_folder(environ: Mapping[str, str], home: Path | None) -> Path | None:
    """Give the folder that the driver takes; None where it would not know one."""
    if sys.platform == "win32":
        roaming = environ.get("APPDATA") or home
        return Path(roaming) / "NVIDIA" / "ComputeCache" if roaming else None
    # As the driver sees it: who has no HOME in a container has no cache, whatever the system's list of users says.
    root = home or environ.get("HOME")
    return Path(root) / ".nv" / "ComputeCache" if root else None


def _can_hold_files(folder: Path) -> bool:
    try:
        existing = nearest_existing(folder)
        return existing.is_dir() and is_writable(existing)
    except OSError:
        return False
