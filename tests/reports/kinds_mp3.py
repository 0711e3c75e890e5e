"""MP3: lengths that are guesses, files joined, cut and damaged."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Flag, Recipe
from tests.reports.sounds import encode, piped, run, speech, wav

VBR, JOINED, CUT, DAMAGED = "libsndfile#1001", "Kokoro-FastAPI#57", "libsndfile#809", "faster-whisper#988"
# A bit rate of its own for every frame, and no frame at the beginning that tells how many follow.
_HEADERLESS = ("-q:a", "4", "-write_xing", "0")
_JUNK = np.random.default_rng(7).bytes(3_000).replace(b"\xff", b"\x7f")
_ID3V1 = b"TAG" + b"title".ljust(125, b"\0")


def _headerless(rate: int, channels: int, where: str, by: str, folder: Path) -> Case:
    """Pauses take few bytes and speech takes many: a length guessed from the first frames is far off."""
    sound, pause = speech(0.0, 3.24, rate, channels), np.zeros((2 * rate, channels), np.float32)
    parts = {"no": [sound], "first": [pause, sound], "middle": [sound, pause, sound], "last": [sound, pause]}[where]
    samples: Float32 = np.concatenate(parts)
    path = folder / "a.mp3"
    if by == "lame":
        source = wav(folder / "a.wav", samples, rate).read_bytes()
        path.write_bytes(run("lame", "--quiet", "-V5", "-t", "-", "-", given=source))
    elif by == "pipe":
        piped(path, samples, rate, "mp3", "-q:a", "4")
    elif by == "cbr":
        encode(path, samples, rate, "-b:a", "64k", "-write_xing", "0")
    else:
        encode(path, samples, rate, *_HEADERLESS)
    return Case(path)


def _part(path: Path, start_s: float, seconds: float, rate: int, channels: int, *options: str) -> bytes:
    return encode(path, speech(start_s, seconds, rate, channels), rate, *options).read_bytes()


def _joined(forms: tuple[tuple[int, int], ...], options: tuple[str, ...], between: bytes, folder: Path) -> Case:
    parts, at = [], 0.0
    for number, (rate, channels) in enumerate(forms):
        parts.append(_part(folder / f"{number}.mp3", at, 2.3, rate, channels, *options))
        at += 2.3
    path = folder / "a.mp3"
    path.write_bytes(between.join(parts))
    return Case(path, marks=tuple(2.3 * number for number in range(1, len(forms))))


def _cut(options: tuple[str, ...], share: float, flag: Flag, folder: Path) -> Case:
    data = _part(folder / "whole.mp3", 0.0, 4.0, 44_100, 1, *options)
    path = folder / "a.mp3"
    path.write_bytes(data[: round(len(data) * share)])
    return Case(path, flag=flag, missing_s=4.0 * (1 - share) if flag is Flag.MUST else None)


def _frames(data: bytes) -> list[tuple[int, int]]:
    """Find the frames of a file of 48 kHz, 128 kbit/s: place and size."""
    start = data.index(b"\xff\xfb")
    return [(at, 384) for at in range(start, len(data) - 383, 384) if data[at : at + 2] == b"\xff\xfb"]


def _damaged(how: str, where: str, channels: int, folder: Path) -> Case:
    data = bytearray(_part(folder / "whole.mp3", 0.0, 4.0, 48_000, channels, "-b:a", "128k"))
    frames = _frames(bytes(data))
    number = {"first": 1, "middle": len(frames) // 2, "last": len(frames) - 2}[where]
    at, size = frames[number]
    if how == "overwritten":
        data[at + 4 : at + size] = np.random.default_rng(3).bytes(size - 4)
    elif how == "zeroed":
        data[at : at + size] = bytes(size)
    elif how == "removed":
        del data[at : at + 10 * size]
    else:
        data[at:at] = _JUNK
    path = folder / "a.mp3"
    path.write_bytes(data)
    # Ten frames that are simply not there have no time stamp that jumps: 0.24 s are lost to everybody.
    marks = (max(0.02, number * 0.024 - 0.024),)
    return Case(path, marks=marks, clock="plain" if how == "removed" else "either", flag=Flag.MAY, less_s=0.1)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = [
        Recipe(
            f"headerless {by} {rate} Hz {channels} ch pause {where}",
            VBR,
            partial(_headerless, rate, channels, where, by),
            ("lame",) if by == "lame" else (),
        )
        for by, rate, channels, where in (
            *(("ffmpeg", 44_100, 1, where) for where in ("no", "first", "middle", "last")),
            *(("ffmpeg", 48_000, 2, where) for where in ("no", "first")),
            *(("ffmpeg", 22_050, 1, "first"), ("ffmpeg", 16_000, 2, "last"), ("ffmpeg", 8_000, 1, "first")),
            *(("lame", 44_100, 1, "no"), ("lame", 44_100, 2, "first"), ("lame", 24_000, 1, "middle")),
            *(("pipe", 44_100, 1, "no"), ("pipe", 48_000, 2, "first"), ("cbr", 44_100, 1, "middle")),
        )
    ]
    same, rate, channels = ((44_100, 1),) * 2, ((44_100, 1), (22_050, 1)), ((48_000, 1), (48_000, 2))
    for name, forms, options, between in (
        ("two", same, (), b""),
        ("three", ((48_000, 2),) * 3, (), b""),
        ("two, headerless", same, _HEADERLESS, b""),
        ("two, a tag between", same, (), _ID3V1),
        ("two, headerless, a tag between", same, _HEADERLESS, _ID3V1),
        ("another rate", rate, (), b""),
        ("another rate first", rate[::-1], (), b""),
        ("another rate, headerless", rate, _HEADERLESS, b""),
        ("more channels", channels, (), b""),
        ("fewer channels", channels[::-1], (), b""),
        ("44.1 kHz stereo and 22.05 kHz mono", ((44_100, 2), (22_050, 1)), (), b""),
        ("another rate in the middle", ((44_100, 1), (48_000, 1), (44_100, 1)), _HEADERLESS, b""),
    ):
        made.append(Recipe(f"joined {name}", JOINED, partial(_joined, forms, options, between)))
    for share in (0.3, 0.6, 0.9):
        made.append(Recipe(f"cut at {share}", CUT, partial(_cut, ("-b:a", "64k"), share, Flag.MUST)))
    made.append(Recipe("cut at 0.5, VBR", CUT, partial(_cut, ("-q:a", "4"), 0.5, Flag.MAY)))
    made.append(Recipe("cut at 0.5, headerless", CUT, partial(_cut, _HEADERLESS, 0.5, Flag.MAY)))
    for how in ("overwritten", "zeroed", "removed", "junk put in"):
        for where in ("first", "middle", "last"):
            count = 2 if where == "middle" else 1
            made.append(Recipe(f"{how} {where}", DAMAGED, partial(_damaged, how, where, count)))
    return made
