"""What the index tells of a segment, and of a queue of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.reviews.records import Piece

Status = Literal["open", "accepted", "corrected", "rejected", "conflict"]
# In the index, a status is its place in here.
STATUSES: tuple[Status, ...] = get_args(Status)
# Of what was accepted, less than this share was played: nobody can have listened to it.
HEARD = 0.8

_LONE = re.compile("[\ud800-\udfff]")
# What lies in the last plane of private use stands for what UTF-8 cannot hold, as which DuckDB keeps all texts.
_SHIFT = 0x100000
_STANDING_IN = re.compile(f"[{chr(0xD800 + _SHIFT)}-{chr(0xDFFF + _SHIFT)}]")


@dataclass(frozen=True, slots=True)
class Row:
    """A segment as the decisions leave it; what a run says of it (`flags`, `doubt`, `logprob`) stays as the run said.

    `row` and `rec`: its number, and its recording's. Times in seconds. `risk` and `reasons`: see `risk`. `cps`:
    characters a second. `cer`: against the second run, in percent; None where there is none. `by`, `at`, `heard`: of
    the line that decided. `seen`: of a segment in conflict its version, since no other column tells what its rivals
    made of it; None of others.
    """

    row: int
    rec: int
    id: str
    start: float
    end: float
    text: str
    status: Status
    flags: tuple[str, ...]
    tags: tuple[str, ...]
    speaker: str
    risk: float
    reasons: tuple[str, ...]
    doubt: float | None
    logprob: float | None
    cps: float | None
    cer: float | None
    by: str | None
    at: str | None
    heard: float | None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a segment says now, and no more: of a million, that is enough to decide on them."""

    row: int
    rec: int
    id: str
    start: float
    end: float
    text: str
    status: Status


@dataclass(frozen=True, slots=True)
class Frozen:
    """A queue: numbers of rows in order, shape (n,), and the seconds of sound in them.

    `flags`, `speakers`, `statuses`: how many there would be of each, were it not for the filter of that kind; the most
    frequent first, of speakers no more than 500, and `speakers_left_out` the number of others. Behind them is "", those
    of whom nothing is known.
    """

    rows: npt.NDArray[np.int32]
    seconds: float
    flags: tuple[tuple[str, int], ...]
    speakers: tuple[tuple[str, int], ...]
    speakers_left_out: int
    statuses: Mapping[str, int]


def status_of(piece: Piece) -> Status:
    """Give the status of a segment as decisions have left it."""
    return "conflict" if piece.rivals else piece.verdict or "open"


def stored(text: str) -> str:
    """Write a text so that UTF-8 holds it: of names that are none, the bytes are lone surrogates to Python."""
    return text if text.isascii() else _LONE.sub(lambda found: chr(ord(found[0]) + _SHIFT), text)


def is_utf8(path: Path) -> bool:
    """Say whether DuckDB can open what is at a path."""
    return _LONE.search(str(path)) is None


def restored(text: str) -> str:
    """Give a text back as it was `stored`."""
    return text if text.isascii() else _STANDING_IN.sub(lambda found: chr(ord(found[0]) - _SHIFT), text)
