"""Ogg: links in a chain, pages lost, files cut."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Flag, Recipe
from tests.reports.oracle import heard_by_ffmpeg
from tests.reports.sounds import encode, run, speech, wav

CHAINED, DAMAGED = "libsndfile#277", "libsndfile#809"
_CODECS = {"vorbis": ("-c:a", "libvorbis"), "opus": ("-c:a", "libopus", "-b:a", "96k"), "flac": ("-c:a", "flac")}
# FFmpeg makes pages of a second, oggenc of 4 KB, opusenc of a second.
_SHORT_PAGES = ("-page_duration", "200000")


def _one(path: Path, samples: Float32, rate: int, codec: str, by: str) -> Path:
    if by in ("oggenc", "opusenc"):
        source = wav(path.with_suffix(".wav"), samples, rate)
        serial = ("--serial", str(sum(path.name.encode())))
        order = ("-Q", *serial, "-o", path, source) if by == "oggenc" else ("--quiet", *serial, source, path)
        run(by, *map(str, order))
        return path
    if by == "libsndfile":
        return wav(path, samples, rate, "VORBIS" if codec == "vorbis" else "OPUS", "OGG")
    return encode(path, samples, rate, *_CODECS[codec], *(_SHORT_PAGES if by == "short pages" else ()), "-f", "ogg")


def _chained(codec: str, forms: tuple[tuple[int, int], ...], by: str, folder: Path) -> Case:
    paths, at = [], 0.0
    for number, (rate, channels) in enumerate(forms):
        paths.append(_one(folder / f"{number}.ogg", speech(at, 2.3, rate, channels), rate, codec, by))
        at += 2.3
    path = folder / "a.ogg"
    path.write_bytes(b"".join(one.read_bytes() for one in paths))
    marks = tuple(2.3 * number for number in range(1, len(forms)))
    # The command is asked about each link: joined, it loses some of FLAC's.
    return Case(path, marks=marks, truth=np.concatenate([heard_by_ffmpeg(one) for one in paths]))


def pages(data: bytes) -> list[bytes]:
    """Take an Ogg file apart."""
    found, at = [], 0
    while at < len(data):
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        found.append(data[at:end])
        at = end
    return found


def _granule(page: bytes) -> int:
    return int.from_bytes(page[6:14], "little", signed=True)


def _damaged(codec: str, by: str, channels: int, how: str, where: str, folder: Path) -> Case:
    """One page of sound is damaged, or gone."""
    rate = 48_000
    data = _one(folder / "whole.ogg", speech(0.0, 5.0, rate, channels), rate, codec, by).read_bytes()
    found = pages(data)
    sound = [number for number, page in enumerate(found) if _granule(page) > 0]
    number = {"first": sound[0], "middle": sound[len(sound) // 2], "last": sound[-1]}[where]
    start, end = (_granule(found[at]) / rate if at > 1 else 0.0 for at in (number - 1, number))
    if how == "removed":
        found[number] = b""
    else:
        page = bytearray(found[number])
        page[len(page) // 2] ^= 0x55
        found[number] = bytes(page)
    path = folder / "a.ogg"
    path.write_bytes(b"".join(found))
    # A stream that was joined while it was on the air begins as a file whose first page is gone.
    late = how == "removed" and where == "first"
    return Case(
        path,
        marks=() if where == "last" else (max(0.05, start), max(0.05, end)),
        clock="either" if where == "first" else "filled",
        flag=Flag.MAY if late else Flag.MUST,
        missing_s=None if where != "middle" else end - start,
        less_s=0.1,
    )


def _cut(codec: str, by: str, share: float, folder: Path) -> Case:
    data = _one(folder / "whole.ogg", speech(0.0, 4.0, 48_000, 1), 48_000, codec, by).read_bytes()
    path = folder / "a.ogg"
    path.write_bytes(data[: round(len(data) * share)])
    return Case(path, flag=Flag.MUST)


def _checksum(page: bytes) -> int:
    """Compute an Ogg page's, whose own field counts as 0."""
    value = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        value ^= byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value


