"""Segments as decisions leave them, in the form in which the run has its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from anime_whisper_ct2.records import RECORDING_FLAGS, Segment, Transcript, Word, flags_of, joined
from anime_whisper_ct2.reviews.records import Piece
from anime_whisper_ct2.reviews.versions import milliseconds

# What a flag says of the sound is so whatever the text.
_OF_SOUND = frozenset(("clipped", "noisy"))
_KEPT = frozenset(("accepted", "corrected"))


def effective(transcript: Transcript, pieces: Sequence[Piece]) -> Transcript:
    """Give a recording with these segments in the place of its own; in conflict, the run's own stands."""
    segments = tuple(_segments(transcript, pieces))
    if segments == transcript.segments:
        return transcript
    return _with_segments(transcript, segments)


def without(transcript: Transcript, is_left_out: Callable[[Segment], bool]) -> Transcript:
    """Give a recording without some of its segments."""
    segments = tuple(segment for segment in transcript.segments if not is_left_out(segment))
    if len(segments) == len(transcript.segments):
        return transcript
    return _with_segments(transcript, segments)


def _with_segments(transcript: Transcript, segments: tuple[Segment, ...]) -> Transcript:
    of_segments = {flag for segment in transcript.segments for flag in segment.flags}
    own = [flag for flag in transcript.flags if flag in RECORDING_FLAGS or flag not in of_segments]
    text = transcript.text
    if _said(segments) != _said(transcript.segments):
        text = joined(transcript, _said(segments))
    return replace(transcript, text=text, segments=segments, flags=flags_of(segments, own))


def _said(segments: Iterable[Segment]) -> list[str]:
    return [segment.text for segment in segments if segment.text and segment.verdict != "rejected"]


def _segments(transcript: Transcript, pieces: Sequence[Piece]) -> Iterator[Segment]:
    own = _own_in_conflict(pieces)
    taken: set[int] = set()
    for piece in pieces:
        if not piece.rivals:
            yield _segment(transcript, piece)
        elif own.issuperset(piece.origins):
            # As many as there are, where the first of them was.
            for number in piece.origins:
                if number not in taken:
                    taken.add(number)
                    yield transcript.segments[number]
        else:
            yield _segment(transcript, replace(piece, verdict=None))


def _own_in_conflict(pieces: Sequence[Piece]) -> frozenset[int]:
    """Give the run's segments of which nothing is left but what is in conflict."""
    contested = {number for piece in pieces if piece.rivals for number in piece.origins}
    # What was merged with anything that is not in conflict stands with it.
    while True:
        mixed = {
            number
            for piece in pieces
            if not piece.rivals or not contested.issuperset(piece.origins)
            for number in piece.origins
        }
        if not contested & mixed:
            return frozenset(contested)
        contested -= mixed


def _segment(transcript: Transcript, piece: Piece) -> Segment:
    origins = [transcript.segments[number] for number in piece.origins]
    base = origins[0]
    same_times = len(origins) == 1 and (piece.start, piece.end) == (base.start, base.end)
    made = base if same_times else _combined(origins, piece)
    words = made.words
    # Words make up the text; of another text, nobody has heard them.
    if words and not (same_times and piece.text == base.text) and _bare(words) != "".join(piece.text.split()):
        words = ()
    flags, doubt = made.flags, made.doubt
    if piece.verdict in _KEPT:
        flags, doubt = tuple(flag for flag in flags if flag in _OF_SOUND), 0.0
    return replace(made, text=piece.text, words=words, flags=flags, doubt=doubt, verdict=piece.verdict)


def _combined(origins: Sequence[Segment], piece: Piece) -> Segment:
    """Give the figures of a segment that was made of others: the worst of theirs, and the words that lie in it."""
    doubts = [segment.doubt for segment in origins if segment.doubt is not None]
    return Segment(
        start=piece.start,
        end=piece.end,
        text=piece.text,
        avg_logprob=min(segment.avg_logprob for segment in origins),
        no_speech_prob=max(segment.no_speech_prob for segment in origins),
        compression_ratio=max(segment.compression_ratio for segment in origins),
        flags=flags_of(origins, ()),
        words=tuple(_words(origins, piece)),
        retries=origins[0].retries if len(origins) == 1 else None,
        doubt=max(doubts) if doubts else None,
    )


def _words(origins: Sequence[Segment], piece: Piece) -> Iterator[Word]:
    for segment in origins:
        for word in segment.words:
            # By its middle, so that it is in one part of what was split.
            middle = (milliseconds(word.start) + milliseconds(word.end)) / 2
            if milliseconds(piece.start) <= middle < milliseconds(piece.end):
                start, end = max(word.start, piece.start), min(word.end, piece.end)
                yield replace(word, start=start, end=end)


def _bare(words: Iterable[Word]) -> str:
    return "".join("".join(word.text for word in words).split())
