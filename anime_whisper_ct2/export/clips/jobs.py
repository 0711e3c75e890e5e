"""What is to be cut out of which recording, and what became of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from anime_whisper_ct2.export.clips.plan import PlannedClip
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import Excerpt, Recording, Transcript
from anime_whisper_ct2.system.paths import alike

# Times are written in milliseconds.
_ROUNDED_S = 0.001


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

    An id alone does not make a pair: folders can hold files of one name, and manifests are edited. A transcript whose
    recording is not listed any more is cut from the path that it names, once it is `located`. Transcripts without clips
    give no job. Memory: eight bytes for each recording.
    """
    seen = IdSet()
    for recording in recordings:
        transcript = transcripts.get(recording.id)
        if transcript is None or not _is_of(transcript, located(transcript).audio, recording):
            continue
        if seen.add(recording.id) and (clips := clips_of(transcript)):
            yield ClipJob(recording, transcript.duration, clips)
    # Only now is it known which of them the corpus no longer lists as they were.
    for id_ in transcripts:
        if id_ not in seen and (clips := clips_of(transcripts[id_])):
            yield ClipJob(_named_by(located(transcripts[id_])), transcripts[id_].duration, clips)


def _is_of(transcript: Transcript, path: str, recording: Recording) -> bool:
    """Say whether a transcript, whose audio is at a path, is of a recording: of that audio, and that stretch of it."""
    name = _plain(recording.name)
    # A merged run has parts that began in different folders: relative paths start at one of these.
    if name != _plain(path) and not name.endswith(alike(os.sep + os.path.normpath(transcript.audio))):
        return False
    part = recording.audio
    if not isinstance(part, Excerpt):
        return transcript.offset is None
    ends = part.duration_s is None or part.duration_s >= transcript.duration - _ROUNDED_S
    return transcript.offset is not None and abs(part.offset_s - transcript.offset) <= _ROUNDED_S and ends


def _plain(path: str) -> str:
    """Give a path as it begins at the root, whatever led there, and as the system compares it."""
    return path if is_url(path) else alike(os.path.abspath(path))  # noqa: PTH100 - strings keep invalid UTF-8


def _named_by(transcript: Transcript) -> Recording:
    audio = transcript.audio
    part = Excerpt(audio, transcript.offset, transcript.duration) if transcript.offset is not None else audio
    return Recording(transcript.id, audio, part)
