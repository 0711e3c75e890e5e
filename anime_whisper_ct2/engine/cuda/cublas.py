"""cuBLAS 12 for CTranslate2: found in site-packages without LD_LIBRARY_PATH, and which one it is.

Source: CTranslate2 4.8 `src/cuda/cublas_stub.cc`, which opens cuBLAS by its bare name when it first multiplies; torch
`_preload_cuda_deps`, for the folders that NVIDIA's wheels put their libraries into.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WINDOWS = sys.platform == "win32"
CUBLAS = "cublas64_12.dll" if _WINDOWS else "libcublas.so.12"
# cuBLAS needs its other half, and that opens the run-time compiler by its bare name for a few kernels.
_PARTS = (
    (("nvidia", "cuda_nvrtc"), "nvrtc64_120_0.dll" if _WINDOWS else "libnvrtc.so.12", False),
    (("nvidia", "cublas"), "cublasLt64_12.dll" if _WINDOWS else "libcublasLt.so.12", True),
    (("nvidia", "cublas"), CUBLAS, True),
)
_LIBRARY_FOLDER = "bin" if _WINDOWS else "lib"
_RTLD_DI_LINKMAP = 2  # of dlfcn.h
# The first that knows every GPU that CTranslate2's kernels can be compiled for; slower or refusing before.
ADVISED = (12, 8)
# What was there when cuBLAS was first loaded here: asked again, torch may have come in behind.
_first_behind: list[str] = []


@dataclass(frozen=True, slots=True)
class Cublas:
    """How cuBLAS 12 fared: loaded, with its file and version where these can be told, or the problem."""

    path: Path | None = None
    problem: str = ""
    version: tuple[int, ...] | None = None
    # A torch that was there first, such as `torch 2.9.0+cu130`: what it loaded may answer in this one's place.
    behind: str = ""

    @property
    def loaded(self) -> bool:
        """Whether CTranslate2 will find it."""
        return not self.problem

    @property
    def is_old(self) -> bool:
        """Whether it is known to be older than is advised."""
        return self.version is not None and self.version < ADVISED

    def as_dict(self) -> dict[str, Any]:
        """Give what `run.json` says of it."""
        known = {
            "version": ".".join(map(str, self.version)) if self.version else None,
            "path": str(self.path) if self.path else None,
        }
        return {**known, "behind": self.behind} if self.behind else known


def load_cublas(folders: Iterable[str] | None = None) -> Cublas:
    """Load cuBLAS 12 into this process, so that CTranslate2 finds it under its bare name, without LD_LIBRARY_PATH.

    One that is loaded already is taken; then the wheel `nvidia-cublas-cu12` below one of `folders` (default:
    `sys.path`) if that is as new as is advised; then what the system's loader finds, and any wheel at last. Calling it
    again costs next to nothing. Call it before torch is imported, whose own cuBLAS would come first.
    """
    if sys.platform == "darwin":
        return Cublas(problem="there is no CUDA on macOS")
    # `.absolute`: Windows takes the libraries beside this one into account for no other kind of path.
    sites = [Path(folder).absolute() for folder in (sys.path if folders is None else folders)]
    wheels = [site for site in sites if _is_file(site.joinpath(*_PARTS[-1][0], _LIBRARY_FOLDER, CUBLAS))]
    problem = ""
    for candidate in _candidates(wheels):
        try:
            library = _open(CUBLAS) if candidate is None else _open_wheel(candidate)
        except OSError as error:
            problem = str(error)
            continue
        path = _path_of(library) or (candidate and candidate.joinpath(*_PARTS[-1][0], _LIBRARY_FOLDER, CUBLAS))
        if not _first_behind:
            _first_behind.append(_torch())
        return Cublas(path, version=version_of(library), behind=_first_behind[0])
    return Cublas(problem=problem)


def _candidates(wheels: list[Path]) -> Iterator[Path | None]:
    """Give the folders of wheels to try, in order; None stands for what the loader finds under the bare name."""
    if not _is_loaded():
        # A system's old cuBLAS could not be mended by installing a new one, were it always first.
        yield from (site for site in wheels if _wheel_version(site) >= ADVISED)
    yield None
    yield from wheels


def _wheel_version(site: Path) -> tuple[int, ...]:
    """Read the version of the wheel from the name of its folder of metadata; () where there is none."""
    for folder in site.glob("nvidia_cublas_cu12-*.dist-info"):
        return tuple(map(int, re.findall(r"\d+", folder.name.removeprefix("nvidia_cublas_cu12-"))))
    return ()


def _is_loaded() -> bool:
    """Say whether some cuBLAS 12 is in this process already; False where the system does not tell."""
    if sys.platform == "win32":
        return bool(ctypes.windll.kernel32.GetModuleHandleW(CUBLAS))
    try:
        ctypes.CDLL(CUBLAS, mode=os.RTLD_NOLOAD | ctypes.RTLD_GLOBAL)
    except (OSError, AttributeError):
        return False
    return True


def _open(name: str) -> Any:
    # Global, so that it counts for every library; winmode 0: as CTranslate2 asks Windows, which searches PATH.
    return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL, winmode=0)


def _open_wheel(site: Path) -> Any:
    """Load what the wheels below a site folder hold, the parts first; the system keeps them open."""
    library = None
    for package, name, needed in _PARTS:
        path = site.joinpath(*package, _LIBRARY_FOLDER, name)
        if sys.platform == "win32" and path.parent.is_dir():
            os.add_dll_directory(str(path.parent))
        try:
            library = ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            if needed:
                raise
    return library


def version_of(library: Any) -> tuple[int, ...] | None:
    """Ask cuBLAS itself; None where it does not say."""
    found = []
    for which in range(3):  # libraryPropertyType of library_types.h: major, minor, patch
        value = ctypes.c_int()
        try:
            if library.cublasGetProperty(ctypes.c_int(which), ctypes.byref(value)):
                return None
        except AttributeError:
            return None
        found.append(value.value)
    return tuple(found)


def _torch() -> str:
    torch = sys.modules.get("torch")
    return f"torch {getattr(torch, '__version__', '')}".strip() if torch is not None else ""


class _LinkMap(ctypes.Structure):
    """The beginning of `struct link_map` of link.h."""

    _fields_ = (("address", ctypes.c_void_p), ("name", ctypes.c_char_p))


def _path_of(library: Any) -> Path | None:
    """Give the file that a loaded library came from, through links, where the system tells."""
    if sys.platform == "win32":
        return None
    found = ctypes.POINTER(_LinkMap)()
    with suppress(AttributeError, OSError):
        handle = ctypes.c_void_p(library._handle)
        if not ctypes.CDLL(None).dlinfo(handle, _RTLD_DI_LINKMAP, ctypes.byref(found)) and found.contents.name:
            return Path(os.fsdecode(found.contents.name)).resolve()
    return None


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_file()
    return False
