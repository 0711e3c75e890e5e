"""What an environment has to hold before CUDA starts and CTranslate2 is imported: they look at it only then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from anime_whisper_ct2.engine.cuda import open_driver
from anime_whisper_ct2.engine.cuda.kernels import kernel_cache
from anime_whisper_ct2.engine.cuda.memory import allocator_settings
from anime_whisper_ct2.model_dir.cache import cache_root


def prepare(
    device: str,
    environ: MutableMapping[str, str] = os.environ,
    open_library: Callable[[], Any | None] = open_driver,
) -> None:
    """Have compiled kernels kept, and memory where a GPU has no pools of it, unless the user has settled that.

    `device`: as `EngineOptions` has it; for the CPU there is nothing to do.
    """
    if device == "cpu":
        return
    if open_library() is None:
        return
    own = own_kernel_cache()
    cache = kernel_cache(environ, own)
    environ.update(cache.added)
    if cache.folder == own:
        with suppress(OSError):  # then every start compiles, as it would have done
            own.mkdir(parents=True, exist_ok=True)
    # The last, for it starts the driver.
    environ.update(allocator_settings(environ, open_library))


def own_kernel_cache() -> Path:
    """Give the folder for compiled kernels where CUDA's own cannot be written; it need not exist."""
    try:
        return cache_root().absolute() / "kernels"
    except (OSError, RuntimeError):  # a user without a home folder, as in containers
        return Path(tempfile.gettempdir()) / "awct2" / "kernels"
