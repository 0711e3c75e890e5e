"""The checkout, and a folder to work in."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def search_path() -> str:
    """Give the `PYTHONPATH` by which another Python finds this checkout's modules, and what this one was told of."""
    return os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "convert"), os.environ.get("PYTHONPATH")]))


@contextlib.contextmanager
def folder(temp: Path | None) -> Iterator[Path]:
    """Give the folder to work in: the one named, which stays, or a temporary one."""
    if temp is not None:
        temp.mkdir(parents=True, exist_ok=True)
        yield temp.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="awct2-bench-") as made:
        yield Path(made)
