"""Whole files of every format: nothing to say about them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from tests.reports.cases import Case, Recipe
from tests.reports.oracle import RATE
from tests.reports.sounds import encode, run, speech, wav

CLEAN = "no report: nothing is wrong"
# Extension, and how to pack; the rate is 44.1 kHz where nothing else is said.
_FORMATS: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    *(("wav", 44_100, ("-c:a", f"pcm_{kind}")) for kind in ("s16le", "s24le", "s32le", "f32le", "f64le", "u8")),
    ("wav", 44_100, ("-rf64", "always")),
    ("flac", 44_100, ()),
    ("flac", 96_000, ("-sample_fmt", "s32")),
    ("oga", 48_000, ("-c:a", "flac")),
    ("ogg", 44_100, ("-c:a", "libvorbis")),
    ("ogg", 16_000, ("-c:a", "libvorbis", "-q:a", "1")),
    ("ogg", 16_000, ("-c:a", "libspeex")),
    ("opus", 48_000, ("-b:a", "96k")),
    ("mp3", 44_100, ("-b:a", "128k")),
    ("mp3", 48_000, ("-q:a", "2")),
    ("mp3", 22_050, ("-abr", "1", "-b:a", "48k")),
    ("mp3", 16_000, ("-id3v2_version", "3", "-metadata", "title=" + "あ" * 2_000, "-write_id3v1", "1")),
    ("mp2", 48_000, ()),
    ("m4a", 44_100, ("-c:a", "aac")),
    ("m4a", 44_100, ("-c:a", "aac", "-movflags", "+faststart")),
    ("m4a", 48_000, ("-c:a", "alac")),
    ("mp4", 22_050, ("-c:a", "aac")),
    ("mp4", 44_100, ("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000")),
    ("mp4", 48_000, ("-c:a", "libopus", "-b:a", "96k", "-strict", "-2")),
    ("mp4", 48_000, ("-c:a", "flac", "-strict", "-2")),
    ("mov", 44_100, ("-c:a", "pcm_s16be")),
    ("3gp", 44_100, ("-c:a", "aac")),
    ("aac", 44_100, ("-c:a", "aac")),
    ("aac", 16_000, ("-c:a", "aac")),
    ("mka", 44_100, ("-c:a", "libvorbis")),
    ("mkv", 48_000, ("-c:a", "libopus", "-b:a", "96k")),
    ("mkv", 44_100, ("-c:a", "pcm_s24le")),
    ("mkv", 44_100, ("-c:a", "aac")),
    ("webm", 48_000, ("-c:a", "libopus", "-b:a", "96k")),
    ("webm", 44_100, ("-c:a", "libvorbis")),
    ("ts", 48_000, ("-c:a", "aac")),
    ("ts", 48_000, ("-c:a", "mp2")),
    ("ts", 48_000, ("-c:a", "ac3")),
    ("m2ts", 48_000, ("-c:a", "ac3")),
    ("mpg", 48_000, ("-c:a", "mp2")),
    ("flv", 44_100, ("-c:a", "aac")),
    ("flv", 44_100, ("-c:a", "libmp3lame")),
    ("avi", 48_000, ("-c:a", "libmp3lame")),
    ("avi", 44_100, ("-c:a", "pcm_s16le")),
    ("wma", 44_100, ("-c:a", "wmav2")),
    ("wma", 32_000, ("-c:a", "wmav1")),
    ("ac3", 48_000, ()),
    ("eac3", 48_000, ()),
    ("dts", 48_000, ("-c:a", "dca", "-strict", "-2")),
    ("wv", 44_100, ()),
    ("tta", 44_100, ()),
    ("aiff", 44_100, ()),
    ("au", 44_100, ("-c:a", "pcm_s16be")),
    ("caf", 44_100, ("-c:a", "pcm_s16be")),
    ("caf", 48_000, ("-c:a", "alac")),
    ("w64", 44_100, ()),
    ("voc", 44_100, ("-c:a", "pcm_u8")),
)


def _encoded(extension: str, rate: int, options: tuple[str, ...], channels: int, folder: Path) -> Case:
    path = encode(folder / f"a.{extension}", speech(1.0, 3.24, rate, channels), rate, *options)
    # Where WMA's first sample lies is a matter of opinion: 40 ms are the codec's.
    return Case(path, clock="either" if extension == "wma" else "plain")


def _low_opus(folder: Path) -> Case:
    """FFmpeg's own decoder and libopus differ audibly to nobody in what is packed for telephones."""
    return Case(encode(folder / "a.webm", speech(1.0, 3.24), 48_000, "-c:a", "libopus", "-b:a", "24k"))


