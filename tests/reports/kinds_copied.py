"""What was cut out of another file, or put behind one, without being decoded; and unusual tracks and layouts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from tests.reports.cases import Case, Flag, Recipe
from tests.reports.oracle import RATE
from tests.reports.sounds import encode, run, speech, wav

CUT, TRACKS = "a cut with -c copy", "FFmpegInterop#45"
_SECONDS = 8.0
_FORMS: tuple[tuple[str, str, int, tuple[str, ...], str], ...] = (
    ("flac", "flac", 44_100, (), "flac"),
    ("vorbis", "ogg", 44_100, ("-c:a", "libvorbis"), "ogg"),
    ("vorbis out of webm", "webm", 44_100, ("-c:a", "libvorbis"), "ogg"),
    ("opus", "opus", 48_000, ("-c:a", "libopus", "-b:a", "96k"), "opus"),
    ("opus out of webm", "webm", 48_000, ("-c:a", "libopus", "-b:a", "96k"), "opus"),
    ("aac", "m4a", 44_100, ("-c:a", "aac"), "m4a"),
    ("aac out of m4a", "m4a", 44_100, ("-c:a", "aac"), "mkv"),
    ("mp3", "mp3", 44_100, (), "mp3"),
    ("adts", "aac", 44_100, ("-c:a", "aac"), "aac"),
    ("ts", "ts", 48_000, ("-c:a", "aac"), "ts"),
    ("wav", "wav", 44_100, (), "wav"),
)
# Eight are more than FFmpeg's frames have places for, sixteen more than any layout.
_WIDE = (("aac", "m4a", 8), ("libopus", "mkv", 8), ("libvorbis", "ogg", 8), ("wavpack", "wv", 8), ("alac", "m4a", 8))


def _copied(
    extension: str, rate: int, options: tuple[str, ...], into: str, start_s: float, length_s: float, folder: Path
) -> Case:
    source = encode(folder / f"whole.{extension}", speech(0.0, _SECONDS, rate), rate, *options)
    path = folder / f"a.{into}"
    cut = ("-ss", str(start_s), *(("-t", str(length_s)) if length_s else ()))
    run("ffmpeg", "-nostdin", "-v", "error", *cut, "-i", source, "-c", "copy", path)
    # What a cut leaves of the old lengths may be a promise, and the first packet may lack the one before.
    return Case(path, clock="either", flag=Flag.MAY, more_s=0.03)


def _fragments(first: int, folder: Path) -> Case:
    """What a player joins that comes late to a broadcast: the header, and the fragments from some time on."""
    source = encode(
        folder / "whole.mp4",
        speech(0.0, _SECONDS, 48_000),
        48_000,
        *("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "1000000"),
    ).read_bytes()
    starts = [at for at in range(len(source)) if source[at + 4 : at + 8] == b"moof"]
    path = folder / "a.mp4"
    path.write_bytes(source[: starts[0]] + source[starts[first] :])
    return Case(path)


def _tagged(kind: str, folder: Path) -> Case:
    """A tag of MP3s before a file that is none."""
    source = encode(folder / f"source.{kind}", speech(0.0, 3.0, 44_100), 44_100).read_bytes()
    path = folder / f"a.{kind}"
    path.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x14" + bytes(20) + source)
    return Case(path, truth=speech(0.0, 3.0, RATE)[:, 0])


def _tailed(tail: bytes, folder: Path) -> Case:
    path = encode(folder / "a.m4a", speech(0.0, 3.0, 44_100), 44_100, "-c:a", "aac")
    path.write_bytes(path.read_bytes() + tail)
    return Case(path)


def _wide(codec: str, extension: str, channels: int, folder: Path) -> Case:
    samples = np.repeat(speech(0.0, 3.0, 48_000), channels, axis=1)
    return Case(encode(folder / f"a.{extension}", samples, 48_000, "-c:a", codec), more_s=0.05)


def _tracks(extension: str, folder: Path) -> Case:
    """Two tracks: the command takes the one with more channels."""
    short = wav(folder / "short.wav", speech(6.0, 2.0, 48_000), 48_000)
    long = wav(folder / "long.wav", speech(0.0, 5.0, 48_000, 2), 48_000)
    path = folder / f"a.{extension}"
    sources = ("-i", short, "-i", long, "-map", "0:a", "-map", "1:a", "-disposition:a", "0")
    run("ffmpeg", "-nostdin", "-v", "error", *sources, "-c:a", "aac", path)
    return Case(path, more_s=0.05)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    for name, extension, rate, options, into in _FORMS:
        for start_s, length_s in ((0.7, 0.0), (3.3, 0.0), (5.71, 0.0), (2.2, 3.0)):
            make = partial(_copied, extension, rate, options, into, start_s, length_s)
            made.append(Recipe(f"{name} from {start_s} s on{f' for {length_s} s' if length_s else ''}", CUT, make))
    made += [Recipe(f"fragments from the {first}th on", CUT, partial(_fragments, first)) for first in (1, 3, 5)]
    made += [Recipe(f"a tag before {kind}", CUT, partial(_tagged, kind)) for kind in ("wav", "aiff", "flac", "ogg")]
    for name, tail in (
        ("a tag", b"TAG" + bytes(125)),
        ("a remark", b"<!-- served by nobody -->"),
        ("zeros", bytes(99)),
    ):
        made.append(Recipe(f"{name} behind m4a", CUT, partial(_tailed, tail)))
    made += [
        Recipe(f"{count} channels of {codec}", TRACKS, partial(_wide, codec, extension, count))
        for codec, extension, count in _WIDE
    ]
    made += [Recipe(f"two tracks in {extension}", TRACKS, partial(_tracks, extension)) for extension in ("mkv", "ts")]
    return made
