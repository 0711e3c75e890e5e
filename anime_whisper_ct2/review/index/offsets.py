"""Where the lines of a file begin, without reading what they say."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.system.files import opened
from anime_whisper_ct2.system.refusals import reason

_BLOCK_BYTES = 1 << 24
# Inside a string, quotation marks are escaped: this is a key.
_WORDS = re.compile(rb'"words":\s*\[\s*\{')
# The longest thing that `_WORDS` may find, if nobody pads it: it may begin in one block and end in the next.
_OVERLAP_BYTES = 32


@dataclass(frozen=True, slots=True)
class Lines:
    """The whole lines of a file: their byte offsets, shape (n,), and how long the longest is, a torn last one included.

    `torn`: there is something behind the last whole line. `words`: some line has word times.
    """

    offsets: npt.NDArray[np.int64]
    longest: int
    torn: bool
    words: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a file is known to be the same still."""

    size: int
    mtime_ns: int


def stamp(path: Path) -> Stamp:
    """Look at a file. Raises InputError where it cannot be seen."""
    try:
        with opened(path) as file:
            status = os.fstat(file.fileno())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    return Stamp(status.st_size, status.st_mtime_ns)


def find_lines(path: Path, on_progress: Callable[[float], object] = lambda _: None) -> Lines:
    """Find the lines of a file; memory: a block, and 8 bytes a line. Raises InputError where it cannot be read."""
    ends, at, words, before = [], 0, False, b""
    try:
        with opened(path) as file:
            size = max(1, os.fstat(file.fileno()).st_size)
            while block := file.read(_BLOCK_BYTES):
                ends.append(np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + at)
                words = words or _WORDS.search(before + block) is not None
                before = block[-_OVERLAP_BYTES:]
                at += len(block)
                on_progress(min(1.0, at / size))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error, path)}") from error
    behind = np.concatenate([np.zeros(1, np.int64), *(end + 1 for end in ends)])
    longest = int(np.diff(np.append(behind, at)).max())
    return Lines(behind[:-1], longest, bool(at > behind[-1]), words)
