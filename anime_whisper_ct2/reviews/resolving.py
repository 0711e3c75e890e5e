"""Conflicts settled by a rule instead of by somebody who listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anime_whisper_ct2.reviews.records import Conflicts, Decision, Piece, Rival
from anime_whisper_ct2.reviews.structure import Impossible, check_apart


def resolved(pieces: Sequence[Piece], conflicts: Conflicts) -> tuple[Piece, ...]:
    """Give segments without rivals: what was decided first or last stands, or what is in conflict is rejected.

    A rival for which there is no room beside the other segments gives way.
    """
    if conflicts == "drop":
        return tuple(replace(piece, verdict="rejected", rivals=()) if piece.rivals else piece for piece in pieces)
    # By their identity: one rival may stand against several segments.
    against: dict[int, tuple[Rival, list[int]]] = {}
    for number, piece in enumerate(pieces):
        for rival in piece.rivals:
            against.setdefault(id(rival), (rival, []))[1].append(number)
    standing: dict[int, Piece] = dict(enumerate(pieces))
    won: list[Piece] = []
    order = sorted(against.values(), key=lambda entry: _when(entry[0].decision), reverse=conflicts == "last")
    for rival, numbers in order:
        if not all(number in standing for number in numbers):
            continue
        own = max(_when(standing[number].last) for number in numbers)
        theirs = _when(rival.decision)
        if own > theirs if conflicts == "last" else own <= theirs:
            continue
        made = list(rival.segments) or [
            replace(pieces[number], verdict="rejected", decided=rival.decision, last=rival.decision)
            for number in numbers
        ]
        try:
            check_apart(made, [*won, *(piece for number, piece in standing.items() if number not in numbers)])
        except Impossible:
            continue
        won += made
        for number in numbers:
            del standing[number]
    whole = sorted((*won, *standing.values()), key=lambda piece: (piece.start, piece.end))
    return tuple(replace(piece, rivals=()) for piece in whole)


def _when(decision: Decision | None) -> tuple[str, str]:
    return ("", "") if decision is None else (decision.at, decision.reviewer)
