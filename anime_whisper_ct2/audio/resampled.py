"""What the model hears: any audio as 16 kHz mono float32, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from anime_whisper_ct2.audio.channels import Mixer
from anime_whisper_ct2.audio.native import read
from anime_whisper_ct2.audio.source import Findings, Source, Stretch
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.mel import SAMPLE_RATE
from anime_whisper_ct2.options import AUDIO, AudioOptions
from anime_whisper_ct2.records import Float32


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
    """Decode a recording, or a stretch of it, as a stream of blocks of at most about a minute.

    A stretch that reaches behind the recording's end stops there. `findings` is filled while blocks come. Yields shape
    (n,), float32, 16 kHz mono; an empty one is a sign of life while a stretch is looked for. Raises DecodeError when
    the bytes are no audio or hold no samples in that stretch, and, where `options` are strict, at the end when sound is
    missing.
    """
    stretch = Stretch(start_s, duration_s)
    findings = Findings() if findings is None else findings
    mixer = Mixer(options, findings)
    found = False
    blocks = ((mixer(piece), piece.rate_hz) for piece in read(source, stretch, findings))
    for block in _resampled(blocks):
        found = found or len(block) > 0
        yield block
    if not found:
        raise DecodeError(stretch.why_empty())
    if options.strict and findings.incomplete:
        raise DecodeError(_how_much(findings.missing_s))


def _how_much(missing_s: float) -> str:
    what = f"{missing_s:.2f} s are missing" if missing_s else "its end is missing, or something within it"
    return f"is incomplete: {what}; --retry-failed without --strict-audio transcribes the rest, and flags it"


def _resampled(native: Iterable[tuple[Float32, int]]) -> Iterator[Float32]:
    """Bring blocks of shape (n,) to 16 kHz; what has one rate and is one block is resampled in one go."""
    stream: soxr.ResampleStream | None = None
    held: Float32 | None = None
    held_rate = 0
    for block, rate in native:
        if not len(block):
            yield block
            continue
        if held is not None:
            resampled, stream = _step(held, held_rate, stream, last=rate != held_rate)
            yield resampled
        held, held_rate = block, rate
    if held is not None:
        yield _step(held, held_rate, stream, last=True)[0]


def _step(
    block: Float32, rate: int, stream: soxr.ResampleStream | None, *, last: bool
) -> tuple[Float32, soxr.ResampleStream | None]:
    if rate == SAMPLE_RATE:
        return block, None
    if last and stream is None:
        return soxr.resample(block, rate, SAMPLE_RATE), None
    if stream is None:
        stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    return stream.resample_chunk(block, last=last), None if last else stream
