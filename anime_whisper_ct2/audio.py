"""Decode any audio to 16 kHz mono float32, block by block.

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
import soxr

from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.mel import SAMPLE_RATE
from anime_whisper_ct2.records import ArrayAudio, Audio, Float32

EXTENSIONS = frozenset(
    (
        *("wav", "wave", "w64", "rf64", "flac", "aif", "aiff", "aifc", "au", "caf", "ogg", "oga", "opus", "mp3"),
        *("m4a", "m4b", "mp4", "aac", "mkv", "mka", "webm", "wma", "3gp", "mov", "amr"),
    )
)

_BLOCK_S = 60
_MAX_CHANNELS = 64


def load(audio: Audio) -> Float32:
    """Decode a whole recording.

    Returns shape (n,), float32, 16 kHz mono. Raises DecodeError.
    """
    blocks = list(blocks_of(audio))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def blocks_of(audio: Audio) -> Iterator[Float32]:
    """Decode a recording as a stream of blocks of at most about a minute, none of them empty.

    Yields shape (n,), float32, 16 kHz mono. Raises DecodeError when the bytes are no audio, hold no samples or
    break off in the middle.
    """
    native = _array_blocks(audio) if isinstance(audio, ArrayAudio) else _file_blocks(audio)
    found = False
    for block in _resampled(native):
        if len(block):
            found = True
            yield block
    if not found:
        raise DecodeError("the file holds no samples")


def _mono(block: np.ndarray[Any, Any]) -> Float32:
    """Average the channels of shape (n, channels), and put silence where a float file holds no numbers."""
    mixed: Float32 = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mixed).all():
        mixed = np.nan_to_num(mixed, nan=0.0, posinf=0.0, neginf=0.0)
    return np.ascontiguousarray(mixed, dtype=np.float32)


def _resampled(native: Iterator[tuple[Float32, int, bool]]) -> Iterator[Float32]:
    """Bring (mono block, rate, last) to 16 kHz; a recording of one block is resampled in one go."""
    stream: soxr.ResampleStream | None = None
    for block, rate, last in native:
        if rate == SAMPLE_RATE:
            yield block
        elif last and stream is None:
            yield soxr.resample(block, rate, SAMPLE_RATE)
        else:
            if stream is None:
                stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            yield stream.resample_chunk(block, last=last)


def _array_blocks(audio: ArrayAudio) -> Iterator[tuple[Float32, int, bool]]:
    samples = np.asarray(audio.samples)
    if samples.ndim == 1:
        samples = samples[:, None]
    if samples.ndim != 2 or samples.shape[1] > _MAX_CHANNELS:
        raise DecodeError(f"samples have shape {audio.samples.shape}; give (n,) or (n, channels)")
    if samples.dtype.kind == "i":
        samples = samples / np.float32(np.iinfo(samples.dtype).max + 1)
    elif samples.dtype.kind != "f":
        raise DecodeError(f"samples are {samples.dtype}; give floats in -1 … 1 or signed integers")
    if audio.rate <= 0:
        raise DecodeError(f"the sampling rate is {audio.rate} Hz; give a positive one")
    size = _BLOCK_S * audio.rate
    for at in range(0, len(samples), size):
        yield _mono(samples[at : at + size]), audio.rate, at + size >= len(samples)


def _file_blocks(audio: str | bytes) -> Iterator[tuple[Float32, int, bool]]:
    """Read a file with libsndfile, and with FFmpeg what that finds nothing in.

    A FLAC that was written to a pipe, or a WAV whose recorder was switched off, claims no samples and yet has some.
    """
    if isinstance(audio, str):
        _check_readable(audio)
    found = False
    reason = "it finds no samples"
    try:
        # libsndfile takes any name as bytes; as text, names that are not valid UTF-8 could not be passed on.
        name = os.fsencode(audio) if isinstance(audio, str) and os.name == "posix" else audio
        with soundfile.SoundFile(io.BytesIO(audio) if isinstance(audio, bytes) else name) as file:
            for block, rate, last in _sound_file_blocks(file):
                found = found or len(block) > 0
                if found:
                    yield block, rate, last
    except (soundfile.LibsndfileError, TypeError) as error:
        # TypeError: soundfile asks for parameters when it takes a name for headerless audio (.raw).
        if found:
            raise DecodeError(f"breaks off: {error}") from error
        reason = str(error)
    if not found:
        yield from _av_blocks(audio, reason)


def _check_readable(path: str) -> None:
    """Give the system's reason (absent, forbidden, a folder) instead of a decoder's."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - paths with invalid UTF-8 stay plain strings
            if not file.read(1):
                raise DecodeError("the file is empty (0 bytes)")
    except (OSError, ValueError) as error:
        raise DecodeError(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error


def _sound_file_blocks(file: soundfile.SoundFile) -> Iterator[tuple[Float32, int, bool]]:
    rate = file.samplerate
    if file.channels > _MAX_CHANNELS or rate <= 0:
        raise DecodeError(f"{file.channels} channels at {rate} Hz: no recording that a decoder can trust")
    # A header can claim any length: ask for a block, never for what is claimed.
    size = _BLOCK_S * rate
    left = max(0, file.frames)
    last = not left
    while not last:
        want = min(size, left)
        block = file.read(want, dtype="float32", always_2d=True)
        left -= len(block)
        last = left <= 0 or len(block) < want
        yield _mono(block), rate, last


def _av_blocks(audio: str | bytes, first_error: str) -> Iterator[tuple[Float32, int, bool]]:
    # Imported here: a worker that only meets WAV, FLAC, OGG and MP3 starts faster without it.
    import av  # noqa: PLC0415
    from av.error import FFmpegError  # noqa: PLC0415

    with ExitStack() as files:
        source = io.BytesIO(audio) if isinstance(audio, bytes) else files.enter_context(open(audio, "rb"))  # noqa: PTH123
        try:
            container = files.enter_context(av.open(source, metadata_errors="ignore"))
            if not container.streams.audio:
                raise DecodeError("holds no audio stream")
            stream = container.streams.audio[0]
            rate = stream.rate
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            held: list[Float32] = []
            count = 0
            for frame in _chain_flush(container.decode(stream)):
                for piece in resampler.resample(frame):
                    samples = piece.to_ndarray().reshape(-1, 1)
                    held.append(_mono(samples))
                    count += len(samples)
                if count >= _BLOCK_S * rate:
                    yield np.concatenate(held), rate, False
                    held, count = [], 0
            yield (np.concatenate(held) if held else np.empty(0, np.float32)), rate, True
        except (FFmpegError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DecodeError(f"no decoder reads it (libsndfile: {first_error}; FFmpeg: {reason})") from error


def _chain_flush(frames: Iterator[Any]) -> Iterator[Any]:
    """End with None, which makes a resampler give what it still holds."""
    yield from frames
    yield None
