"""Cutting the stream of a corpus into shards of like length, by what names and sizes say of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.cluster.messages import Shard
from anime_whisper_ct2.output.lines import Part, to_json
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.records import ArrayAudio, Audio, Container, Excerpt, Failure, Recording, Section

# Bytes of a second as voices are commonly kept: mono at 44.1 or 48 kHz.
_BYTES_PER_S = {"wav": 96_000, "flac": 48_000, "aiff": 96_000, "ogg": 12_000, "opus": 8_000, "mp3": 16_000}
_OTHER_BYTES_PER_S = 16_000
# What a recording is taken for whose size nobody has told, and the least for any: each costs something.
_USUAL_S = 5.0
_LEAST_S = 0.5
# Keeps what is in the hands of hundreds of engines small.
_MOST_RECORDINGS = 4_096


def cut(tasks: Iterable[Task], target_s: Callable[[], float]) -> Iterator[Shard]:
    """Give shards of about `target_s` seconds of audio, at most 4,096 recordings each; a container is one by itself.

    `target_s` is asked for each. References come out so that any machine can follow them which has the same files.
    """
    number = 0
    held: list[Recording] = []
    held_s = 0.0
    for _, recording in tasks:
        if isinstance(recording.audio, Container):
            yield Shard(number, (anchored(recording),), 0.0)
            number += 1
            continue
        held.append(anchored(recording))
        held_s += estimated_s(recording.audio)
        if held_s >= target_s() or len(held) >= _MOST_RECORDINGS:
            yield Shard(number, tuple(held), held_s)
            number += 1
            held, held_s = [], 0.0
    if held:
        yield Shard(number, tuple(held), held_s)


def failures(shard: Shard, name: str, why: str) -> Part:
    """Give a part that says of every recording of a shard, or of the container that it is, why it has failed."""
    found = [Failure(recording.id, recording.name, "engine", "EngineLost", why) for recording in shard.recordings]
    lines = "".join(to_json(failure) + "\n" for failure in found).encode("utf-8")
    return Part(name, b"", lines, Counts(failed=len(found)))


def estimated_s(audio: Audio) -> float:
    """Estimate how many seconds a recording lasts, without opening it."""
    match audio:
        case Excerpt(duration_s=float(duration_s)):
            return max(_LEAST_S, duration_s)
        case Excerpt(audio=held):
            return estimated_s(held)
        case Section(path=path, size=size):
            return _of_size(path, size)
        case bytes():
            return max(_LEAST_S, len(audio) / _OTHER_BYTES_PER_S)
        case ArrayAudio(samples=samples, rate=rate):
            return max(_LEAST_S, len(samples) / rate)
        case str() if not is_url(audio):
            try:
                return _of_size(audio, os.stat(audio).st_size)  # noqa: PTH116 - a path that may be no UTF-8
            except OSError:
                return _LEAST_S
    return _USUAL_S


def _of_size(path: str, size: int) -> float:
    extension = os.path.splitext(path)[1]  # noqa: PTH122 - four times as fast, for each of millions
    return max(_LEAST_S, size / _BYTES_PER_S.get(extension[1:].lower(), _OTHER_BYTES_PER_S))


def anchored(recording: Recording) -> Recording:
    """Make a reference hold wherever the process that follows it was started; what users see stays as it is."""
    return replace(recording, audio=_anchored(recording.audio))


def _anchored(audio: Audio) -> Audio:
    match audio:
        case str():
            return _absolute(audio)
        case Section() | Container():
            return replace(audio, path=_absolute(audio.path))
        case Excerpt(audio=str() | Section() as held):
            return replace(audio, audio=_anchored(held))  # type: ignore[arg-type] # of these two, it gives the same
    return audio


def _absolute(path: str) -> str:
    return path if is_url(path) else os.path.abspath(path)  # noqa: PTH100 - a path that may be no UTF-8
