"""Where conversions are kept, so that a checkpoint is converted once."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import platformdirs


def cache_root() -> Path:
    """Return the folder that conversions are kept in: `$AWCT2_CACHE`, else the platform's user cache."""
    named = os.environ.get("AWCT2_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("awct2", appauthor=False))


def cached_conversion_path(source: str, revision: str | None, quantization: str) -> Path:
    """Return where the cache keeps a conversion; the folder need not exist.

    The name can be read, and ends in a digest so that sources which read alike stay apart.
    """
    # A NUL is in no path, hub id or revision, so that no two of these triples read alike.
    key = hashlib.sha256(
        "\0".join((source, revision or "", quantization)).encode(errors="surrogateescape")
    ).hexdigest()[:12]
    # Of a long path, the end tells more than the beginning.
    stem = re.sub(r"[^\w.-]+", "--", source.rstrip("/\\"))[-60:].strip("-.")
    return cache_root() / "models" / f"{stem}-{quantization}-{key}"
