"""What is to be cut out of which recording, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from anime_whisper_ct2.export.clips.plan import PlannedClip
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.records import Excerpt, Recording, Transcript


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A recording and the clips to cut from it; `duration_s` is its length, by which the last clip ends."""

    recording: Recording
    duration_s: float
    clips: tuple[PlannedClip, ...]


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What became of a recording's clips: how many were written, and how many were there already.

    `missing` names those that are not there; `error` and `message` then say why, as in `Failure`.
    """

    id: str
    audio: str
    written: int = 0
    resumed: int = 0
    missing: tuple[str, ...] = ()
    error: str = ""
    message: str = ""


def jobs(
    transcripts: Mapping[str, Transcript],
    recordings: Iterable[Recording],
    clips_of: Callable[[Transcript], tuple[PlannedClip, ...]],
    located: Callable[[Transcript], Transcript] = lambda transcript: transcript,
) -> Iterator[ClipJob]:
    """Bring a run's transcripts, by id, together with its recordings, which are listed anew.

    A transcript whose recording is not listed any more is cut from the path that it names, once it is `located`.
    Transcripts without clips give no job. Memory: eight bytes for each recording.
    """
    seen = IdSet()
    for recording in recordings:
        transcript = transcripts.get(recording.id)
        if transcript is not None and seen.add(recording.id) and (clips := clips_of(transcript)):
            yield ClipJob(recording, transcript.duration, clips)
    # Only now is it known which recordings the corpus no longer lists.
    for id_ in transcripts:
        if id_ not in seen and (clips := clips_of(transcripts[id_])):
            yield ClipJob(_named_by(located(transcripts[id_])), transcripts[id_].duration, clips)


def _named_by(transcript: Transcript) -> Recording:
    audio = transcript.audio
    part = Excerpt(audio, transcript.offset, transcript.duration) if transcript.offset is not None else audio
    return Recording(transcript.id, audio, part)
