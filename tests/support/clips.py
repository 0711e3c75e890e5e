"""Recordings of which clips are to be cut."""

from __future__ import annotations

from pathlib import Path

from anime_whisper_ct2.export.clips import ClipJob, ClipResult, cut_clips
from anime_whisper_ct2.export.clips.plan import ClipOptions, plan
from anime_whisper_ct2.records import Audio, Recording, Segment, Transcript

TIMES = ((0.5, 1.25), (1.5, 3.0), (4.0, 4.7))


def transcript(
    id_: str, audio: str, duration_s: float, *times: tuple[float, float], offset: float | None = None
) -> Transcript:
    """A recording with a segment in each stretch of time."""
    segments = tuple(Segment(start, end, "はい", -0.2, 0.0, 1.0) for start, end in times)
    return Transcript(id_, audio, duration_s, "ja", "", segments, (), {}, offset)


def job(
    audio: Audio,
    duration_s: float = 5.0,
    times: tuple[tuple[float, float], ...] = TIMES,
    name: str = "a",
    options: ClipOptions | None = None,
) -> ClipJob:
    """What is to be cut of a recording."""
    planned = plan(transcript(name, "", duration_s, *times), name, options or ClipOptions())
    return ClipJob(Recording(name, name, audio), duration_s, planned)


def cut(work: list[ClipJob], folder: Path, options: ClipOptions | None = None, workers: int = 0) -> list[ClipResult]:
    """Cut, in this process unless `workers` are asked for; results in the order of their ids."""
    return sorted(cut_clips(work, folder, options or ClipOptions(), workers), key=lambda result: result.id)
