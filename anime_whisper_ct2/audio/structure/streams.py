"""Files that are one run of frames: FLAC, MP3; and the length that ASF gives."""

from __future__ import annotations

import re

from anime_whisper_ct2.audio.section import Bytes
from anime_whisper_ct2.audio.structure.part import Part, find

FLAC, FLV = b"fLaC", b"FLV\x01"
_NEXT_FLAC, _NEXT_FLV = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"), re.compile(b"FLV\x01.\x00\x00\x00\x09", re.DOTALL)
_MOST_BLOCKS = 1_000
# Bytes of an MP3 frame of 8 kbit/s at 24 kHz, less a few.
_LEAST_FRAME = 20
_MP3_RATES = (44_100, 48_000, 32_000)
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_HEAD_BYTES = 1 << 14


def flac(raw: Bytes, begin: int) -> Part:
    """Give a FLAC from a byte on, up to where another one begins.

    What was cut out of another FLAC says in its first frame which of that it was.
    """
    return Part(begin, _following(raw, begin, _NEXT_FLAC), "flac" if _begins_at_zero(raw, begin + 4) else "frames")


def _begins_at_zero(raw: Bytes, at: int) -> bool:
    """Say whether the first frame behind the blocks of a FLAC's header is number 0, or cannot be told."""
    for _ in range(_MOST_BLOCKS):
        block = raw(at, 4)
        if len(block) < 4:
            return True
        at += 4 + int.from_bytes(block[1:], "big")
        if block[0] & 0x80:
            break
    frame = raw(at, 5)
    return len(frame) < 5 or frame[0] != 0xFF or frame[4] == 0


def flv(raw: Bytes, begin: int) -> Part:
    """Give an FLV from a byte on, up to where another one begins."""
    return Part(begin, _following(raw, begin, _NEXT_FLV))


def _following(raw: Bytes, begin: int, mark: re.Pattern[bytes]) -> int:
    found = find(raw, mark, begin + 4)
    return raw.size if found < 0 else found


def is_mp3(head: bytes) -> bool:
    """Say whether a file begins like an MP3, or with the tag that nearly always stands before one."""
    sync = len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0
    return head[:3] == b"ID3" or (sync and head[1] & 0x06 != 0)


def tag_end(raw: Bytes, begin: int) -> int:
    """Give where the ID3 tag ends that a file begins with at a byte; that byte, where there is none."""
    head = raw(begin, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return begin
    footer = 10 if head[5] & 0x10 else 0
    sizes = zip(head[6:10], (21, 14, 7, 0), strict=True)
    return begin + 10 + footer + sum((byte & 0x7F) << shift for byte, shift in sizes)


def mp3(raw: Bytes, begin: int) -> Part:
    """Give an MP3 from a byte on; some begin with a frame that counts the others."""
    frame = raw(tag_end(raw, begin), 256)
    if frame[:1] == b"\xff" and len(frame) > 2 and not frame[2] & 0xF0:
        return Part(begin, raw.size)  # FFmpeg knows no frames that leave their bit rate free
    return Part(begin, raw.size, "mp3", end_s=_counted_s(frame, raw.size))


def _counted_s(frame: bytes, file_bytes: int) -> float | None:
    """Give the seconds that the first frame counts, less what encoders add; None where it is one like the others."""
    if len(frame) < 256 or frame[0] != 0xFF or frame[2] & 0x0C == 0x0C:
        return None
    lower = (frame[1] >> 3 & 3) ^ 3  # 0: MPEG-1, 1: MPEG-2, 3: MPEG-2.5
    rate = _MP3_RATES[frame[2] >> 2 & 3] >> min(lower, 2)
    size = 576 if lower else 1152
    if frame[36:40] == b"VBRI":
        frames = int.from_bytes(frame[50:54], "big")
        return frames * size / rate if frames * _LEAST_FRAME <= file_bytes else None
    # Behind the header, perhaps its sum, and what the channels share.
    at = next((at for at in (36, 38, 21, 23, 13, 15) if frame[at : at + 4] in (b"Xing", b"Info")), 0)
    frames = int.from_bytes(frame[at + 8 : at + 12], "big")
    if not at or not frame[at + 7] & 1 or frames * _LEAST_FRAME > file_bytes:
        return None
    delay, padding = 0, 0
    if frame[at + 120 : at + 124] in (b"LAME", b"Lavc", b"Lavf"):
        added = int.from_bytes(frame[at + 141 : at + 144], "big")
        delay, padding = added >> 12, added & 0xFFF
    return max(0, frames * size - delay - padding) / rate


def asf(raw: Bytes, begin: int) -> Part:
    """Give an ASF (WMA, WMV) from a byte on; its header says how many bytes it has, but for what is broadcast."""
    head = raw(begin, _ASF_HEAD_BYTES)
    at = head.find(_ASF_PROPERTIES)
    if at < 0 or head[at + 88 : at + 89] == b"\x01":
        return Part(begin, raw.size, "asf")
    end = begin + int.from_bytes(head[at + 40 : at + 48], "little")
    if end > begin and raw(end, 16) == ASF:
        return Part(begin, end, "asf")
    missing = max(0, end - raw.size)
    return Part(begin, raw.size, "asf", missing_bytes=missing, cut=missing > 0)


def avi(raw: Bytes, begin: int) -> Part:
    """Give an AVI from a byte on; larger ones go on in further chunks of the same kind."""
    size = int.from_bytes(raw(begin + 4, 4), "little")
    missing = max(0, begin + 8 + size - raw.size) if 0 < size < 0x7FFF_0000 else 0
    return Part(begin, raw.size, "avi", missing_bytes=missing, cut=missing > 0)
