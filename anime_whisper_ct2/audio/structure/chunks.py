"""Containers of uncompressed samples: a header, and one chunk that says how many bytes of samples follow.

RIFF, RIFX, RF64 and BW64 (WAV), W64, AIFF and AIFC, CAF, AU, and SPHERE, whose header is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from anime_whisper_ct2.audio.section import Bytes
from anime_whisper_ct2.audio.structure.part import Part, find

_MOST_CHUNKS = 10_000
_NEXT_WAVE = re.compile(rb"RIFF....WAVEfmt ", re.DOTALL)
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")
# From here on a size that is not there may be what a program wrote that could not know it.
_LEAST_PLACEHOLDER = (1 << 30) - 4096
# SoX takes this, and leaves out what does not fill a sample.
_SOX_SIZES = range(0x7FFF_F000 - 64, 0x7FFF_F001)
_MOST_HEADER = 512
# What may stand behind the last chunk without being sound: tags, and what fills up a block.
_TAGS = (b"TAG", b"ID3", b"APETAGEX", b"LYRICS")
_MOST_PADDING = 1 << 16
_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_ALL_ONES = 0xFFFF_FFFF
_AU_HEADER, _SPHERE_HEADER = 24, 1024


@dataclass(frozen=True, slots=True)
class _Samples:
    """Where the samples lie: `size` bytes by the header, None where it does not know; `pad` behind, then chunks.

    A chunk's header is `name` bytes and `count` more for its size, in which `own` are its own. `patches` gives what the
    file's header should hold for a number of bytes; None: a reader knows what to make of it.
    """

    at: int
    size: int | None
    pad: int = 1
    patches: Callable[[int], tuple[tuple[int, bytes], ...]] | None = None
    name: int = 4
    count: int = 4
    own: int = 0


def is_chunked(head: bytes) -> bool:
    """Say whether a file begins like one of these."""
    return _walker(head) is not None


def chunked(raw: Bytes, begin: int, is_start: Callable[[bytes], bool]) -> Part:
    """Look at the container that begins at a byte; `is_start` says whether bytes are a recording's first.

    Its part ends where the next recording begins, or with the file.
    """
    walk = _walker(raw(begin, 64))
    assert walk is not None
    samples = walk(raw, begin)
    if samples is None:
        return Part(begin, raw.size, "chunks")
    held, size = raw.size - samples.at, samples.size
    if size == 0 and held > 1 and _tail_end(raw, samples.at, samples) is None:
        size = None
    if size is None or (size > held + 1 and _is_placeholder(size)):
        # Of several that could not know it, joined.
        following = find(raw, _NEXT_WAVE, samples.at)
        end = following if following >= 0 else raw.size
        patches = samples.patches(end - samples.at) if samples.patches and size is None else ()
        return Part(begin, end, "chunks", patches=patches)
    # Some leave out the byte that pads an odd length.
    if size > held + 1:
        return Part(begin, raw.size, "chunks", missing_bytes=size - held, held_bytes=held, cut=True)
    left = raw.size - samples.at - size
    if left >= 1 << 31 and (held - size) % (1 << 32) < 1 << 24:
        # 32 bits hold no more than 4 GiB, and what goes beyond them was lost.
        return Part(begin, raw.size, "chunks", endless=True)
    for end in dict.fromkeys((samples.at + size + -size % samples.pad, samples.at + size)):
        if end >= raw.size or is_start(raw(end, 64)):
            return Part(begin, min(end, raw.size), "chunks")
        if (after := _tail_end(raw, end, samples)) is not None:
            return Part(begin, after if after < raw.size and is_start(raw(after, 64)) else raw.size, "chunks")
    return Part(begin, raw.size, "chunks", missing_bytes=left, held_bytes=size, damaged=True)


def _is_placeholder(size: int) -> bool:
    """Say whether a size is what is written where it is not known: all ones, or a round number, less the header."""
    if size < _LEAST_PLACEHOLDER:
        return False
    return size in _SOX_SIZES or any(
        (size + less) % round_ == 0 for less in range(_MOST_HEADER + 1) for round_ in (1 << 20, 1_000_000)
    )


def _tail_end(raw: Bytes, at: int, samples: _Samples) -> int | None:
    """Give where the chunks that follow the samples end; None where what follows is none, and no tag either."""
    header = samples.name + samples.count
    for _ in range(_MOST_CHUNKS):
        head = raw(at, header)
        if len(head) < header or head.startswith(_TAGS):
            return raw.size
        if not head.strip(b"\0"):
            rest = raw(at, _MOST_PADDING + 1)
            return raw.size if len(rest) <= _MOST_PADDING and not rest.strip(b"\0") else None
        if head[:4] in _STARTS:
            return at
        if not all(32 <= byte < 127 for byte in head[:4]):
            return None
        sizes = (int.from_bytes(head[samples.name :], order) - samples.own for order in _ORDERS)
        fitting = [size for size in sizes if size >= 0 and at + header + size <= raw.size + 1]
        if not fitting:
            return None
        at += header + min(fitting) + -min(fitting) % samples.pad
        if at >= raw.size:
            return raw.size
    return None


def _walker(head: bytes) -> Callable[[Bytes, int], _Samples | None] | None:
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _wave
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _aiff
    if head[:16] == _W64:
        return _w64
    if head[:4] == b"caff":
        return _caf
    if head[:8] == b"NIST_1A\n":
        return _sphere
    return _au if head[:4] in (b".snd", b"dns.") else None


def _chunks(
    raw: Bytes, at: int, order: Literal["little", "big"], *, name: int = 4, count: int = 4, pad: int = 2, own: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Give (name, offset of what it holds, size) of each chunk; `own`: bytes of its header that its size counts."""
    for _ in range(_MOST_CHUNKS):
        head = raw(at, name + count)
        if len(head) < name + count:
            return
        size = int.from_bytes(head[name:], order) - own
        inside = at + name + count
        yield head[:name], inside, size
        at = inside + max(0, size) + -max(0, size) % pad


