"""A stretch of a recording as a WAV that a page can play: what a worker does, apart from being one."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np

from anime_whisper_ct2.audio import Info, info, load, native_blocks
from anime_whisper_ct2.errors import DecodeError, RecordingError, one_line
from anime_whisper_ct2.features import SAMPLE_RATE
from anime_whisper_ct2.readers.fetch import Opened, opened
from anime_whisper_ct2.readers.remote import is_url
from anime_whisper_ct2.readers.spelling import spelled
from anime_whisper_ct2.readers.tables import TableRow, audio_at
from anime_whisper_ct2.readers.tar import tar_shard
from anime_whisper_ct2.records import Audio, Excerpt, Float32

# A segment is shorter, and whoever wants more looks at the recording.
LONGEST_CLIP_S = 120.0
# A header that says another length than was transcribed by no more than this is of the same recording.
_LENGTH_S = 0.1
# Before its end, so much is decoded to see whether that is where it was; as long a recording is decoded whole for it.
_TAIL_S = 2.0
_WHOLE_S = 600.0
# Beyond, browsers play nothing; what is more than so many bytes is sent as the model hears it.
_LEAST_HZ, _MOST_HZ = 3_000, 384_000
_MOST_WAV_BYTES = 48 << 20
_MOST_CHANNELS = 2
_MOST_MESSAGE = 600
# The `kind` of what is said where no file is at a path.
ABSENT = "Absent"


class NoSound(RecordingError):
    """There is no sound of a stretch to be had; the message is one line, and `kind` what went wrong by its name."""

    def __init__(self, message: str, kind: str = "NoSound") -> None:
        super().__init__(one_line(message)[:_MOST_MESSAGE], kind=kind)

    def __reduce__(self) -> tuple[type[NoSound], tuple[str, str]]:
        return type(self), (str(self), self.kind)


@dataclass(frozen=True, slots=True)
class Packed:
    """Where a recording is that cannot be read in place: the one of a number, from 0, in a compressed or remote tar."""

    path: str
    number: int


Place: TypeAlias = Audio | TableRow | Packed


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is wanted of a recording at a place: from `start_s` to `end_s`, infinite where that is its end.

    `duration_s`: how long the recording was when it was transcribed; None: it does not matter.
    """

    place: Place
    start_s: float
    end_s: float
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """A whole WAV file of 16 bits, and what of the recording it holds, in seconds."""

    wav: bytes
    start_s: float
    end_s: float


def cut(stretch: Stretch) -> Clip:
    """Decode a stretch at its own rate, one channel or two as they are, more as one; at most `LONGEST_CLIP_S`.

    It is decoded from its beginning on, and not from the recording's. What browsers do not play, or is too large, comes
    as the model hears it. Raises NoSound.
    """
    try:
        with opened(_audio(stretch.place)) as audio:
            about = info(audio.source)
            if stretch.duration_s is not None:
                _check_length(audio, about, stretch.duration_s)
            return _clip(audio, about, stretch)
    except RecordingError as error:
        raise NoSound(str(error), error.kind) from error
    # A decoder can fail in any way on bytes that nobody has seen yet.
    except Exception as error:
        raise NoSound(str(error) or repr(error), type(error).__name__) from error


def length_s(place: Place) -> float | None:
    """Say how long a recording is by its headers; None where they do not say, or it cannot be read."""
    try:
        with opened(_audio(place)) as audio:
            about = info(audio.source)
    except Exception:  # whoever wants to hear it is told why not
        return None
    return None if about.frames is None else about.frames / about.rate_hz


def _audio(place: Place) -> Audio:
    """Read what is not where it can be opened in place."""
    if isinstance(place, TableRow):
        return audio_at(place)
    if not isinstance(place, Packed):
        path = place.audio if isinstance(place, Excerpt) else place
        if isinstance(path, str) and not is_url(path) and not _is_there(path):
            raise RecordingError(
                f"{path}: there is no such file; put it back, or transcribe the corpus anew", kind=ABSENT
            )
        return place
    found = next(islice(tar_shard(place.path, ""), place.number, None), None)
    if found is None:
        raise RecordingError("it is not in the archive any more, which was changed since")
    return found.audio


def _is_there(path: str) -> bool:
    try:
        return os.path.lexists(spelled(path))
    except ValueError:  # a NUL is in no name
        return False


def _clip(audio: Opened, about: Info, stretch: Stretch) -> Clip:
    start_s = max(0.0, stretch.start_s)
    end_s = min(stretch.end_s, start_s + LONGEST_CLIP_S)
    if audio.duration_s is not None:
        end_s = min(end_s, audio.duration_s)
    if not end_s > start_s:
        raise DecodeError(f"there is nothing from {start_s:.3f} s to {end_s:.3f} s")
    channels = about.channels if about.channels <= _MOST_CHANNELS else 1
    rate_hz = about.rate_hz
    wav_bytes = (end_s - start_s) * rate_hz * channels * 2
    begin_s = audio.start_s + start_s
    if not _LEAST_HZ <= rate_hz <= _MOST_HZ or wav_bytes > _MOST_WAV_BYTES:
        rate_hz, channels = SAMPLE_RATE, 1
        blocks: Iterator[Float32] = iter((load(audio.source, begin_s, end_s - start_s)[:, None],))
    else:
        # By samples, so that what ends where another begins has none of it.
        first, stop = round(begin_s * rate_hz), round((audio.start_s + end_s) * rate_hz)
        blocks = (block for block, _ in native_blocks(audio.source, first / rate_hz, max(1, stop - first) / rate_hz))
    samples = np.concatenate([_mixed(block, channels) for block in blocks])
    pcm = np.clip(np.rint(np.nan_to_num(samples, nan=0.0) * np.float32(1 << 15)), -(1 << 15), (1 << 15) - 1)
    return Clip(_wav(pcm.astype("<i2").tobytes(), rate_hz, channels), start_s, start_s + len(samples) / rate_hz)


def _mixed(block: Float32, channels: int) -> Float32:
    return block if block.shape[1] == channels else block.mean(axis=1, keepdims=True, dtype=np.float32)


def _wav(pcm: bytes, rate_hz: int, channels: int) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
    return target.getvalue()


def _check_length(audio: Opened, about: Info, duration_s: float) -> None:
    """Raise DecodeError where the file is by now another than was transcribed, as far as its length tells."""
    if audio.start_s or audio.duration_s is not None or about.frames is None:
        return
    says_s = about.frames / about.rate_hz
    if abs(says_s - duration_s) <= _LENGTH_S or _ends_at(audio, about, duration_s):
        return
    # Headers are wrong at times: what counts is what the run could hear.
    if max(says_s, duration_s) <= _WHOLE_S:
        says_s = sum(len(block) for block, _ in native_blocks(audio.source)) / about.rate_hz
        if abs(says_s - duration_s) <= _LENGTH_S:
            return
    raise DecodeError(
        f"it lasts {says_s:.3f} s, and what was transcribed {duration_s:.3f} s: the file was exchanged since; "
        "put that one back, or transcribe this one"
    )


def _ends_at(audio: Opened, about: Info, duration_s: float) -> bool:
    """Say whether a recording ends where it did, by decoding its end alone."""
    begin_s = max(0.0, duration_s - _TAIL_S)
    blocks = native_blocks(audio.source, begin_s, duration_s - begin_s + _TAIL_S)
    try:
        end_s = begin_s + sum(len(block) for block, _ in blocks) / about.rate_hz
    except DecodeError:
        return False
    return abs(end_s - duration_s) <= _LENGTH_S
