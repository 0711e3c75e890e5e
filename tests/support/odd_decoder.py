"""A worker for clips whose decoder hangs, dies or wants all memory, over files that are called so."""

from __future__ import annotations

import time
from pathlib import PurePath

from anime_whisper_ct2.review.sound import clip_workers
from anime_whisper_ct2.review.sound.cutting import Clip, Stretch
from tests.support.processes import die

MODULE = "tests.support.odd_decoder"
_EVER_S = 3_600.0

_cut = clip_workers.cut
_length_s = clip_workers.length_s


def _odd(place: object) -> None:
    name = PurePath(place).name if isinstance(place, str) else ""
    if name.startswith("hangs"):
        time.sleep(_EVER_S)
    if name.startswith("dies"):
        die()
    if name.startswith("eats"):
        bytearray(2 << 30)


def _oddly_cut(stretch: Stretch) -> Clip:
    try:
        _odd(stretch.place)
    except MemoryError as error:
        raise clip_workers.NoSound("no memory", "MemoryError") from error
    return _cut(stretch)


def _oddly_long(place: object) -> float | None:
    _odd(place)
    return _length_s(place)  # type: ignore[arg-type] # whatever was sent


def main() -> None:
    """Work as a worker does."""
    clip_workers.cut = _oddly_cut
    clip_workers.length_s = _oddly_long
    clip_workers.main()
