"""A reviewer's wish made into lines of the log: what may be done to a segment, and what may not."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from anime_whisper_ct2.review.refusing import RefusedError
from anime_whisper_ct2.review.requests import DecideRequest, Split, Tags, Trim
from anime_whisper_ct2.reviews import Decision, Piece, version_of_piece
from anime_whisper_ct2.reviews.structure import SHORTEST_S

# Gives those characters of a text that it may not hold.
RefusedIn: TypeAlias = Callable[[str], str]

# Controls, halves of characters, and what other programs take for the end of a line.
_NO_TEXT = {"Cc": "a control character", "Cs": "half a character", "Zl": "a line break", "Zp": "a line break"}


@dataclass(frozen=True, slots=True)
class Recording:
    """What a decision has to know of its recording; `duration` in seconds."""

    id: str
    duration: float
    pieces: Sequence[Piece]


def no_character(_: str) -> str:
    """Refuse no character, as a run does, in which a text may be any."""
    return ""


def drafted(wish: DecideRequest, recording: Recording, at: int, refused_in: RefusedIn = no_character) -> Decision:
    """Make the line of a wish about the piece `at`; who and when is for the log to say.

    Raises RefusedError for what cannot be done.
    """
    piece = recording.pieces[at]
    return Decision(
        at="",
        reviewer="",
        id=recording.id,
        start=piece.start,
        end=piece.end,
        seen=version_of_piece(recording.id, piece),
        action=wish.action,
        value=_value(wish, recording, at, refused_in),
        heard=round(wish.heard, 3),
        ms=wish.ms,
        rate=round(wish.rate, 3),
    )


def text_fault(text: str, refused_in: RefusedIn = no_character) -> str | None:
    """Say what keeps a text from being a segment's; None where nothing does."""
    if not text.strip():
        return "a text must not be empty: reject the segment instead"
    if refused := refused_in(text):
        return f"a text of this list must not hold {', '.join(map(repr, refused))}"
    for character in text:
        if what := _NO_TEXT.get(unicodedata.category(character)):
            return f"a text must not hold {what} ({character!a})"
    return None


def _value(wish: DecideRequest, recording: Recording, at: int, refused_in: RefusedIn) -> object:
    piece, value = recording.pieces[at], wish.value
    if isinstance(value, str):
        return _text(value, refused_in)
    if isinstance(value, Tags):
        if not value.add and not value.remove:
            raise RefusedError("no tag is named")
        return {"add": list(value.add), "remove": list(value.remove)}
    if piece.rivals and wish.action in ("trim", "split", "merge"):
        raise RefusedError("reviewers differ on this segment: accept, correct or reject it first", "conflict")
    if isinstance(value, Trim):
        return _trimmed(value, recording, at)
    if isinstance(value, Split):
        return _split(value, piece, refused_in)
    return _merged(recording, at) if wish.action == "merge" else None


def _text(text: str, refused_in: RefusedIn) -> str:
    if fault := text_fault(text, refused_in):
        raise RefusedError(fault, "bad_text")
    return text


def _trimmed(trim: Trim, recording: Recording, at: int) -> object:
    # The grid of the versions: what is finer would change nothing that anybody sees.
    start, end = round(trim.start, 3) + 0.0, round(trim.end, 3)
    if start < 0 or end > max(recording.duration, recording.pieces[at].end):
        raise RefusedError(f"the recording lasts from 0 to {recording.duration:.3f} s", "bad_times")
    if end - start < SHORTEST_S - 1e-9:
        raise RefusedError(f"a segment is at least {SHORTEST_S:g} s long", "bad_times")
    piece = recording.pieces[at]
    for number, other in enumerate(recording.pieces):
        # Those that a run itself let overlap may stay so, but not come to do it more.
        now = min(end, other.end) - max(start, other.start)
        before = min(piece.end, other.end) - max(piece.start, other.start)
        if number != at and now > max(before, 0.0) + 1e-9:
            raise RefusedError(f"another segment lasts from {other.start:.3f} to {other.end:.3f} s", "bad_times")
    return {"start": start, "end": end}


def _split(split: Split, piece: Piece, refused_in: RefusedIn) -> object:
    cut = round(split.at, 3)
    if not piece.start + SHORTEST_S - 1e-9 <= cut <= piece.end - SHORTEST_S + 1e-9:
        raise RefusedError(
            f"a cut must lie within the segment, from {piece.start:.3f} to {piece.end:.3f} s, "
            f"and leave {SHORTEST_S:g} s on each side",
            "bad_times",
        )
    first, second = (_text(text, refused_in) for text in split.texts)
    return [
        {"start": piece.start, "end": cut, "text": first},
        {"start": cut, "end": piece.end, "text": second},
    ]


def _merged(recording: Recording, at: int) -> object:
    piece = recording.pieces[at]
    if at + 1 == len(recording.pieces):
        raise RefusedError("no segment of the recording is behind this one", "bad_times")
    following = recording.pieces[at + 1]
    if following.rivals:
        raise RefusedError("reviewers differ on the next segment: decide on it first", "conflict")
    return {
        "start": min(piece.start, following.start),
        "end": max(piece.end, following.end),
        "text": piece.text + following.text,
        "with": {"start": following.start, "end": following.end, "seen": version_of_piece(recording.id, following)},
    }
