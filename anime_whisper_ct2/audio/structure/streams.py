"""Files that are one run of frames: FLAC, MP3; and the length that ASF gives."""

from __future__ import annotations

import re

from anime_whisper_ct2.audio.section import Bytes
from anime_whisper_ct2.audio.structure.part import Part, find

FLAC, FLV = b"fLaC", b"FLV\x01"
_NEXT_FLAC, _NEXT_FLV = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"), re.compile(rb"FLV\x01.\x00\x00\x00\x09", re.DOTALL)
_MP3_RATES = (44_100, 48_000, 32_000)
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_HEAD_BYTES = 1 << 14


def flac(raw: Bytes, begin: int) -> Part:
    """Give a FLAC from a byte on, up to where another one begins."""
    return Part(begin, _following(raw, begin, _NEXT_FLAC), "flac")


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


def mp3(raw: Bytes, begin: int) -> Part:
    """Give an MP3 from a byte on; some begin with a frame that counts the others."""
    head = raw(begin, 10)
    at = begin
    if head[:3] == b"ID3" and len(head) == 10:
        at += 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    frame = raw(at, 256)
    if frame[:1] == b"\xff" and len(frame) > 2 and not frame[2] & 0xF0:
        return Part(begin, raw.size)  # FFmpeg knows no frames that leave their bit rate free
    return Part(begin, raw.size, "mp3", end_s=_counted_s(frame))


def _counted_s(frame: bytes) -> float | None:
    """Give the seconds that the first frame counts, less what encoders add; None where it is one like the others."""
    if len(frame) < 256 or frame[0] != 0xFF or frame[2] & 0x0C == 0x0C:
        return None
    lower = (frame[1] >> 3 & 3) ^ 3  # 0: MPEG-1, 1: MPEG-2, 3: MPEG-2.5
    rate = _MP3_RATES[frame[2] >> 2 & 3] >> min(lower, 2)
    size = 576 if lower else 1152
    if (at := frame.find(b"VBRI")) >= 0:
        return int.from_bytes(frame[at + 14 : at + 18], "big") * size / rate
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or not frame[at + 7] & 1:
        return None
    frames = int.from_bytes(frame[at + 8 : at + 12], "big")
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
