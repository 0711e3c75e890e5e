"""Clips as rows of an export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.export.clips.cutting import clip_path, is_there
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions, PlannedClip
from anime_whisper_ct2.records import Segment, Transcript


@dataclass(frozen=True, slots=True)
class Clip:
    """A segment that has a file of its own.

    `name` as in `Row`; `path` is where this process opens the file, `audio` what the export calls it.
    """

    name: str
    segment: Segment
    duration_s: float
    audio: str
    path: str


ClipsOf = Callable[[Transcript, str], Iterable[Clip]]


def cut_rows(
    folder: Path, plan_of: Callable[[Transcript, str], tuple[PlannedClip, ...]], options: ClipOptions = CLIPS
) -> ClipsOf:
    """Give what `formats.rows.rows` takes as `clips`: of each recording's planned clips those that are there.

    `plan_of` takes a transcript and its name, as the clips in `folder` were planned.
    """

    def clips_of(transcript: Transcript, name: str) -> Iterator[Clip]:
        """Give the clips of a recording of this name that are there."""
        for clip in plan_of(transcript, name):
            path = clip_path(folder, clip, options)
            if is_there(path):
                duration_s = round(clip.end_s - clip.start_s, 3)
                yield Clip(clip.name, transcript.segments[clip.segment], duration_s, path, path)

    return clips_of