def _wave(raw: Bytes, begin: int) -> _Samples | None:
    mark = raw(begin, 4)
    order: Literal["little", "big"] = "big" if mark == b"RIFX" else "little"
    large = None
    for name, at, size in _chunks(raw, begin + 12, order):
        if name == b"ds64":
            large = int.from_bytes(raw(at + 8, 8), "little")
        elif name == b"data" and mark in (b"RF64", b"BW64") and size == _ALL_ONES:
            return _Samples(at, large if large and large < 1 << 62 else None, 2)
        elif name == b"data":

            def patches(held: int, at: int = at) -> tuple[tuple[int, bytes], ...]:
                """Give the chunk's size as it should stand before `held` bytes of samples, where 32 bits hold it."""
                return ((at - 4 - begin, held.to_bytes(4, order)),) if held < _ALL_ONES else ()

            return _Samples(at, size, 2, patches)
    return None


def _w64(raw: Bytes, begin: int) -> _Samples | None:
    for name, at, size in _chunks(raw, begin + 40, "little", name=16, count=8, pad=8, own=24):
        if name[:4] == b"data":

            def patches(held: int, at: int = at) -> tuple[tuple[int, bytes], ...]:
                """Give the sizes of the file and of the chunk as they should stand before `held` bytes of samples."""
                whole = (at - begin + held).to_bytes(8, "little")
                return (16, whole), (at - begin - 8, (held + 24).to_bytes(8, "little"))

            return _Samples(at, size if 0 < size < 1 << 62 else None, 8, patches, name=16, count=8, own=24)
    return None


def _aiff(raw: Bytes, begin: int) -> _Samples | None:
    for name, at, size in _chunks(raw, begin + 12, "big"):
        if name == b"SSND":
            # An offset and a block size come first.
            return _Samples(at + 8, max(0, size - 8), 2)
    return None


def _caf(raw: Bytes, begin: int) -> _Samples | None:
    for name, at, size in _chunks(raw, begin + 8, "big", count=8, pad=1):
        if name == b"data":
            # -1: to the end. A number of edits comes first.
            return _Samples(at + 4, size - 4 if 4 <= size < 1 << 62 else None, count=8)
    return None


def _au(raw: Bytes, begin: int) -> _Samples | None:
    order: Literal["little", "big"] = "big" if raw(begin, 4) == b".snd" else "little"
    offset, size = (int.from_bytes(raw(begin + at, 4), order) for at in (4, 8))
    if offset < _AU_HEADER:
        return None
    return _Samples(begin + offset, None if size == _ALL_ONES else size)


def _sphere(raw: Bytes, begin: int) -> _Samples | None:
    header = raw(begin, _SPHERE_HEADER)
    size = header[8:16].strip()
    fields = {line.split()[0]: line.split()[-1] for line in header.splitlines()[2:] if line.strip()}
    figures = [fields.get(name, b"") for name in (b"sample_count", b"sample_n_bytes", b"channel_count")]
    # What is compressed within has a size that nobody knows.
    if b"embedded" in fields.get(b"sample_coding", b"") or not all(each.isdigit() for each in (size, *figures)):
        return None
    count, width, channels = map(int, figures)
    return _Samples(begin + int(size), count * width * channels)


_STARTS = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM", b"caff", b".snd", b"dns.", b"OggS", b"fLaC", _W64[:4])
