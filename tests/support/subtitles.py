"""What is asked of subtitles, checked from outside: on files as players read them, beside the transcript.

Nothing here calls what it checks: widths, marks, phrases and pauses are found once more, in the plainest way.
"""

from __future__ import annotations

import html
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from anime_whisper_ct2.records import Segment

MARKS = "。、！？!?…‥♪♡.,"
OPENING = "「『（(【"
# No line begins with these, and none ends with those above.
NEVER_FIRST = "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー、。！？!?」』）)】々ゝ"
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Shown:
    """One subtitle, in seconds, and its lines."""

    start: float
    end: float
    lines: tuple[str, ...]

    @property
    def letters(self) -> float:
        """How much there is to read: half-width characters are halves, spaces are nothing."""
        return sum(wide(line.replace(" ", "").replace("　", "")) for line in self.lines)

    @property
    def cps(self) -> float:
        """Characters a second."""
        return self.letters / (self.end - self.start)


def read(path: Path) -> list[Shown]:
    """Read a file of subtitles by pysubs2, which knows all three formats."""
    import pysubs2

    found = []
    for event in pysubs2.load(str(path), encoding="utf-8"):
        text = html.unescape(event.text) if path.suffix == ".vtt" else event.text
        found.append(Shown(event.start / 1000, event.end / 1000, tuple(text.split("\\N"))))
    return found


def wide(line: str) -> float:
    """Give a line's width in full-width characters."""
    halves = {"W": 1.0, "F": 1.0, "A": 1.0}
    return sum(
        halves.get(unicodedata.east_asian_width(character), 0.5)
        for character in line
        if unicodedata.category(character) not in ("Mn", "Me", "Cf")
    )


def too_wide(shown: Iterable[Shown], max_chars: int = 13, max_lines: int = 2) -> list[Shown]:
    """Give the subtitles that have a line over the limit, an empty one, or too many."""
    return [
        one
        for one in shown
        if len(one.lines) > max_lines or any(not line or wide(line) > max_chars for line in one.lines)
    ]


def too_fast(shown: Sequence[Shown], max_cps: float = 7.0, last_s: float = float("inf")) -> list[Shown]:
    """Give the subtitles that are too fast to read though silence follows them; `last_s`: the recording's end."""
    ends = [*(one.start for one in shown[1:]), last_s]
    return [
        one
        for one, until in zip(shown, ends, strict=True)
        # A tenth of a second is the gap and what files round.
        if one.cps > max_cps * 1.01 and one.end < until - 0.1
    ]


def overlapping(shown: Sequence[Shown]) -> list[tuple[Shown, Shown]]:
    """Give what is shown at one time, and what is shown for no time, beside its neighbour."""
    return [(one, after) for one, after in pairwise(shown) if not one.start < one.end <= after.start]


def ill_broken(shown: Iterable[Shown]) -> list[str]:
    """Give the lines that begin or end with what none may."""
    lines = [line for one in shown for line in one.lines]
    return [line for line in lines if line[0] in NEVER_FIRST or line[-1] in OPENING or line[-1] in "。｡"]


def kinds_of_breaks(shown: Sequence[Shown], segments: Sequence[Segment]) -> Counter[str]:
    """Count where lines and subtitles end within a segment: at a `mark`, a `pause`, a `phrase`, or inside one.

    The segments are in order of time, and all of them are shown. Fails where a character is missing or new.
    """
    lines = iter([line for one in shown for line in one.lines])
    kinds: Counter[str] = Counter()
    for segment in segments:
        text, at = segment.text, 0
        pauses, phrases = set(_pauses(segment)), _phrases(text)
        while rest := _after(text, at):
            if at:
                kinds[_kind(text, at, pauses, phrases)] += 1
            line = next(lines)
            at = len(text) - len(rest)
            assert rest.startswith(line), f"{line!r} is no piece of {rest!r}"
            at = len(text) - len(_after(text, at + len(line)))
    assert next(lines, None) is None, "more is shown than was said"
    return kinds


def _after(text: str, at: int) -> str:
    """Give what of a text is left to be shown: a line ends without spaces and full stops."""
    return text[at:].lstrip(" 　。｡")


def _kind(text: str, at: int, pauses: set[int], phrases: set[int]) -> str:
    if text[at - 1] in MARKS + " 　" or text[at] in OPENING:
        return "mark"
    return "pause" if at in pauses else "phrase" if at in phrases else "inside"


def _pauses(segment: Segment) -> Iterator[int]:
    ends = accumulate(len(word.text) for word in segment.words)
    for at, (word, after) in zip(ends, pairwise(segment.words), strict=False):
        if after.start - word.end >= PAUSE_S:
            yield at


def _phrases(text: str) -> set[int]:
    import budoux

    return set(accumulate(map(len, budoux.load_default_japanese_parser().parse(text))))
