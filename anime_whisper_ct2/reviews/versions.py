"""Names for the states of segments: only who saw a state decides on that state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b

from anime_whisper_ct2.records import Verdict
from anime_whisper_ct2.reviews.records import Piece, Rival

_HEX_DIGITS = 20


def milliseconds(seconds: float) -> int:
    """Give a time in whole milliseconds, as a run's lines and all comparisons have it."""
    return round(seconds * 1000)


def version_of(
    id_: str, start: float, end: float, text: str, verdict: Verdict | None = None, rivals: Sequence[Rival] = ()
) -> str:
    """Name a segment's state by 20 hex digits; times in seconds, of which whole milliseconds count.

    Of a segment in conflict, what the rivals made of it belongs to the state. Tags do not, nor who decided: of somebody
    who confirms what is decided so already, no version tells.
    """
    state: list[object] = [id_, milliseconds(start), milliseconds(end), text, verdict]
    if rivals:
        state.append([[_made(piece) for piece in rival.segments] for rival in rivals])
    # ASCII: names that are no UTF-8 are written with escapes, too.
    written = json.dumps(state, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return blake2b(written, digest_size=_HEX_DIGITS // 2).hexdigest()


def version_of_piece(id_: str, piece: Piece) -> str:
    """Name the state of a recording's segment as the decisions leave it."""
    return version_of(id_, piece.start, piece.end, piece.text, piece.verdict, piece.rivals)


def _made(piece: Piece) -> list[object]:
    return [milliseconds(piece.start), milliseconds(piece.end), piece.text, piece.verdict]
