"""What the model hears: any audio as 16 kHz mono float32, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import soxr

from anime_whisper_ct2.audio.native import read
from anime_whisper_ct2.audio.source import Block, Findings, Source, Stretch
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.mel import SAMPLE_RATE
from anime_whisper_ct2.options import AUDIO, AudioOptions
from anime_whisper_ct2.records import Float32

# Float files may go beyond 1.0, some up to 32,768; what is beyond this is no sound, and its power no number.
_LOUDEST = 1e6


def load(source: Source, start_s: float = 0.0, duration_s: float | None = None) -> Float32:
    """Decode a whole recording, or `duration_s` of it from `start_s` on.

    Returns shape (n,), float32, 16 kHz mono. Raises DecodeError.
    """
    blocks = list(blocks_of(source, start_s, duration_s))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def blocks_of(
    source: Source,
    start_s: float = 0.0,
    duration_s: float | None = None,
    options: AudioOptions = AUDIO,
    findings: Findings | None = None,
) -> Iterator[Float32]:
    """Decode a recording, or a stretch of it, as a stream of blocks of at most about a minute, none of them empty.

    A stretch that reaches behind the recording's end stops there. Yields shape (n,), float32, 16 kHz mono. Raises
    DecodeError when the bytes are no audio, break off in the middle, or hold no samples in that stretch.
    """
    stretch = Stretch(start_s, duration_s)
    found = False
    for block in _resampled(read(source, stretch, mono=True)):
        if len(block):
            found = True
            yield block
    if not found:
        raise DecodeError(stretch.why_empty())


def _mono(block: np.ndarray[Any, Any]) -> Float32:
    """Average the channels of shape (n, channels), and put silence where a float file holds no samples."""
    with np.errstate(over="ignore", invalid="ignore"):
        mixed: Float32 = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1, dtype=np.float32)
        # Said so that no number, which compares with nothing, is not within.
        if len(mixed) and not (mixed.max() <= _LOUDEST and mixed.min() >= -_LOUDEST):
            mixed = np.where(np.abs(mixed) <= _LOUDEST, mixed, np.float32(0.0))
    return np.ascontiguousarray(mixed, dtype=np.float32)


def _resampled(native: Iterator[Block]) -> Iterator[Float32]:
    """Bring blocks to 16 kHz mono; a recording of one block is resampled in one go."""
    stream: soxr.ResampleStream | None = None
    for samples, rate, last in native:
        block = _mono(samples)
        if rate == SAMPLE_RATE:
            yield block
        elif last and stream is None:
            yield soxr.resample(block, rate, SAMPLE_RATE)
        else:
            if stream is None:
                stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
            yield stream.resample_chunk(block, last=last)
