"""Written beside, then renamed."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator

from anime_whisper_ct2.system.files import remove, replace

# What is being written is called by its name, a word of its own and this.
BESIDE = ".beside"


def beside(path: str) -> str:
    """Give a path beside another, which no other writer has."""
    # Not a process's number: writers on two machines may have the same one.
    return f"{path}.{uuid.uuid4().hex}{BESIDE}"


@contextlib.contextmanager
def publishing(path: str) -> Iterator[str]:
    """Give a place beside a local path, and rename it to that path at the end; what fails leaves nothing.

    Its folders are made. Raises OSError.
    """
    place = beside(path)
    os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120 - paths with invalid UTF-8 stay strings
    try:
        yield place
        replace(place, path)
    except BaseException:
        with contextlib.suppress(OSError):
            remove(place)
        raise
