"""Which stretch of a recording becomes which clip. Pure: times in, names and times out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from anime_whisper_ct2.audio import Format
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.records import Segment, Transcript

# Times are given in milliseconds: a segment that begins or ends so close to its recording's does so with it.
_NEAR_S = 0.0015


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """How clips are cut out of their recordings."""

    format: Format = "flac"  # flac and wav keep the samples as they are; ogg (Vorbis) takes an eighth of wav's room
    margin_s: float = 0.2  # kept around each segment, as far as the neighbour lets it
    link: bool = False  # a recording that is such a file already becomes a hard link to it, where the disk lets it

    def __post_init__(self) -> None:
        if self.format not in get_args(Format):
            raise InputError(f"the clips' format is {self.format!r}; choose one of {', '.join(get_args(Format))}")
        if not 0 <= self.margin_s <= 30:
            raise InputError(f"the clips' margin is {self.margin_s} s; give 0 to 30")


CLIPS = ClipOptions()


@dataclass(frozen=True, slots=True)
class PlannedClip:
    """One clip: times in seconds from the recording's start, margins included, in whole milliseconds.

    `name` is a relative path with `/` between folders and no extension; `segment` counts within the transcript.
    """

    name: str
    segment: int
    start_s: float
    end_s: float

    def file(self, options: ClipOptions) -> str:
        """Give the clip's path below the folder of the clips."""
        return f"{self.name}.{options.format}"


def _any(_: object) -> bool:
    return True


def _none(_: object) -> bool:
    return False


def plan(
    transcript: Transcript,
    name: str,
    options: ClipOptions = CLIPS,
    keep: Callable[[Segment], bool] = _any,
    taken: Callable[[str], bool] = _none,
) -> tuple[PlannedClip, ...]:
    """Give a recording's clips, in the order of their times; `name` is the recording's, without extension.

    A clip reaches `margin_s` around its segment, at most to the middle of the gap between it and the next one, kept or
    not, and never out of the recording. Clips are named by recording and times; one that is the whole recording has its
    name. Names that are `taken` get a `_` behind.
    """
    segments = transcript.segments
    planned: list[PlannedClip] = []
    given: set[str] = set()
    order = sorted(range(len(segments)), key=lambda n: (segments[n].start, segments[n].end))
    # As far again before the beginning, so that half of the gap is all of it; behind the end likewise.
    before_s = -segments[order[0]].start if order else 0.0
    for at, index in enumerate(order):
        segment = segments[index]
        after_s = segments[order[at + 1]].start if at + 1 < len(order) else transcript.duration * 2 - segment.end
        start_s = max(0.0, segment.start - _margin(before_s, segment.start, options.margin_s))
        end_s = min(transcript.duration, segment.end + _margin(segment.end, after_s, options.margin_s))
        before_s = max(before_s, segment.end)
        start_s, end_s = round(start_s, 3), round(end_s, 3)
        if not (end_s > start_s and keep(segment)):
            continue
        if is_one(transcript):
            planned.append(PlannedClip(name, index, 0.0, transcript.duration))
        else:
            own = stretch_name(name, start_s, end_s, given, taken)
            planned.append(PlannedClip(own, index, start_s, end_s))
    return tuple(planned)


def is_one(transcript: Transcript) -> bool:
    """Say whether a recording was one window, from its beginning to its end."""
    if len(transcript.segments) != 1:
        return False
    (segment,) = transcript.segments
    return segment.start <= _NEAR_S and segment.end >= transcript.duration - _NEAR_S


def stretch_name(name: str, start_s: float, end_s: float, given: set[str], taken: Callable[[str], bool]) -> str:
    """Name a stretch of a recording by its times, so that names sort as the stretches do, and add it to those `given`.

    What is given already, or `taken` by a recording, gets a `_` behind.
    """
    own = f"{name}_{start_s:09.3f}-{end_s:09.3f}"
    while own in given or taken(own):
        own += "_"
    given.add(own)
    return own


def _margin(from_s: float, to_s: float, margin_s: float) -> float:
    """Give what of a gap a clip may take, which is half of it at most; neighbours that overlap leave none."""
    return max(0.0, min(margin_s, (to_s - from_s) / 2))
