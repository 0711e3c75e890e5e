"""What stands on the screen together: a text cut into subtitles, each of which fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from anime_whisper_ct2.export.subtitles.breaks import Break, breaks, width_at_end
from anime_whisper_ct2.export.subtitles.clock import Spoken
from anime_whisper_ct2.export.subtitles.options import SubtitleOptions
from anime_whisper_ct2.export.subtitles.widths import letters, width

# A pause as long as that between two utterances of a long recording ends a subtitle.
LONG_PAUSE_S = 0.7
# A shorter gap than this is part of speech; `engine.words` gives none.
PAUSE_S = 0.2
# So long a pause without a mark ends a sentence as a rule, but for one behind a particle.
_UNMARKED_S = 0.4
_PARTICLES = tuple("はがをにへともの")
_PLAIN = (Break.JOINT, Break.PHRASE)
# Between one subtitle and the next the screen is empty for two frames of a film, so that the eye sees the change.
GAP_S = 0.08

# What a subtitle costs, in subtitles: more of them are no fault where each ends well and can be read.
_ENDS = {Break.SENTENCE: 0.0, Break.CLAUSE: 0.5, Break.JOINT: 1.5, Break.PHRASE: 2.5, Break.LETTER: 6.0}
_ENDS_IN_PAUSE = 0.3
_SENTENCE_INSIDE = 1.5  # another one begins
_PAUSE_INSIDE = 1.0  # for each second
_TOO_SHORT = 3.0
_TOO_FAST = 3.0  # at twice the speed, where all lines are full; at most
_UNEVEN = 1.0  # cut within a sentence, and next to empty


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text that no line or subtitle has to break: from character number `start` to before `end`.

    `wide`: its width in halves where a line goes on behind it, `last` where one ends there. `kind`: how well the text
    is broken behind it, `pause_s` how long the voice pauses there, and `ends` whether a sentence ends.
    """

    start: int
    end: int
    wide: int
    last: int
    kind: Break
    pause_s: float
    ends: bool


def pieces_of(said: Spoken, options: SubtitleOptions) -> tuple[Spoken, list[Piece]]:
    """Give the pieces of a text in order, and its times as they then are; the text's own end is that of a sentence."""
    text = said.text
    kinds = breaks(text, 2 * options.max_chars)
    places = [0, *kinds, len(text)]
    if said.timed:
        said = _gathered(said, places)
    widths = list(accumulate(map(width, text), initial=0))
    pieces = []
    for start, end in pairwise(places):
        kind = kinds.get(end, Break.SENTENCE)
        pause_s = max(0.0, said.starts[end] - said.ends[end - 1]) if end < len(text) and said.timed else 0.0
        # Some models write no full stops.
        unmarked = kind in _PLAIN and pause_s >= _UNMARKED_S and not text.endswith(_PARTICLES, 0, end)
        last = width_at_end(text[start:end])
        pieces.append(
            Piece(start, end, widths[end] - widths[start], last, kind, pause_s, unmarked or kind == Break.SENTENCE)
        )
    return said, pieces


def _gathered(said: Spoken, places: Sequence[int]) -> Spoken:
    """Put a phrase's first character behind the pause that is said to follow it, as the rest is.

    Where a decoder's attention leads, the first token behind a pause is often found before it: ま[0.6 s]さか.
    """
    starts, ends = list(said.starts), list(said.ends)
    for place, end in pairwise(places[1:]):
        first = next((at for at in range(place, end) if said.text[at].isalnum()), end)
        if first + 1 < end and starts[first + 1] - ends[first] >= PAUSE_S:
            for at in range(place, first + 1):
                starts[at] = ends[at] = starts[first + 1]
    return replace(said, starts=tuple(starts), ends=tuple(ends))


def at_pauses(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Part the pieces where the voice pauses for long, but for inside a phrase."""
    start = 0
    for at, piece in enumerate(pieces, 1):
        if at == len(pieces) or (piece.pause_s >= LONG_PAUSE_S and piece.kind != Break.LETTER):
            yield pieces[start:at]
            start = at


def cut(pieces: Sequence[Piece], said: Spoken, next_s: float, options: SubtitleOptions) -> list[Sequence[Piece]]:
    """Cut pieces without a long pause into subtitles, at the lowest cost; `next_s`: when something else is said."""
    best = [0.0] + [float("inf")] * len(pieces)
    origin = [0] * (len(pieces) + 1)
    begins = [said.starts[piece.start] for piece in pieces] + [next_s]
    for first in range(len(pieces)):
        for end, full in _fitting(pieces, first, said, options):
            part = pieces[first:end]
            cost = best[first] + _cost(part, said, begins[end] - begins[first], options, end == len(pieces), full)
            if cost < best[end]:
                best[end], origin[end] = cost, first
    found: list[Sequence[Piece]] = []
    end = len(pieces)
    while end:
        found.append(pieces[origin[end] : end])
        end = origin[end]
    return found[::-1]


def line_count(pieces: Sequence[Piece], most: int) -> int:
    """Say how many lines of a width the pieces take at least."""
    lines, taken = 1, 0
    for piece in pieces:
        if taken and taken + piece.last > most:
            lines, taken = lines + 1, 0
        taken += piece.wide
    return lines


def _fitting(
    pieces: Sequence[Piece], first: int, said: Spoken, options: SubtitleOptions
) -> Iterator[tuple[int, float]]:
    """Give the ends of subtitles that begin with a piece, and which share of the lines each fills."""
    most = 2 * options.max_chars
    lines, taken, total = 1, 0, 0
    for end in range(first + 1, len(pieces) + 1):
        piece = pieces[end - 1]
        if taken and taken + piece.last > most:
            lines, taken = lines + 1, 0
        taken += piece.wide
        total += piece.wide
        lasts_s = said.ends[piece.end - 1] - said.starts[pieces[first].start]
        # Where no word has a time, nobody knows how long it takes: the subtitle ends earlier instead.
        if end > first + 1 and (lines > options.max_lines or (said.timed and lasts_s > options.max_cue_s)):
            return
        yield end, min(1.0, total / (most * options.max_lines))


def _cost(
    part: Sequence[Piece], said: Spoken, free_s: float, options: SubtitleOptions, is_last: bool, full: float
) -> float:
    end = part[-1]
    cost = 1.0
    if is_last or end.ends:
        pass
    elif end.pause_s >= PAUSE_S:
        cost += min(_ENDS[end.kind], _ENDS_IN_PAUSE)
    else:
        cost += _ENDS[end.kind] + _UNEVEN * (end.kind > Break.CLAUSE) * (1 - full) ** 2
    for piece in part[:-1]:
        cost += _SENTENCE_INSIDE * piece.ends + _PAUSE_INSIDE * piece.pause_s
    free_s -= GAP_S
    if free_s < options.min_cue_s:
        cost += _TOO_SHORT
    needed_s = letters(said.text[part[0].start : end.end]) / options.max_cps
    if free_s < needed_s:
        cost += _TOO_FAST * full * min(1.0, needed_s / max(free_s, 0.01) - 1)
    return cost
