"""Containers of nested elements: MP4 and its kin, Matroska and WebM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from anime_whisper_ct2.audio.section import Bytes
from anime_whisper_ct2.audio.structure.part import Part

_MOST_BOXES = 1_000_000
# What is not one of these is no box, but what somebody put behind the file.
_NAMES = frozenset(
    (
        b"ftyp",
        b"styp",
        b"moov",
        b"moof",
        b"mdat",
        b"mfra",
        b"free",
        b"skip",
        b"wide",
        b"uuid",
        b"sidx",
        b"meta",
        b"udta",
    )
)
EBML = bytes.fromhex("1a45dfa3")
_SEGMENT, _INFO, _CLUSTER = 0x18538067, 0x1549A966, 0x1F43B675
_SCALE, _TIMESTAMP = 0x2AD7B1, 0xE7


def is_mp4(head: bytes) -> bool:
    """Say whether a file begins like an MP4, M4A, 3GP or MOV."""
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp")


def mp4(raw: Bytes, begin: int) -> Part:
    """Look at the boxes from a byte on.

    A second file begins with a type of its own, behind a first one with its index; fragments bring theirs with them.
    """
    at, indexed, fragments = begin, False, False
    kind: Literal["mp4", "fragments"] = "mp4"
    for _ in range(_MOST_BOXES):
        head = raw(at, 16)
        # 0xA9 is the © that names of QuickTime's own begin with.
        if len(head) < 8 or not all(32 <= byte < 127 or byte == 0xA9 for byte in head[4:8]):
            break
        size, name = int.from_bytes(head[:4], "big"), head[4:8]
        if name == b"ftyp" and indexed and not fragments:
            return Part(begin, at, "mp4")
        indexed, fragments = indexed or name == b"moov", fragments or name == b"moof"
        kind = "fragments" if fragments else "mp4"
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if size < 8:  # 0: to the end
            break
        if at + size > raw.size and name in _NAMES:
            return Part(begin, raw.size, kind, missing_bytes=at + size - raw.size, cut=True)
        at += size
    return Part(begin, raw.size, kind)


def ebml(raw: Bytes, begin: int) -> Part:
    """Look at a Matroska or WebM file from a byte on: how long its segment is to be, and when its first cluster is."""
    scale_s, missing = 1e-3, 0
    elements = _elements(raw, begin, (_SEGMENT, _INFO))
    for number, (name, at, size) in enumerate(elements):
        if name == _SEGMENT and size is not None:
            missing = max(0, at + size - raw.size)
        elif name == _SCALE and size is not None:
            scale_s = int.from_bytes(raw(at, min(size, 8)), "big") * 1e-9
        elif name == _CLUSTER:
            inside = next(_elements(raw, at, ()), None)
            first = None
            if inside and inside[0] == _TIMESTAMP and inside[2] is not None:
                first = int.from_bytes(raw(inside[1], min(inside[2], 8)), "big") * scale_s
            return Part(begin, raw.size, "matroska", missing_bytes=missing, cut=missing > 0, first_s=first)
        if number > _MOST_BOXES:
            break
    return Part(begin, raw.size, "matroska", missing_bytes=missing, cut=missing > 0)


def _elements(raw: Bytes, at: int, entered: tuple[int, ...]) -> Iterator[tuple[int, int, int | None]]:
    """Give (name, offset of what it holds, size or None) of the elements from a byte on, into those `entered`."""
    while at < raw.size:
        name, at_size = _number(raw, at, keep=True)
        size, inside = _number(raw, at_size, keep=False)
        if name is None or inside <= at:
            return
        yield name, inside, size
        if name in entered:
            at = inside
        elif size is None:
            return
        else:
            at = inside + size


def _number(raw: Bytes, at: int, *, keep: bool) -> tuple[int | None, int]:
    """Read a number whose first bits say how long it is, and give what follows it; all ones is None."""
    first = raw(at, 1)
    if not first or not first[0]:
        return None, at
    length = 9 - first[0].bit_length()
    value = int.from_bytes(raw(at, length), "big")
    if keep:
        return value, at + length
    value &= (1 << 7 * length) - 1
    return (None if value == (1 << 7 * length) - 1 else value), at + length