def _many_channels(folder: Path) -> Case:
    """More planes than PyAV counts (8): reading them as they are has ended the process."""
    options = ("-c:a", "libopus", "-mapping_family", "255", "-b:a", "1536k")
    path = encode(folder / "a.mkv", speech(1.0, 3.24, 48_000, 16), 48_000, *options)
    return Case(path, truth=speech(1.0, 3.24, RATE)[:, 0])


def _by(program: str, options: tuple[str, ...], extension: str, rate: int, channels: int, folder: Path) -> Case:
    source = wav(folder / "source.wav", speech(1.0, 3.24, rate, channels), rate)
    path = folder / f"a.{extension}"
    if program in ("oggenc", "flac"):
        run(program, *options, "-o", path, source)
    else:
        run(program, *options, source, path)
    return Case(path)


def _free_format(folder: Path) -> Case:
    """A bit rate that no table holds: the command hears nothing, the reference decoder everything."""
    rate = 44_100
    source = wav(folder / "source.wav", speech(1.0, 3.24, rate), rate)
    path = folder / "a.mp3"
    run("lame", "--quiet", "--freeformat", "-b", "96", "-t", source, path)
    delay = np.zeros(round(1_105 / rate * RATE), np.float32)
    return Case(path, truth=np.concatenate([delay, speech(1.0, 3.24, RATE)[:, 0], delay]))


def _tiny(extension: str, options: tuple[str, ...], folder: Path) -> Case:
    """A tenth of a second: less than some codecs hold back."""
    return Case(encode(folder / f"a.{extension}", speech(0.1, 0.1, 44_100), 44_100, *options))


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    for number, (extension, rate, options) in enumerate(_FORMATS):
        chosen = " ".join(options)[:40] or "default"
        channels = 1 + number % 2
        name = f"{extension} {rate} Hz {channels} ch {chosen}"
        made.append(Recipe(name, CLEAN, partial(_encoded, extension, rate, options, channels)))
    made.append(Recipe("webm of low rate", CLEAN, _low_opus))
    made.append(Recipe("mkv of 16 channels", CLEAN, _many_channels))
    for program, order, extension, rate, channels in (
        ("lame", ("--quiet", "-V2"), "mp3", 44_100, 2),
        ("lame", ("--quiet", "-b", "32", "-m", "m"), "mp3", 16_000, 1),
        ("flac", ("-s", "-8", "--no-padding"), "flac", 48_000, 2),
        ("flac", ("-s", "--ogg"), "ogg", 44_100, 1),
        ("oggenc", ("-Q", "-q", "5"), "ogg", 44_100, 2),
        ("opusenc", ("--quiet", "--bitrate", "96"), "opus", 48_000, 2),
        ("opusenc", ("--quiet", "--bitrate", "96"), "opus", 44_100, 1),
    ):
        make = partial(_by, program, order, extension, rate, channels)
        made.append(Recipe(f"{extension} by {program} {' '.join(order[1:])} {rate} Hz", CLEAN, make, (program,)))
    made.append(Recipe("mp3 of free format", CLEAN, _free_format, ("lame",)))
    for extension, options in (("mp3", ()), ("ogg", ("-c:a", "libvorbis")), ("m4a", ("-c:a", "aac")), ("flac", ())):
        made.append(Recipe(f"tiny {extension}", CLEAN, partial(_tiny, extension, options)))
    return made
