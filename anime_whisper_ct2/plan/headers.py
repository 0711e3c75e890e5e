"""How long recordings are, by what their headers say, and small ones without a word by their samples."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from anime_whisper_ct2.audio import Info, info, native_blocks
from anime_whisper_ct2.readers.fetch import Opened, opened
from anime_whisper_ct2.records import ArrayAudio, Audio
from anime_whisper_ct2.system import waiting

# Headers wait for disks and networks, not for cores.
_THREADS = 8
# No codec makes that little of any sound: a header that claims as much time for its bytes is not believed.
_LEAST_BITS_PER_S = 100.0
# Some M4A and MP4 say nothing: files up to this are decoded, and up to so much of them, then the length is unknown.
_MOST_DECODED_BYTES = 8_000_000
_MOST_DECODED_S = 1_800.0


@dataclass(frozen=True, slots=True)
class Header:
    """One recording: `length_s` None where nothing says it, 0.0 for an `unreadable` one; `bytes` that it takes."""

    length_s: float | None
    bytes: int
    unreadable: bool = False


def headers_of(audio: Iterable[Audio | Header]) -> Iterator[Header]:
    """Read the headers of recordings, several at a time, in order; what is a header already passes through."""
    with waiting.threads(_THREADS, "header") as pool:
        yield from waiting.mapped(pool, lambda one: one if isinstance(one, Header) else header_of(one), audio)


def header_of(audio: Audio) -> Header:
    """Read what the headers say of a recording or a stretch of one; never raises.

    Of a URL, a clip's whole file is fetched.
    """
    size = 0
    try:
        with opened(audio) as file:
            size = _size(file)
            whole_s = _length(file, info(file.source), size)
    # A decoder can fail in any way on bytes that nobody has seen yet; the run will say how.
    except Exception:
        return Header(0.0, size, unreadable=True)
    if whole_s is None:
        return Header(file.duration_s, size)
    length_s = max(0.0, whole_s - file.start_s)
    if file.duration_s is not None:
        length_s = min(length_s, file.duration_s)
    # Of a long file that many stretches share, each takes its part.
    return Header(length_s, round(size * length_s / whole_s) if whole_s else size)


def _length(file: Opened, found: Info, size: int) -> float | None:
    """Give the length of the whole file in seconds."""
    if found.frames is not None and found.rate_hz > 0:
        length_s = found.frames / found.rate_hz
        return length_s if size * 8 >= length_s * _LEAST_BITS_PER_S else None
    if size > _MOST_DECODED_BYTES:
        return None
    length_s = 0.0
    for samples, rate in native_blocks(file.source):
        length_s += len(samples) / rate
        if length_s > _MOST_DECODED_S:
            return None
    return length_s


def _size(file: Opened) -> int:
    source = file.source
    if isinstance(source, str):
        return os.stat(source).st_size  # noqa: PTH116 - plain strings keep invalid UTF-8
    if isinstance(source, bytes):
        return len(source)
    if isinstance(source, ArrayAudio):
        return int(source.samples.nbytes)
    size = source.seek(0, io.SEEK_END)
    source.seek(0)
    return size
