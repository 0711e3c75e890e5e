"""Whether torch can be used here, found out without loading it for as long as that goes."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from anime_whisper_ct2.errors import first_line
from anime_whisper_ct2.system import openmp

# As the extra has it.
OLDEST = (2, 5)
INSTALL = f'pip install "torch>={OLDEST[0]}.{OLDEST[1]}"'


class UnusableTorchError(Exception):
    """Why torch cannot encode, as a clause, and a command that helps, or ""."""

    def __init__(self, why: str, command: str = "") -> None:
        super().__init__(why)
        self.why, self.command = why, command


def usable_torch(device: str) -> Any:
    """Load torch and give its module. `device`: `cpu` or `cuda`. Raises UnusableTorchError."""
    _check_installed()
    openmp.allow_two()
    try:
        torch = import_module("torch")
    except (ImportError, OSError, RuntimeError) as error:
        # Of several lines, the first says which library was not found, or did not fit.
        said = first_line(error)
        raise UnusableTorchError(f"torch cannot be loaded ({said})") from error
    if device == "cuda" and not torch.cuda.is_available():
        built = torch.version.cuda
        why = f"finds no GPU that its CUDA {built} can use" if built else "is built without CUDA"
        raise UnusableTorchError(f"torch {torch.__version__} {why}")
    return torch


def _check_installed() -> None:
    try:
        found = version("torch") if find_spec("torch") else None
    except (PackageNotFoundError, ValueError):  # a folder of that name; a stub among the loaded modules
        found = None
    if found is None:
        raise UnusableTorchError("torch is not installed", INSTALL)
    numbers = re.match(r"(\d+)\.(\d+)", found)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise UnusableTorchError(f"torch {found} is installed, which is older than {oldest}", INSTALL)
