"""What libsndfile cannot read, through PyAV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from anime_whisper_ct2.audio.source import (
    Block,
    File,
    Info,
    Stretch,
    Watched,
    block_frames,
    check,
    check_form,
    reason_of,
)
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.records import Float32

# A stretch that begins later than this is sought, that much ahead of it: codecs need a moment to settle.
_AHEAD_S = 2.0
_NOWHERE = 1 << 62
# FFmpeg goes by what a file holds and not by its name, and some of what it knows are scripts that have it open other
# files (concat, HLS, DASH), listen on the network for as long as a minute (SDP), or make up sound for ever (SBaGen).
_CONTAINERS = {
    "format_whitelist": ",".join(
        (
            *("wav", "w64", "aiff", "au", "caf", "flac", "ogg", "mp3", "aac", "ac3", "eac3", "dts", "loas", "amr"),
            *("amrnb", "amrwb", "mov", "matroska", "webm", "asf", "avi", "flv", "mpeg", "mpegts", "rm", "ape", "wv"),
            *("tta", "tak", "mpc", "mpc8", "dsf", "iff", "voc", "sox"),
        )
    )
}


def blocks(file: File, stretch: Stretch, mono: bool, first_error: str) -> Iterator[Block]:
    """Decode a stretch. `first_error` is what libsndfile said, for the message. Raises DecodeError."""
    with ExitStack() as opened:
        try:
            container, stream = _open(file, opened)
            rate = stream.rate
            if not rate:
                raise DecodeError("names no sampling rate")
            channels = 1 if mono else len(stream.layout.channels)
            check_form(rate, channels)
            layout = "mono" if mono else stream.layout
            start, stop = stretch.bounds(rate)
            at, frames = _frames_near(container, stream, stretch.start_s)
            if at > start:
                container, stream = _open(file, opened)
                at, frames = 0, container.decode(stream)
            resampler = av.AudioResampler(format="flt", layout=layout, rate=rate)
            held: list[Float32] = []
            count = 0
            for piece in _resampled(frames, resampler):
                samples = piece.to_ndarray().reshape(-1, channels)
                wanted = samples[max(0, start - at) : None if stop is None else max(0, stop - at)]
                at += len(samples)
                if len(wanted):
                    held.append(wanted)
                    count += len(wanted)
                if stop is not None and at >= stop:
                    break
                if count >= block_frames(rate, channels):
                    yield np.concatenate(held), rate, False
                    held, count = [], 0
            yield (np.concatenate(held) if held else np.empty((0, channels), np.float32)), rate, True
        except (FFmpegError, ValueError, IndexError) as error:
            check(file)
            raise _unreadable(first_error, error) from error


def headers(file: File, first_error: str) -> Info:
    """Read what the headers say. Raises DecodeError."""
    with ExitStack() as opened:
        try:
            container, stream = _open(file, opened)
            codec, sample = stream.codec_context.name, stream.format
            channels = len(stream.layout.channels)
            check_form(stream.rate or 0, channels)
            # The decoders of lossy codecs give floats, whatever went in. A damaged header may not say what they give.
            deep = sample is not None and sample.bits > 16 and (sample.name[0] == "s" or codec.startswith("pcm_"))
            return Info(stream.rate, channels, None, container.format.name, codec, 24 if deep else 16)
        except (FFmpegError, ValueError, IndexError) as error:
            check(file)
            raise _unreadable(first_error, error) from error


def _unreadable(first_error: str, error: Exception) -> DecodeError:
    return DecodeError(f"no decoder reads it (libsndfile: {first_error}; FFmpeg: {reason_of(error)})")


def _open(file: File, opened: ExitStack) -> tuple[Any, Any]:
    source: Any
    if isinstance(file, str):
        # Paths with invalid UTF-8 stay plain strings; the stack closes it.
        source = opened.enter_context(open(file, "rb"))  # noqa: PTH123, SIM115
    elif isinstance(file, Watched):
        file.seek(0)
        source = file
    else:
        source = io.BytesIO(file)
    container = opened.enter_context(av.open(source, metadata_errors="ignore", options=_CONTAINERS))
    if not container.streams.audio:
        raise DecodeError("holds no audio stream")
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise DecodeError("holds sound in a codec that FFmpeg does not know")
    return container, stream


def _frames_near(container: Any, stream: Any, start_s: float) -> tuple[int, Iterator[Any]]:
    """Go to shortly before a time: gives the first sample's number there, and the frames from it on.

    The number is `_NOWHERE` when the place could not be told; then the container has to be opened again.
    """
    frames = container.decode(stream)
    if start_s <= _AHEAD_S:
        return 0, frames
    first = next(frames, None)
    if first is None or first.pts is None:
        return _NOWHERE, frames
    try:
        container.seek(first.pts + int((start_s - _AHEAD_S) / first.time_base), stream=stream)
    except FFmpegError:
        return _NOWHERE, frames
    frames = container.decode(stream)
    there = next(frames, None)
    if there is None or there.pts is None:
        return _NOWHERE, frames
    return round((there.pts - first.pts) * there.time_base * stream.rate), chain((there,), frames)


def _resampled(frames: Iterator[Any], resampler: Any) -> Iterator[Any]:
    for frame in frames:
        yield from resampler.resample(frame)
    # Without a frame it gives what it still holds.
    yield from resampler.resample(None)
