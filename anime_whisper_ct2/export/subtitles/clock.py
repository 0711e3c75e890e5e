"""When each character of a segment is spoken: by the words' times where there are any, else in equal shares."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.export.subtitles.widths import letters
from anime_whisper_ct2.records import Segment, Word

# Comparing two texts takes memory as their lengths multiplied; no words of an utterance are as long.
_MOST_PAIRS = 10**8


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text and when its characters are spoken, in seconds of the recording, in order.

    `starts`, `ends`: one for each character; a mark has the time of what it belongs to. `timed`: words said so, and
    what lies between two characters is a pause.
    """

    text: str
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    timed: bool


def spoken(segment: Segment) -> Spoken:
    """Say when the characters of a segment's text are spoken; there must be one.

    The text may be another one than that of the words, such as a corrected or a normalized one: what both have keeps
    its time.
    """
    text = segment.text
    joined = "".join(word.text for word in segment.words)
    if joined and (joined == text or len(joined) * len(text) <= _MOST_PAIRS):
        return _by_words(text, joined, segment.words)
    length_s = max(0.0, segment.end - segment.start)
    edges = [segment.start + length_s * share for share in _shares(text)]
    return Spoken(text, tuple(edges[:-1]), tuple(edges[1:]), timed=False)


def _by_words(text: str, joined: str, words: tuple[Word, ...]) -> Spoken:
    edges: list[tuple[float, float]] = []
    latest = 0.0
    for word in words:
        # In order, whatever a file says.
        start = max(latest, word.start)
        latest = max(start, word.end)
        times = [start + (latest - start) * share for share in _shares(word.text)]
        edges += pairwise(times)
    if joined != text:
        edges = _carried(text, joined, edges)
    starts, ends = zip(*edges, strict=True)
    return Spoken(text, starts, ends, timed=True)


def _shares(text: str) -> list[float]:
    """Give which part of a text's time has passed at each place in it; marks and spaces take none of it."""
    weights = [float(character.isalnum()) for character in text]
    if not any(weights):
        weights = [letters(character) for character in text]
    total = sum(weights) or 1.0
    return [passed / total for passed in accumulate(weights, initial=0.0)]


def _carried(text: str, joined: str, edges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Give the times of another text: what stands for something else takes its time, and what is new has none."""
    carried: list[tuple[float, float]] = []
    for change in Levenshtein.opcodes(joined, text):
        old, new = slice(change.src_start, change.src_end), text[change.dest_start : change.dest_end]
        if change.tag == "equal":
            carried += edges[old]
        elif change.tag == "replace":
            since, until = edges[old][0][0], edges[old][-1][1]
            carried += pairwise(since + (until - since) * share for share in _shares(new))
        elif change.tag == "insert":
            at = edges[old.start - 1][1] if old.start else edges[0][0]
            carried += [(at, at)] * len(new)
    return carried
