"""What a file holds: its samples at their own rate, block by block, all of them or a stretch.

libsndfile comes first, being ten times faster than the rest on short clips; PyAV reads what libsndfile cannot (AAC in
M4A and MP4, Matroska, WebM, WMA). Memory is bounded by a block, whatever a header claims.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import soundfile

from anime_whisper_ct2.audio.riff import HEAD_BYTES, check_whole
from anime_whisper_ct2.audio.source import (
    MAX_CHANNELS,
    Block,
    File,
    Info,
    Source,
    Stretch,
    Watched,
    block_frames,
    check,
    check_form,
    reason_of,
)
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.records import ArrayAudio, Float32

# libsndfile's names of the encodings that hold more than 16 bits a sample and lose none of them.
_DEEP = frozenset(("PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAC_20", "ALAC_24", "ALAC_32", "DWVW_24"))


def native_blocks(
    source: Source, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[Float32, int]]:
    """Decode a recording, or a stretch of it, at its own rate with all its channels, as a stream of blocks.

    A stretch that reaches behind the recording's end stops there. Yields (samples, rate in Hz), samples of shape
    (n, channels), float32, n > 0. Raises DecodeError as `blocks_of` does.
    """
    stretch = Stretch(start_s, duration_s)
    found = False
    for block, rate, _ in read(source, stretch, mono=False):
        if len(block):
            found = True
            yield block, rate
    if not found:
        raise DecodeError(stretch.why_empty())


def info(source: Source) -> Info:
    """Read what the headers say, and none of the audio. Raises DecodeError when no decoder knows the file."""
    if isinstance(source, ArrayAudio):
        samples = _two_dimensional(source)
        bits = 16 if samples.dtype.itemsize <= 2 else 24
        return Info(source.rate, samples.shape[1], len(samples), "", "", bits)
    file = _file_of(source)
    try:
        with _sound_file(file) as sound:
            bits = 24 if sound.subtype in _DEEP else 16
            frames = sound.frames if sound.frames > 0 else None
            found = Info(sound.samplerate, sound.channels, frames, sound.format, sound.subtype, bits)
    except (soundfile.LibsndfileError, TypeError) as error:
        from anime_whisper_ct2.audio.ffmpeg import headers  # noqa: PLC0415 - as in _file_blocks

        check(file)
        found = headers(file, str(error))
    check(file)
    return found


def read(source: Source, stretch: Stretch, *, mono: bool) -> Iterator[Block]:
    """Decode a stretch, possibly into no samples at all; with `mono`, FFmpeg mixes the channels that it decodes."""
    if isinstance(source, ArrayAudio):
        yield from _array_blocks(source, stretch)
        return
    file = _file_of(source)
    for block in _file_blocks(file, stretch, mono):
        check(file)
        yield block
    check(file)


def _file_of(source: str | bytes | Any) -> File:
    if isinstance(source, bytes):
        return source
    if not isinstance(source, str):
        return Watched(source)
    # The system's reason (absent, forbidden, a folder) says more than a decoder's.
    try:
        with open(source, "rb") as file:  # noqa: PTH123 - paths with invalid UTF-8 stay plain strings
            if not file.read(1):
                raise DecodeError("the file is empty (0 bytes)")
    except (OSError, ValueError) as error:
        raise DecodeError(f"cannot be opened: {reason_of(error)}") from error
    return source


def _two_dimensional(audio: ArrayAudio) -> np.ndarray[Any, Any]:
    samples = np.asarray(audio.samples)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or not 0 < samples.shape[1] <= MAX_CHANNELS:
        raise DecodeError(f"samples have shape {audio.samples.shape}; give (n,) or (n, channels)")
    if samples.dtype.kind not in "if":
        raise DecodeError(f"samples are {samples.dtype}; give floats in -1 … 1 or signed integers")
    if audio.rate <= 0:
        raise DecodeError(f"the sampling rate is {audio.rate} Hz; give a positive one")
    return samples


def _array_blocks(audio: ArrayAudio, stretch: Stretch) -> Iterator[Block]:
    samples = _two_dimensional(audio)
    start, stop = stretch.bounds(audio.rate)
    samples = samples[start:stop]
    size = block_frames(audio.rate, samples.shape[1])
    for at in range(0, len(samples), size):
        block = samples[at : at + size]
        if block.dtype.kind == "i":
            block = block / np.float32(np.iinfo(block.dtype).max + 1)
        yield block.astype(np.float32, copy=False), audio.rate, at + size >= len(samples)


def _file_blocks(file: File, stretch: Stretch, mono: bool) -> Iterator[Block]:
    """Read a file with libsndfile, and with FFmpeg what that finds nothing in.

    A FLAC that was written to a pipe, or a WAV whose recorder was switched off, claims no samples and yet has some.
    """
    found = False
    reason = "it finds no samples"
    check_whole(*_head(file))
    try:
        for block in _sound_file_blocks(file, stretch):
            found = found or len(block[0]) > 0
            if found:
                yield block
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: soundfile asks for parameters when it takes a name for headerless audio (.raw).
        if found:
            raise DecodeError(f"breaks off: {error}") from error
        reason = str(error)
    check(file)
    if not found:
        # Imported here: a worker that only meets WAV, FLAC, OGG and MP3 starts faster without PyAV.
        from anime_whisper_ct2.audio.ffmpeg import blocks  # noqa: PLC0415

        yield from blocks(file, stretch, mono, reason)


def _sound_file_blocks(file: File, stretch: Stretch) -> Iterator[Block]:
    sound = _sound_file(file)
    try:
        rate, channels, frames = sound.samplerate, sound.channels, max(0, sound.frames)
        check_form(rate, channels)
        start, stop = stretch.bounds(rate)
        if 0 < frames <= start:
            raise DecodeError(stretch.why_empty(frames / rate))
        # A header can claim any length: ask for a block, never for what is claimed.
        size = block_frames(rate, channels)
        if start and frames and not _sought(sound, start):
            sound.close()
            sound = _sound_file(file)
            _drop(sound, start, size)
        left = max(0, (frames if stop is None else min(stop, frames)) - start)
        last = not left
        while not last:
            want = min(size, left)
            block = sound.read(want, dtype="float32", always_2d=True)
            left -= len(block)
            last = left <= 0 or len(block) < want
            yield block, rate, last
    finally:
        sound.close()


def _head(file: File) -> tuple[bytes, int]:
    """Give the beginning of a file and its size in bytes, as far as it may be a WAV."""
    if isinstance(file, bytes):
        return file[:HEAD_BYTES], len(file)
    with ExitStack() as files:
        # Paths with invalid UTF-8 stay plain strings.
        stream = files.enter_context(open(file, "rb")) if isinstance(file, str) else file  # noqa: PTH123 - as said
        stream.seek(0)
        head = stream.read(4)
        if head != b"RIFF":
            return head, 0
        return head + stream.read(HEAD_BYTES), stream.seek(0, os.SEEK_END)


def _sought(sound: soundfile.SoundFile, start: int) -> bool:
    """Go to a sample, and say whether that worked: some files cannot be sought in, and some end up elsewhere."""
    try:
        return bool(sound.seek(start) == start)
    except soundfile.LibsndfileError:
        return False


def _drop(sound: soundfile.SoundFile, count: int, size: int) -> None:
    while count > 0:
        dropped = len(sound.read(min(size, count), dtype="float32"))
        if not dropped:
            return
        count -= dropped


def _sound_file(file: File) -> soundfile.SoundFile:
    if isinstance(file, str):
        # libsndfile takes any name as bytes; as text, names that are not valid UTF-8 could not be passed on.
        return soundfile.SoundFile(os.fsencode(file) if os.name == "posix" else file)
    if isinstance(file, bytes):
        return soundfile.SoundFile(io.BytesIO(file))
    file.seek(0)
    return soundfile.SoundFile(file)
