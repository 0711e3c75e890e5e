"""What a file holds: its samples at their own rate, block by block, all of them or a stretch.

`structure` says which recordings are in a file, and who reads them. Memory is bounded by a block, whatever a header
claims.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import soxr

from anime_whisper_ct2.audio.findings import Findings, Losses
from anime_whisper_ct2.audio.levels import Levels
from anime_whisper_ct2.audio.reader import Reader
from anime_whisper_ct2.audio.section import few_bytes, is_text, part_of
from anime_whisper_ct2.audio.sndfile import SNDFILE
from anime_whisper_ct2.audio.source import (
    MAX_CHANNELS,
    File,
    Info,
    Piece,
    Played,
    Source,
    Stretch,
    Watched,
    block_frames,
    check,
    reason_of,
)
from anime_whisper_ct2.audio.structure import Part, parts_of
from anime_whisper_ct2.errors import DecodeError, counted
from anime_whisper_ct2.records import ArrayAudio, Float32

_NO_SAMPLES = "it finds no samples"
# What is whole of these is read in less time by libsndfile, where opening a file takes less.
_QUICK = frozenset(("chunks", "vorbis", "flac"))


def native_blocks(
    source: Source, start_s: float = 0.0, duration_s: float | None = None
) -> Iterator[tuple[Float32, int]]:
    """Decode a recording, or a stretch of it, at its own rate with all its channels, as a stream of blocks.

    Where rate or channels change on the way, what follows comes in those of `info`. A stretch that reaches behind the
    recording's end stops there. Yields (samples, rate in Hz), samples of shape (n, channels), float32, n > 0. Raises
    DecodeError as `blocks_of` does.
    """
    stretch = Stretch(start_s, duration_s)
    about = info(source)
    found = False
    for piece in read(source, stretch):
        if len(piece.samples):
            found = True
            yield _formed(piece.samples, piece.rate_hz, about), about.rate_hz
    if not found:
        raise DecodeError(stretch.why_empty())


def info(source: Source) -> Info:
    """Read what the headers say, and none of the audio. Raises DecodeError when no decoder knows the file."""
    if isinstance(source, ArrayAudio):
        samples = _two_dimensional(source)
        bits = 16 if samples.dtype.itemsize <= 2 else 24
        return Info(source.rate, samples.shape[1], len(samples), "", "", bits)
    file = _file_of(source)
    parts = _parts(file)
    part = parts[0]
    with ExitStack() as opened:
        whole = not part.begin and not part.patches
        inside = file if whole else part_of(file, part.begin, part.end, part.patches, opened)
        found = _info(inside, part)
        check(inside)
    return found if len(parts) == 1 else replace(found, frames=None)


def read(
    source: Source, stretch: Stretch, findings: Findings | None = None, margins_s: tuple[float, float] = (0.0, 0.0)
) -> Iterator[Piece]:
    """Decode a stretch as a stream of pieces, some of them possibly empty; rate and channels may change between them.

    `margins_s` more come before and behind it, as far as there are any, of which nothing is found. Raises DecodeError.
    """
    start_s, stop_s = max(0.0, stretch.start_s - margins_s[0]), stretch.stop_s + margins_s[1]
    losses = Losses(stretch.start_s or -math.inf, stretch.stop_s, findings or Findings())
    if isinstance(source, ArrayAudio):
        pieces = _array(source, start_s, stop_s)
    else:
        pieces = _recording(source, start_s, stop_s, losses)
    for piece in pieces:
        # Times of pieces are those of a player, and so is the stretch.
        wanted = _from(piece, start_s)
        if wanted.end_s > stop_s:
            left = max(0, round((stop_s - wanted.at_s) * wanted.rate_hz))
            wanted = replace(wanted, samples=wanted.samples[:left])
        yield wanted


def _from(piece: Piece, start_s: float) -> Piece:
    """Give what of a piece is not before a time."""
    first = round((start_s - piece.at_s) * piece.rate_hz)
    if first <= 0:
        return piece
    return replace(piece, at_s=piece.at_s + first / piece.rate_hz, samples=piece.samples[first:])


def _recording(source: Any, start_s: float, stop_s: float, losses: Losses) -> Iterator[Piece]:
    """Decode the parts of a file one behind the other, on one clock."""
    file = _file_of(source)
    parts = _parts(file)
    at_s = 0.0
    for part in parts:
        with ExitStack() as opened:
            whole = len(parts) == 1 and not part.begin and not part.patches
            inside = file if whole else part_of(file, part.begin, part.end, part.patches, opened)
            lost = losses.behind(at_s)
            played = Played(_part(inside, part, start_s - at_s, stop_s - at_s, lost))
            try:
                for piece in played:
                    check(file)
                    yield replace(piece, at_s=piece.at_s + at_s) if at_s else piece
            except DecodeError:
                check(file)
                # What follows a recording and looks like another one may be anything.
                if part is parts[0]:
                    raise
                losses.doubt(at_s)
            else:
                losses.add(lost)
                if played.end_s is None:
                    break
                at_s += played.end_s
    check(file)


def _part(
    file: File, part: Part, start_s: float, stop_s: float, losses: Losses
) -> Generator[Piece, None, float | None]:
    """Decode one recording with the reader that suits it, and with the other one from where that breaks off."""
    reasons: dict[str, str] = {}
    reached_s = max(0.0, start_s)
    found = False
    for reader in _readers(part, reached_s):
        tried = losses.behind(0.0)
        played = Played(reader.pieces(file, part, reached_s, stop_s, tried))
        try:
            for whole in played:
                # The other reader may have been further.
                piece = _from(whole, reached_s) if found else whole
                if len(piece.samples):
                    found, reached_s = True, piece.end_s
                yield piece
        except reader.not_read as error:
            check(file)
            reasons[reader.name] = reason_of(error).strip()
            if found and part.kind == "flac":
                losses.doubt(reached_s)
        else:
            # A WAV whose recorder was switched off claims no samples and yet has some.
            if found or played.end_s != 0.0:
                losses.add(tried)
                return played.end_s
            reasons[reader.name] = _NO_SAMPLES
    if found:
        losses.doubt(reached_s)
        return reached_s
    if _NO_SAMPLES in reasons.values():
        return 0.0
    raise _unreadable(file, reasons)


def _readers(part: Part, start_s: float = 0.0) -> Iterator[Reader]:
    """Give what may read a part from a time on, the better one first."""
    # libsndfile does not always find a place within a file that has to be searched for it.
    quick = part.kind in _QUICK and not part.endless and not (part.kind in ("vorbis", "flac") and start_s > 0)
    # It knows what it reads by marks that nothing else bears; FFmpeg takes some of it for sound of another kind.
    if quick or not part.kind:
        yield SNDFILE
    # Imported here: a worker that only meets WAV starts faster without PyAV.
    from anime_whisper_ct2.audio.ffmpeg import FFMPEG  # noqa: PLC0415

    yield FFMPEG
    if part.kind == "ogg" or part.endless:
        yield SNDFILE


def _info(file: File, part: Part) -> Info:
    reasons: dict[str, str] = {}
    # Of Ogg, too, clips know libsndfile's names.
    for reader in (*([SNDFILE] if part.kind == "ogg" else []), *_readers(part)):
        try:
            return reader.info(file, part)
        except reader.not_read as error:
            check(file)
            reasons[reader.name] = reason_of(error).strip()
    raise _unreadable(file, reasons)


def _unreadable(file: File, reasons: dict[str, str]) -> DecodeError:
    if (count := few_bytes(file)) is not None:
        return DecodeError(f"the file has only {counted(count, 'byte')}; copy or download it again")
    if is_text(file):
        return DecodeError("no decoder reads it: it is a text file, whatever its name")
    return DecodeError(f"no decoder reads it ({'; '.join(f'{name}: {reason}' for name, reason in reasons.items())})")


def _parts(file: File) -> tuple[Part, ...]:
    parts = parts_of(file)
    check(file)
    return parts


def _file_of(source: str | bytes | Any) -> File:
    return source if isinstance(source, (str, bytes)) else Watched(source)


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


def _array(audio: ArrayAudio, start_s: float, stop_s: float) -> Iterator[Piece]:
    samples, rate = _two_dimensional(audio), audio.rate
    start = round(start_s * rate)
    stop = len(samples) if stop_s * rate >= len(samples) else round(stop_s * rate)
    size, levels = block_frames(rate, samples.shape[1]), Levels()
    for at in range(start, stop, size):
        block = samples[at : min(at + size, stop)]
        if block.dtype.kind == "i":
            block = block / np.float32(np.iinfo(block.dtype).max + 1)
        yield Piece(at / rate, levels(block.astype(np.float32, copy=False)), rate)


def _formed(block: Float32, rate: int, about: Info) -> Float32:
    """Bring a block to the rate and channels of a recording's beginning."""
    if block.shape[1] != about.channels:
        block = block.mean(axis=1, keepdims=True, dtype=np.float32).repeat(about.channels, axis=1)
    return block if rate == about.rate_hz else soxr.resample(block, rate, about.rate_hz)