def _later(page: bytes, samples: int) -> bytes:
    """Move a page's time stamp."""
    moved = page[:6] + (_granule(page) + samples).to_bytes(8, "little") + page[14:]
    return moved[:22] + _checksum(moved).to_bytes(4, "little") + moved[26:]


def _live(codec: str, hours: int, folder: Path) -> Case:
    """A stream joined while it is on the air: the headers, then pages from the middle, all of them whole.

    The time before is nobody's loss; with hours of silence in its place the recording would fill a disk.
    """
    data = _one(folder / "whole.ogg", speech(0.0, 5.0), 48_000, codec, "short pages").read_bytes()
    found = pages(data)
    sound = [number for number, page in enumerate(found) if _granule(page) > 0]
    on_air = [_later(page, hours * 3_600 * 48_000) if hours else page for page in found[sound[5] :]]
    path = folder / "a.ogg"
    path.write_bytes(b"".join([*found[: sound[0]], *on_air]))
    return Case(path, flag=Flag.MAY)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    programs = ("oggenc", "opusenc")
    for name, codec, forms, by in (
        ("two", "vorbis", ((48_000, 1),) * 2, "ffmpeg"),
        ("two", "opus", ((48_000, 1),) * 2, "ffmpeg"),
        ("two", "flac", ((48_000, 1),) * 2, "ffmpeg"),
        ("two by oggenc", "vorbis", ((44_100, 2),) * 2, "oggenc"),
        ("two by opusenc", "opus", ((48_000, 2),) * 2, "opusenc"),
        ("two by libsndfile", "vorbis", ((16_000, 1),) * 2, "libsndfile"),
        ("three", "vorbis", ((44_100, 2),) * 3, "ffmpeg"),
        ("three", "opus", ((48_000, 2),) * 3, "short pages"),
        ("another rate", "vorbis", ((48_000, 1), (22_050, 1)), "ffmpeg"),
        ("another rate first", "vorbis", ((22_050, 1), (48_000, 1)), "oggenc"),
        ("another rate in the middle", "vorbis", ((44_100, 1), (48_000, 1), (44_100, 1)), "ffmpeg"),
        ("another rate", "opus", ((48_000, 1), (16_000, 1)), "opusenc"),
        ("more channels", "vorbis", ((48_000, 1), (48_000, 2)), "ffmpeg"),
        ("fewer channels", "vorbis", ((48_000, 2), (48_000, 1)), "oggenc"),
        ("more channels", "opus", ((48_000, 1), (48_000, 2)), "ffmpeg"),
        ("fewer channels", "opus", ((48_000, 2), (48_000, 1)), "opusenc"),
        ("44.1 kHz stereo and 22.05 kHz mono", "vorbis", ((44_100, 2), (22_050, 1)), "ffmpeg"),
    ):
        needs = (by,) if by in programs else ()
        made.append(Recipe(f"chained {codec} {name}", CHAINED, partial(_chained, codec, forms, by), needs))
    for codec, by, channels in (("vorbis", "short pages", 1), ("opus", "short pages", 2), ("vorbis", "oggenc", 2)):
        for how in ("damaged", "removed"):
            for where in ("first", "middle", "last"):
                needs = (by,) if by in programs else ()
                make = partial(_damaged, codec, by, channels, how, where)
                made.append(Recipe(f"{codec} ({by}) {where} page {how}", DAMAGED, make, needs))
    for codec, by in (("vorbis", "ffmpeg"), ("opus", "ffmpeg"), ("vorbis", "oggenc"), ("opus", "opusenc")):
        for share in (0.5, 0.9):
            needs = (by,) if by in programs else ()
            made.append(Recipe(f"{codec} ({by}) cut at {share}", DAMAGED, partial(_cut, codec, by, share), needs))
    for codec in ("vorbis", "opus"):
        for hours in (0, 10):
            name = f"{codec} joined on the air after {hours} hours"
            made.append(Recipe(name, DAMAGED, partial(_live, codec, hours)))
    return made
