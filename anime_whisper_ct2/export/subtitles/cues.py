"""A recording's subtitles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anime_whisper_ct2.export.subtitles.clock import Spoken, spoken
from anime_whisper_ct2.export.subtitles.cutting import Piece, at_pauses, cut, pieces_of
from anime_whisper_ct2.export.subtitles.lines import fold
from anime_whisper_ct2.export.subtitles.options import SUBTITLES, SubtitleOptions
from anime_whisper_ct2.export.subtitles.timing import shown_ms
from anime_whisper_ct2.export.subtitles.widths import letters
from anime_whisper_ct2.records import Segment


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at a time, in lines, and from when to when, in milliseconds of the recording."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cues_of(segments: Sequence[Segment], duration_s: float, options: SubtitleOptions = SUBTITLES) -> list[Cue]:
    """Give the subtitles of a recording's segments, in order of their times; none overlap.

    Each segment's text is one line without spaces around it. A segment has subtitles of its own; one without a text has
    none.
    """
    said: list[tuple[Spoken, Sequence[Piece]]] = []
    for segment in segments:
        if segment.text:
            one, pieces = pieces_of(spoken(segment), options)
            said += ((one, part) for part in at_pauses(pieces))
    said.sort(key=lambda each: each[0].starts[each[1][0].start])
    begins = [one.starts[part[0].start] for one, part in said[1:]] + [float("inf")]
    shown: list[tuple[tuple[float, float], tuple[str, ...]]] = []
    for (one, part), next_s in zip(said, begins, strict=False):
        for together in cut(part, one, next_s, options):
            if lines := fold(together, one.text, 2 * options.max_chars):
                shown.append(((one.starts[together[0].start], one.ends[together[-1].end - 1]), lines))
    # Segments that overlap can have parts behind the next one's beginning.
    shown.sort(key=lambda each: each[0])
    times = shown_ms([each[0] for each in shown], [sum(map(letters, lines)) for _, lines in shown], duration_s, options)
    return [Cue(*each, lines) for each, (_, lines) in zip(times, shown, strict=True)]
