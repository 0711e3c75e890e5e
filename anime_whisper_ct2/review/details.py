"""All about one segment: its words, the second run's text beside it, and who decided what about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anime_whisper_ct2.records import Word
from anime_whisper_ct2.review.bench import Bench, Shown, Standing
from anime_whisper_ct2.review.differing import DiffPart, differences
from anime_whisper_ct2.reviews import Decision, Piece, Rival
from anime_whisper_ct2.reviews.effective import effective
from anime_whisper_ct2.text import Normalizer


@dataclass(frozen=True, slots=True)
class Event:
    """A decision, and whether it was undone."""

    decision: Decision
    undone: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """A segment with all that is known of it; `previous` and `next` are rows of its recording, `duration` its seconds.

    `original`: the run's own text. `words`: of the text as it stands, empty where they are not known. `other`: the
    second run's text, and `diff` how it differs.
    """

    shown: Shown
    original: str
    duration: float
    words: Sequence[Word]
    other: str | None
    diff: Sequence[DiffPart]
    history: Sequence[Event]
    rivals: Sequence[Rival]
    previous: int | None
    next: int | None
    meta: Mapping[str, Any]


def detail_of(bench: Bench, normalizer: Normalizer, row: int) -> Detail:
    """Gather what is known of a row's segment. Raises RefusedError for a row that is not there."""
    with bench.lock:
        standing = bench.standing_of(row)
        (shown,) = bench.shown([row])
        piece = standing.piece(row)
        at = standing.rows.index(row)
        rows = standing.rows
        other = bench.index.other(standing.rec, piece.start, piece.end)
        segments = standing.transcript.segments
        return Detail(
            shown=shown,
            original="".join(segments[number].text for number in piece.origins),
            duration=standing.transcript.duration,
            words=_words(standing, piece),
            other=other,
            diff=() if other is None else differences(piece.text, other, normalizer),
            history=_history(bench, standing, piece),
            rivals=_sides(piece),
            previous=rows[at - 1] if at else None,
            next=rows[at + 1] if at + 1 < len(rows) else None,
            meta=standing.transcript.meta,
        )


def _sides(piece: Piece) -> Sequence[Rival]:
    """Give all that a conflict is between: what stands there for the time being is one of them."""
    made_it = piece.decided or piece.last
    if not piece.rivals or made_it is None:
        return piece.rivals
    return (Rival(made_it, () if piece.verdict == "rejected" else (piece,)), *piece.rivals)


def _words(standing: Standing, piece: Piece) -> Sequence[Word]:
    if not any(segment.words for segment in standing.transcript.segments):
        return ()
    for segment in effective(standing.transcript, standing.replayed.pieces).segments:
        if (segment.start, segment.end) == (piece.start, piece.end):
            return segment.words
    return ()


def _history(bench: Bench, standing: Standing, piece: Piece) -> Sequence[Event]:
    """Give the decisions about anything that a segment shares sound with."""
    return [
        Event(decision, bench.logs.is_undone(decision))
        for decision in bench.logs.of(standing.transcript.id)
        if max(decision.start, piece.start) < min(decision.end, piece.end) or decision.start == piece.start
    ]
