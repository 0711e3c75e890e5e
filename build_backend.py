"""Builds the package with setuptools, and before that the page of `awct2 review`, where that can be had.

Without Node.js, which PyPI has for most machines, or without a network for npm, the package is built without the page,
and says so. `AWCT2_WEB=0` leaves it out.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_BUILDING = Path(__file__).parent / "anime_whisper_ct2" / "web" / "building.py"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """Name what has to be there before a wheel is built."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_building().needed()]


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """Name what has to be there before the checkout is installed as it lies."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_building().needed()]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Build a wheel, the page in it."""
    _build_page()
    return str(build_meta.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Build what leads to the checkout, and the page into that."""
    _build_page()
    return str(build_meta.build_editable(wheel_directory, config_settings, metadata_directory))


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """Build an archive of the sources, the page in it."""
    _build_page()
    return str(build_meta.build_sdist(sdist_directory, config_settings))


def _build_page() -> None:
    # What an earlier build has left would be put into the wheel: pages of other sources, with hashes in their names.
    shutil.rmtree(Path(__file__).parent / "build" / "lib" / "anime_whisper_ct2" / "web", ignore_errors=True)
    if os.environ.get("AWCT2_WEB") == "0":
        return
    building = _building()
    try:
        building.build()
    except building.BuildError as error:
        sys.stderr.write(f"The page of `awct2 review` is left out: {error}\n")


def _building() -> ModuleType:
    """Load the one module by its path: the package itself imports what no build needs."""
    spec = spec_from_file_location("_awct2_building", _BUILDING)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
