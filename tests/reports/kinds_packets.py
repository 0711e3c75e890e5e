"""One packet of many is damaged."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.reports.cases import Case, Flag, Recipe
from tests.reports.sounds import encode, speech

DAMAGED = "faster-whisper#988"
_SECONDS = 5.0
# Extension, rate, how to pack, and how many bytes at a packet's beginning are its frame's header.
_FORMS: dict[str, tuple[str, int, tuple[str, ...], int]] = {
    "m4a aac": ("m4a", 44_100, ("-c:a", "aac"), 0),
    "m4a alac": ("m4a", 44_100, ("-c:a", "alac"), 0),
    "adts aac": ("aac", 44_100, ("-c:a", "aac"), 7),
    "mp3": ("mp3", 44_100, ("-c:a", "libmp3lame"), 4),
    "mp2": ("mp2", 48_000, ("-c:a", "mp2"), 4),
    "ac3": ("ac3", 48_000, ("-c:a", "ac3"), 8),
    "ts aac": ("ts", 48_000, ("-c:a", "aac"), 0),
    "ts mp2": ("ts", 48_000, ("-c:a", "mp2"), 0),
    "mkv aac": ("mkv", 48_000, ("-c:a", "aac"), 0),
    "mkv flac": ("mkv", 48_000, ("-c:a", "flac"), 0),
    "mkv mp3": ("mkv", 48_000, ("-c:a", "libmp3lame"), 4),
    "webm opus": ("webm", 48_000, ("-c:a", "libopus", "-b:a", "96k"), 0),
    "webm vorbis": ("webm", 48_000, ("-c:a", "libvorbis"), 0),
    "flv aac": ("flv", 44_100, ("-c:a", "aac"), 0),
    "wma": ("wma", 44_100, ("-c:a", "wmav2"), 0),
    "flac": ("flac", 44_100, ("-c:a", "flac"), 6),
}
_TS_PACKET = 188


def _packets(path: Path) -> list[tuple[bytes, float, float]]:
    """Give each packet's bytes, its start from the first one's on and its length in seconds."""
    found: list[tuple[bytes, float, float]] = []
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        first: Any = None
        for packet in container.demux(stream):
            if packet.size and packet.pts is not None:
                first = packet.pts if first is None else first
                length = float((packet.duration or 0) * packet.time_base)
                found.append((bytes(packet), float((packet.pts - first) * packet.time_base), length))
    return found


def _overwritten(data: bytearray, packet: bytes, header: int, how: str) -> None:
    at = data.find(packet)
    if at < 0:  # FFmpeg joins what a container keeps in portions
        at = data.find(packet[:64])
    assert at >= 0
    start, end = at + header, at + len(packet)
    data[start:end] = bytes(end - start) if how == "zeros" else np.random.default_rng(9).bytes(end - start)


def _ts_overwritten(data: bytearray, where: str, how: str) -> float:
    """Overwrite a transport packet that continues a frame; gives its share of the file."""
    starts = [
        at
        for at in range(0, len(data) - _TS_PACKET + 1, _TS_PACKET)
        if int.from_bytes(data[at + 1 : at + 3], "big") & 0x5FFF == 0x100 and data[at + 3] & 0x30 == 0x10
    ]
    at = {"first": starts[2], "middle": starts[len(starts) // 2], "last": starts[-2]}[where]
    data[at + 8 : at + _TS_PACKET] = (
        bytes(_TS_PACKET - 8) if how == "zeros" else np.random.default_rng(9).bytes(_TS_PACKET - 8)
    )
    return at / len(data)


def _damaged(form: str, where: str, how: str, channels: int, folder: Path) -> Case:
    extension, rate, options, header = _FORMS[form]
    whole = encode(folder / f"whole.{extension}", speech(0.0, _SECONDS, rate, channels), rate, *options)
    data = bytearray(whole.read_bytes())
    if extension == "ts":
        at = max(0.15, _ts_overwritten(data, where, how) * _SECONDS)
        marks = (at - 0.15, at + 0.15)
    else:
        packets = _packets(whole)
        number = {"first": 0, "middle": len(packets) // 2, "last": len(packets) - 1}[where]
        packet, at, length = packets[number]
        _overwritten(data, packet, header, how)
        marks = (max(0.0, at - length), at + 2 * length)
    path = folder / f"a.{extension}"
    path.write_bytes(data)
    # FFmpeg 5 loses a first packet's time; its later versions and players do not. Damage in FLAC costs it a second.
    return Case(path, marks=marks, clock="either", flag=Flag.MAY, less_s=0.25)


def _lost(where: str, count: int, folder: Path) -> Case:
    """Transport packets that did not come: bad reception."""
    data = encode(folder / "whole.ts", speech(0.0, _SECONDS), 48_000, "-c:a", "aac").read_bytes()
    packets = [data[at : at + _TS_PACKET] for at in range(0, len(data), _TS_PACKET)]
    first = {"first": 6, "middle": len(packets) // 2, "last": len(packets) - count - 1}[where]
    path = folder / "a.ts"
    path.write_bytes(b"".join(packets[:first] + packets[first + count :]))
    at = first / len(packets) * _SECONDS
    marks = (max(0.0, at - 0.15), at + count / len(packets) * _SECONDS + 0.15)
    return Case(path, marks=marks, clock="either", flag=Flag.MAY, less_s=0.25)


def _block_header(where: str, folder: Path) -> Case:
    """The rest of a Matroska cluster is lost with a block's header, and no decoder notices."""
    half = ("-cluster_time_limit", "500")
    whole = encode(folder / "whole.mkv", speech(0.0, _SECONDS), 48_000, "-c:a", "aac", *half)
    data = bytearray(whole.read_bytes())
    packets = _packets(whole)
    packet, at, _ = packets[3 if where == "first" else len(packets) // 2 + 3 if where == "middle" else -3]
    place = data.find(packet)
    data[place - 6 : place + 40] = np.random.default_rng(2).bytes(46)
    path = folder / "a.mkv"
    path.write_bytes(data)
    return Case(path, marks=(max(0.0, at - 0.1), at + 0.6), clock="either", flag=Flag.MAY, less_s=0.1)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    for form in _FORMS:
        for where in ("first", "middle", "last"):
            channels = 2 if where == "middle" else 1
            made.append(Recipe(f"{form} {where} packet", DAMAGED, partial(_damaged, form, where, "noise", channels)))
    for form in ("m4a aac", "adts aac", "mp3", "ts aac", "mkv aac", "webm opus"):
        made.append(Recipe(f"{form} packet of zeros", DAMAGED, partial(_damaged, form, "middle", "zeros", 1)))
    for where in ("first", "middle", "last"):
        made.append(Recipe(f"mkv {where} block's header", DAMAGED, partial(_block_header, where)))
        for count in (1, 12):
            made.append(Recipe(f"ts {where} {count} packets lost", DAMAGED, partial(_lost, where, count)))
    return made
