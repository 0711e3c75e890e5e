"""A newer cuBLAS in the place of version 12, for machines that have CUDA 13 alone and no network to fetch the wheel.

CTranslate2 4.8 opens `libcublas.so.12` by that name. The functions that it calls are the same in version 13, so a link
of the old name serves a measurement; whether the numbers are right is what the probe and `texts` see. Users install
the wheel: `pip install nvidia-cublas-cu12`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from anime_whisper_ct2.engine.cuda import CUBLAS, load_cublas

_NEWER = "libcublas.so.1[3-9]"


def stand_in(temp: Path, folders: Iterable[str] | None = None) -> Path | None:
    """Make the link below `temp` where no cuBLAS 12 loads, and have child processes find it; gives the newer library.

    `folders`: where to look for it, default `sys.path` and the CUDA toolkit. None: no need, or none there.
    """
    if load_cublas().loaded:
        return None
    newer = next(_newer(sys.path if folders is None else folders), None)
    if newer is None:
        return None
    link = temp / "cublas" / CUBLAS
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(newer)
    # Its own folder as well: the loader looks for its other half beside the link.
    ahead = [str(link.parent), str(newer.parent), os.environ.get("LD_LIBRARY_PATH", "")]
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, ahead))
    return newer


def _newer(folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(Path(folder).absolute().glob(f"nvidia/*/lib/{_NEWER}"))
    for toolkit in filter(None, (os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda")):
        yield from sorted(Path(toolkit).glob(f"lib64/{_NEWER}"))
