"""Which recordings are held out, and in which parts the others are heard. Pure.

The ids and the seed shuffle them, whatever the order in which a corpus is listed: the first so many are held out, and
the others follow part by part. How many there are in all decides where one ends and the next begins; so recordings that
come or go shift these borders by a few, and change nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from anime_whisper_ct2.errors import InputError, counted

# Parts are what a trial can be given up after: more of them find out sooner, and smaller ones tell less.
_MOST_PARTS = 12
_LEAST_IN_A_PART = 8
# On either side, where anything is held out.
_LEAST = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """Recordings by their numbers: `tried` in the parts in which trials hear them, and those held out."""

    tried: tuple[tuple[int, ...], ...]
    held_out: tuple[int, ...]


def parted(ids: Sequence[str], holdout: float, seed: int) -> Parts:
    """Part recordings: a share is held out, the others are parts of about as many recordings each, all shuffled.

    Raises InputError where too few are left on a side.
    """
    shuffled = sorted(range(len(ids)), key=lambda at: _key(seed, ids[at]))
    held = round(holdout * len(ids))
    left = len(ids) - held
    if holdout and min(held, left) < _LEAST:
        raise InputError(
            f"of {counted(len(ids), 'recording')} with a reference, --holdout {holdout:g} holds {held} out and leaves "
            f"{left} to try averages on; name a larger corpus, or give another --holdout"
        )
    count = max(1, min(_MOST_PARTS, left // _LEAST_IN_A_PART))
    ends = [held + left * at // count for at in range(count + 1)]
    tried = tuple(tuple(shuffled[start:end]) for start, end in pairwise(ends))
    return Parts(tried, tuple(shuffled[:held]))


def _key(seed: int, id_: str) -> bytes:
    # Ids are paths and URLs, and may hold what is no valid UTF-8.
    return hashlib.sha256(f"{seed}:{id_}".encode("utf-8", "surrogatepass")).digest()
