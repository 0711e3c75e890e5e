"""What the model hears: any audio as 16 kHz mono float32, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from anime_whisper_ct2.audio.channels import Mixer
from anime_whisper_ct2.audio.findings import Findings
from anime_whisper_ct2.audio.native import read
from anime_whisper_ct2.audio.source import Source, Stretch
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.options import AUDIO, AudioOptions
from anime_whisper_ct2.records import Float32

# A stretch is resampled with what is around it, and from a place that has a sample at each usual rate, so that it is
# what the whole recording has there.
_GRID_S = 0.04
# Lists give times in milliseconds.
_NEAR_SAMPLES = SAMPLE_RATE // 1000


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
    findings = findings or Findings()
    mixer = Mixer(options, findings)
    found = False
    before_s = start_s - max(0.0, (start_s // _GRID_S - 1) * _GRID_S)
    pieces = read(source, stretch, findings, (before_s, _GRID_S))
    blocks = _resampled((mixer(piece), piece.rate_hz) for piece in pieces)
    for block in _trimmed(blocks, stretch, before_s):
        found = found or len(block) > 0
        yield block
    if not found:
        raise DecodeError(stretch.why_empty())
    if options.strict and findings.incomplete:
        raise DecodeError(_how_much(findings.missing_s))


def _trimmed(blocks: Iterator[Float32], stretch: Stretch, before_s: float) -> Iterator[Float32]:
    """Take from 16 kHz what is of a stretch, of blocks that begin so long before it and end behind it.

    A stretch that ends within a millisecond of its recording takes the end along.
    """
    first = round(stretch.start_s * SAMPLE_RATE)
    drop = first - round((stretch.start_s - before_s) * SAMPLE_RATE)
    left = None if stretch.duration_s is None else round(stretch.stop_s * SAMPLE_RATE) - first
    behind: list[Float32] = []
    for block in blocks:
        wanted = block[drop:]
        drop = max(0, drop - len(block))
        if left is not None:
            behind.append(wanted[left:])
            wanted = wanted[:left]
            left -= len(wanted)
        yield wanted
    if 0 < sum(map(len, behind)) <= _NEAR_SAMPLES:
        yield np.concatenate(behind)


def _how_much(missing_s: float) -> str:
    what = f"{missing_s:.2f} s are missing" if missing_s else "its end is missing, or something within it"
    advice = "without --strict-audio (and with --retry-failed) the rest is transcribed, and flagged"
    return f"is incomplete: {what}; {advice}"


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
