"""Which row a piece of a recording has: the one that it had, as far as it can be told that it is the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anime_whisper_ct2.reviews.records import Piece


@dataclass(frozen=True, slots=True)
class Former:
    """A row that there is or was, of the segment that begins with `origin`; `mixed`: of others beside."""

    row: int
    origin: int
    start: float
    stop: float
    mixed: bool
    gone: bool


def numbered(pieces: Sequence[Piece], first: int, formers: Sequence[Former], new: Callable[[], int]) -> tuple[int, ...]:
    """Give the rows of a recording's pieces, which are in the order of time; `first`: the row of its first segment.

    A piece that lies where a row lies has that row, also one that is gone, so that a split which is done again has the
    rows that it had. Then the first piece of a segment has the segment's own row; a further one, that of the part which
    it was made of; and what there was nothing of, a new one.
    """
    rows: dict[int, int] = {}
    free = {former.row: former for former in sorted(formers, key=lambda former: former.gone)}

    def take(at: int, row: int) -> None:
        rows[at] = row
        free.pop(row, None)

    placed: dict[tuple[int, float, float], int] = {}
    for former in free.values():
        placed.setdefault((former.origin, former.start, former.stop), former.row)
    for at, piece in enumerate(pieces):
        row = placed.pop((min(piece.origins), piece.start, piece.end), None)
        if row is not None:
            take(at, row)
    for at, piece in enumerate(pieces):
        own = first + min(piece.origins)
        if at not in rows and own in free:
            take(at, own)
    for at, piece in enumerate(pieces):
        if at in rows:
            continue
        origin = min(piece.origins)
        shared = [
            (_overlap(former, piece), -former.row)
            for former in free.values()
            if not former.gone and former.origin == origin
        ]
        most, row = max(shared, default=(0.0, 0))
        take(at, -row if most > 0 else new())
    return tuple(rows[at] for at in range(len(pieces)))


def _overlap(former: Former, piece: Piece) -> float:
    return min(former.stop, piece.end) - max(former.start, piece.start)
