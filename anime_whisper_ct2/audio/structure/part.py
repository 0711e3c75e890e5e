"""What is known of one recording in a file before it is decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anime_whisper_ct2.audio.section import Bytes

# So many bytes tell what kind of file it is.
HEAD_BYTES = 64
_SEARCH_BYTES = 1 << 20
_OVERLAP_BYTES = 16

# "frames": a FLAC that was cut out of another; "fragments": an MP4 of those; "voc": what only FFmpeg reads rightly.
Kind = Literal[
    "chunks", "ogg", "vorbis", "flac", "frames", "mp4", "fragments", "matroska", "mp3", "asf", "avi", "voc", ""
]


@dataclass(frozen=True, slots=True)
class Part:
    """One recording: the bytes from `begin` to before `end` of a file, nearly always all of it.

    `missing_bytes`: of its sound, promised and not there; `held_bytes` are. `cut`: the end is missing. `damaged`:
    something in the middle is. `endless`: the size of its samples is not to be believed, they go on to the end.
    `patches`: bytes that its header should hold, and from where on. `end_s`: where the sound ends by the file's own
    clock, `first_s` where it begins; None: it does not say. `resumed`: of the pages of an Ogg that follow a loss, where
    each is in the part, and when its sound ends.
    """

    begin: int
    end: int
    kind: Kind = ""
    missing_bytes: int = 0
    held_bytes: int = 0
    cut: bool = False
    damaged: bool = False
    endless: bool = False
    patches: tuple[tuple[int, bytes], ...] = ()
    first_s: float | None = None
    end_s: float | None = None
    resumed: tuple[tuple[int, float], ...] = ()

    def missing_s(self, heard_s: float) -> float:
        """Give the seconds of the missing bytes, where those that are there last so long; 0.0: that is not known."""
        return heard_s * self.missing_bytes / self.held_bytes if self.held_bytes > 0 else 0.0


def find(raw: Bytes, pattern: re.Pattern[bytes], start: int) -> int:
    """Find a pattern from a place on; -1 where there is none. It begins with four bytes that stand for themselves.

    It is no longer than 16 bytes. Memory is some megabytes.
    """
    at = start
    while at < raw.size:
        piece = raw(at, min(_SEARCH_BYTES, raw.size - at))
        if _holds(piece, pattern.pattern[:4]) and (found := pattern.search(piece)) is not None:
            return at + found.start()
        if len(piece) < _SEARCH_BYTES:
            return -1
        at += len(piece) - _OVERLAP_BYTES
    return -1


def _holds(piece: bytes, mark: bytes) -> bool:
    """Say whether four bytes are in a piece; in noise, four at a time are compared sooner than any search goes."""
    number = np.frombuffer(mark, "<u4")
    return any(
        bool((np.frombuffer(piece, "<u4", (len(piece) - at) // 4, at) == number).any())
        for at in range(4)
        if len(piece) >= at + 4
    )
