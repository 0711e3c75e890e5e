"""What one decision makes of a segment, or of two: always segments inside the recording, none over another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anime_whisper_ct2.records import Transcript, Verdict
from anime_whisper_ct2.reviews.records import Decision, Piece

# No segment becomes shorter.
SHORTEST_S = 0.01
# Times are written in milliseconds; what is less apart is the same time.
_SLACK_S = 1e-6


class Impossible(Exception):
    """A decision that cannot be carried out as things are; the message says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """A segment, with the text that is its own unless somebody corrects it; None where it was made with another."""

    piece: Piece
    own: str | None


def held(transcript: Transcript) -> list[Held]:
    """Give a run's segments, in its order."""
    return [
        Held(Piece(segment.start, segment.end, segment.text, (number,)), segment.text)
        for number, segment in enumerate(transcript.segments)
    ]


def length_of(transcript: Transcript) -> float:
    """Give where the recording ends, in seconds: its rounded duration may lie before its last segment's end."""
    return max((transcript.duration, *(segment.end for segment in transcript.segments)))


def outcome(decision: Decision, inputs: Sequence[Held], others: Iterable[Piece], length_s: float) -> list[Held]:
    """Carry out a decision; `inputs` are the segment that it names and, of a merge, the one that it is merged with.

    `others` are the recording's other segments, which are asked for only where times change. Raises Impossible.
    """
    first = inputs[0]
    value = decision.value
    if decision.action == "accept":
        return [_decided(first, decision, _kept(first.piece))]
    if decision.action == "reject":
        return [_decided(first, decision, "rejected")]
    if decision.action == "correct":
        piece = replace(first.piece, text=value, text_by=None if value == first.own else decision)
        return [_decided(Held(piece, first.own), decision, _kept(piece))]
    made = _reshaped(decision, inputs, value)
    _check([each.piece for each in made], [each.piece for each in inputs], others, length_s)
    return made


def check_apart(pieces: Sequence[Piece], others: Iterable[Piece]) -> None:
    """Refuse segments that come to lie over others. Raises Impossible."""
    for other in others:
        for piece in pieces:
            if _overlap(piece, other) > _SLACK_S:
                raise Impossible(f"another segment is at {other.start:.3f} to {other.end:.3f} s")


def _kept(piece: Piece) -> Verdict:
    return "accepted" if piece.text_by is None else "corrected"


def _decided(at: Held, decision: Decision, verdict: Verdict) -> Held:
    return Held(replace(at.piece, verdict=verdict, decided=decision, last=decision), at.own)


def _reshaped(decision: Decision, inputs: Sequence[Held], value: Any) -> list[Held]:
    first = inputs[0].piece
    if decision.action == "trim":
        return [Held(replace(first, start=value["start"], end=value["end"], last=decision), inputs[0].own)]
    if decision.action == "split":
        text_by = _text_by(decision, inputs, "".join(part["text"] for part in value))
        return [_open(decision, part, first.origins, text_by) for part in value]
    if decision.action == "merge":
        pieces = sorted((each.piece for each in inputs), key=lambda piece: (piece.start, piece.end))
        origins = tuple(sorted({number for piece in pieces for number in piece.origins}))
        return [_open(decision, value, origins, _text_by(decision, inputs, value["text"]))]
    raise Impossible(f"{decision.action} changes no segment")


def _open(decision: Decision, part: Any, origins: tuple[int, ...], text_by: Decision | None) -> Held:
    """Make a segment that nobody has decided on."""
    text = part["text"]
    piece = Piece(part["start"], part["end"], text, origins, text_by=text_by, last=decision)
    return Held(piece, text if text_by is None else None)


def _text_by(decision: Decision, inputs: Sequence[Held], text: str) -> Decision | None:
    """Say who made the text another one than the run's: spaces between parts come and go with their borders."""
    pieces = sorted((each.piece for each in inputs), key=lambda piece: (piece.start, piece.end))
    if "".join(text.split()) != "".join("".join(piece.text for piece in pieces).split()):
        return decision
    return next((piece.text_by for piece in pieces if piece.text_by is not None), None)


def _check(made: Sequence[Piece], inputs: Sequence[Piece], others: Iterable[Piece], length_s: float) -> None:
    start, end = min(piece.start for piece in inputs), max(piece.end for piece in inputs)
    before = 0.0
    for piece in made:
        if piece.end - piece.start < SHORTEST_S - _SLACK_S:
            raise Impossible(f"a segment lasts {SHORTEST_S} s at least")
        if piece.start < before - _SLACK_S:
            raise Impossible("one part begins before the other ends")
        before = piece.end
    if before > length_s + _SLACK_S or made[0].start < 0:
        raise Impossible(f"the recording ends at {length_s:.3f} s")
    if (len(made) > 1 or len(inputs) > 1) and (made[0].start < start - _SLACK_S or before > end + _SLACK_S):
        raise Impossible(f"the segment is at {start:.3f} to {end:.3f} s")
    for other in others:
        if other.end <= made[0].start or other.start >= before:
            continue
        # Where a run's own lay over another already, it may stay so.
        allowed = max(_overlap(piece, other) for piece in inputs)
        if any(_overlap(piece, other) > max(allowed, 0.0) + _SLACK_S for piece in made):
            raise Impossible(f"another segment is at {other.start:.3f} to {other.end:.3f} s")


def _overlap(one: Piece, other: Piece) -> float:
    return min(one.end, other.end) - max(one.start, other.start)
