"""Time stamps: packets that are lost, sound that starts late, edit lists."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Clock, Flag, Recipe
from tests.reports.oracle import RATE, heard_by_ffmpeg, lead_by_ffprobe
from tests.reports.sounds import encode, run, speech

GAPS, LATE, EDITS = "faster-whisper#128", "subgen#305", "faster-whisper#128 (edit lists)"
_SECONDS = 8.0
# Name, extension, rate, and how to pack.
_FORMS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "webm opus": ("webm", 48_000, ("-c:a", "libopus", "-b:a", "96k")),
    "webm vorbis": ("webm", 44_100, ("-c:a", "libvorbis")),
    "mkv aac": ("mkv", 48_000, ("-c:a", "aac")),
    "mkv flac": ("mkv", 44_100, ("-c:a", "flac")),
    "mkv opus": ("mkv", 48_000, ("-c:a", "libopus", "-b:a", "96k")),
    "mkv mp3": ("mkv", 44_100, ("-c:a", "libmp3lame")),
    "mkv pcm": ("mkv", 44_100, ("-c:a", "pcm_s16le")),
    "m4a aac": ("m4a", 44_100, ("-c:a", "aac")),
    "mp4 alac": ("mp4", 48_000, ("-c:a", "alac")),
    "ts aac": ("ts", 48_000, ("-c:a", "aac")),
    "ts mp2": ("ts", 48_000, ("-c:a", "mp2")),
    "flv aac": ("flv", 44_100, ("-c:a", "aac")),
    "ogg opus": ("opus", 48_000, ("-c:a", "libopus", "-b:a", "96k")),
    "wma": ("wma", 44_100, ("-c:a", "wmav2")),
}
# Which packets are dropped: from, to, in seconds from the first one on.
_PLACES = {
    "first 0.5 s": (-1.0, 0.5), "0.05 s": (3.0, 3.05), "0.5 s": (3.0, 3.5), "3 s": (2.0, 5.0), "last 0.5 s": (7.5, 99.0)
}  # fmt: skip
_BLACK = ("-f", "lavfi", "-i", "color=c=gray:s=64x64:r=25:d=6")


def packed(folder: Path, form: str, seconds: float = _SECONDS, channels: int = 1) -> Path:
    """Pack speech in one of the forms."""
    extension, rate, options = _FORMS[form]
    return encode(folder / f"whole.{extension}", speech(0.0, seconds, rate, channels), rate, *options)


def drop(source: Path, target: Path, losses: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Copy a file without the packets that begin in those times; gives what is gone, in seconds from the first."""
    gone: list[tuple[float, float]] = []
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.audio[0]
        copy = made.add_stream_from_template(stream)
        # A recorder that loses packets doesn't lose the count of time: no shift back to 0.
        packets: list[Any] = [packet for packet in given.demux(stream) if packet.dts is not None]
        first = packets[0].pts
        for packet in packets:
            at = float((packet.pts - first) * packet.time_base)
            length = float((packet.duration or 0) * packet.time_base)
            if any(start <= at < end for start, end in losses):
                if gone and at - gone[-1][1] < 0.002:
                    gone[-1] = gone[-1][0], at + length
                else:
                    gone.append((at, at + length))
                continue
            packet.stream = copy
            made.mux(packet)
    return gone


def _dropped(form: str, place: str, channels: int, folder: Path) -> Case:
    whole = packed(folder, form, channels=channels)
    path = folder / f"a{whole.suffix}"
    gone = drop(whole, path, (_PLACES[place],))
    ends = place.startswith(("first", "last"))
    marks = () if ends else tuple(edge for edges in gone for edge in edges)
    # Where the beginning is lost, every player begins with what there is.
    clock: Clock = "plain" if place.startswith("first") else "filled"
    # What Windows Media's codec holds back at the beginning is silence to the one and nothing to the other.
    return Case(path, marks=marks, clock="loose" if form == "wma" else clock, flag=Flag.MAY)


def _torn(form: str, folder: Path) -> Case:
    """Three gaps of different lengths."""
    whole = packed(folder, form, channels=2)
    path = folder / f"a{whole.suffix}"
    gone = drop(whole, path, ((1.5, 1.6), (3.0, 4.0), (6.0, 6.3)))
    return Case(path, marks=tuple(edge for edges in gone for edge in edges), clock="filled", flag=Flag.MAY)


def restamped(source: Path, target: Path, later_s: Callable[[float], float]) -> None:
    """Copy a file with each packet so much later; the function is given the packet's time."""
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.audio[0]
        copy = made.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.dts is not None:
                packet.pts += round(later_s(float(packet.pts * packet.time_base)) / float(packet.time_base))
                packet.dts = packet.pts
                packet.stream = copy
                made.mux(packet)


def late(source: Path, target: Path, from_s: float, later_s: float) -> None:
    """Copy a file with a gap in it in which nothing is lost."""
    restamped(source, target, lambda at: later_s if at >= from_s else 0.0)


def _jittered(form: str, folder: Path) -> Case:
    """Stamps that are a few milliseconds off, as software that rounds them or takes them from a clock writes them."""
    whole = packed(folder, form)
    path = folder / f"a{whole.suffix}"
    jitter = np.random.default_rng(5)
    restamped(whole, path, lambda _: float(jitter.uniform(0.0, 0.006)))
    return Case(path)


def _late(extension: str, sound: tuple[str, ...], video: tuple[str, ...], by: float, folder: Path) -> Case:
    """The sound begins behind the picture, by more than a codec's delay."""
    path = folder / f"a.{extension}"
    rate = 44_100 if extension == "flv" else 48_000
    picture = (*_BLACK, "-itsoffset", str(by))
    encode(path, speech(0.0, 3.0, rate), rate, "-map", "0:v", "-map", "1:a", *video, *sound, inputs=picture)
    if extension == "avi":  # which has no place for it in FFmpeg's eyes, and counts it as length
        return Case(path, flag=Flag.MAY)
    if extension not in ("ts", "mpg"):
        return Case(path, clock="filled", marks=(float(by),))
    # The command moves the start of streams for broadcasting to the sound's.
    silence = np.zeros(round(lead_by_ffprobe(path) * RATE), np.float32)
    return Case(path, truth=np.concatenate([silence, heard_by_ffmpeg(path)]))


def _early(extension: str, folder: Path) -> Case:
    """The picture begins behind the sound: nothing changes."""
    path = folder / f"a.{extension}"
    video = folder / "video.mp4"
    run("ffmpeg", "-nostdin", "-v", "error", *_BLACK, "-c:v", "mpeg4", video)
    picture = ("-itsoffset", "1.5", "-i", str(video))
    encode(path, speech(0.0, 3.0), 48_000, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", inputs=picture)
    return Case(path)


def _edited(extension: str, options: tuple[str, ...], folder: Path) -> Case:
    """Cut without encoding: the list of edits says what is played."""
    whole = encode(folder / f"whole.{extension}", speech(0.0, 5.0, 44_100), 44_100, "-c:a", "aac")
    path = folder / f"a.{extension}"
    run("ffmpeg", "-nostdin", "-v", "error", *options, "-i", whole, "-c", "copy", path)
    return Case(path)


def _edit_with_hole(folder: Path) -> Case:
    """An empty edit before the sound: a late start with nothing beside it, which the command takes for the start."""
    whole = encode(folder / "whole.m4a", speech(0.0, 4.0, 44_100), 44_100, "-c:a", "aac")
    path = folder / "a.m4a"
    run("ffmpeg", "-nostdin", "-v", "error", "-itsoffset", "1.0", "-i", whole, "-c", "copy", path)
    return Case(path)


def _box(data: bytes, start: int, end: int, name: bytes) -> tuple[int, int]:
    """Find a box of MP4 among those that lie between two places: its place and its size."""
    while start < end:
        size = int.from_bytes(data[start : start + 4], "big")
        if data[start + 4 : start + 8] == name:
            return start, size
        start += size
    raise ValueError(f"no box {name!r}")


def _spliced(folder: Path) -> Case:
    """A list of two edits: the second goes on where a second and a half were left out."""
    rate = 44_100
    whole = encode(folder / "whole.m4a", speech(0.0, 6.0, rate), rate, "-c:a", "aac", "-movie_timescale", "1000")
    data = whole.read_bytes()
    outer = [_box(data, 0, len(data), b"moov")]
    for name in (b"trak", b"edts", b"elst"):
        at, size = outer[-1]
        outer.append(_box(data, at + 8, at + size, name))
    edits = ((2_000, 1_024), (2_500, 1_024 + round(3.5 * rate)))  # in ms, in samples
    entries = b"".join(struct.pack(">IiI", length, start, 1 << 16) for length, start in edits)
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    at, size = outer[-1]
    made = bytearray(data[:at] + elst + data[at + size :])
    for place, before in outer[:-1]:  # the sound comes before all of them, and stays where it is
        made[place : place + 4] = (before + len(elst) - size).to_bytes(4, "big")
    path = folder / "a.m4a"
    path.write_bytes(made)
    return Case(path, marks=(2.0,))


def _wrapped(codec: str, folder: Path) -> Case:
    """The clock of a transport stream begins anew every 26.5 hours."""
    times = ("-output_ts_offset", str(2**33 / 90_000 - 3), "-muxdelay", "0", "-muxpreload", "0")
    return Case(encode(folder / "a.ts", speech(0.0, 6.0), 48_000, "-c:a", codec, *times))


def _dtx(extension: str, folder: Path) -> Case:
    """Discontinuous transmission: silence takes a byte a packet, or no packet."""
    samples: Float32 = np.concatenate([speech(0.0, 2.5), np.zeros((96_000, 1), np.float32), speech(2.5, 2.5)])
    quiet = ("-c:a", "libopus", "-application", "voip", "-dtx", "1", "-b:a", "96k")
    return Case(encode(folder / f"a.{extension}", samples, 48_000, *quiet), marks=(2.5, 4.5))


def _dtx_without_packets(extension: str, folder: Path) -> Case:
    """What a browser's recorder leaves out of the file altogether."""
    samples: Float32 = np.concatenate([speech(0.0, 2.5), np.zeros((96_000, 1), np.float32), speech(2.5, 2.5)])
    whole = encode(folder / f"whole.{extension}", samples, 48_000, "-c:a", "libopus", "-b:a", "96k")
    path = folder / f"a.{extension}"
    gone = drop(whole, path, ((2.7, 4.3),))
    return Case(path, marks=tuple(edge for edges in gone for edge in edges), clock="filled", flag=Flag.MAY)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    for form in _FORMS:
        for place in _PLACES:
            if form == "wma" and "first" in place:
                continue  # the decoder's own delay is the larger part of it
            channels = 2 if place == "0.5 s" else 1
            made.append(Recipe(f"{form} without {place}", GAPS, partial(_dropped, form, place, channels)))
    for form in ("webm opus", "mkv aac", "m4a aac", "ts aac", "ogg opus"):
        made.append(Recipe(f"{form} torn three times", GAPS, partial(_torn, form)))
    for form in ("mkv aac", "webm opus", "flv aac", "ts aac"):
        made.append(Recipe(f"{form} with jitter", GAPS, partial(_jittered, form)))
    mpeg4, vp8 = ("-c:v", "mpeg4"), ("-c:v", "libvpx", "-deadline", "realtime")
    for extension, sound, video in (
        ("mp4", ("-c:a", "aac"), mpeg4),
        ("mov", ("-c:a", "pcm_s16le"), mpeg4),
        ("mkv", ("-c:a", "aac"), mpeg4),
        ("mkv", ("-c:a", "flac"), mpeg4),
        ("webm", ("-c:a", "libopus", "-b:a", "96k"), vp8),
        ("webm", ("-c:a", "libvorbis"), vp8),
        ("ts", ("-c:a", "aac"), ("-c:v", "mpeg2video")),
        ("ts", ("-c:a", "mp2"), ("-c:v", "mpeg2video")),
        ("flv", ("-c:a", "aac"), ("-c:v", "flv")),
        ("wmv", ("-c:a", "wmav2"), ("-c:v", "wmv2")),
        ("ogv", ("-c:a", "libvorbis"), ("-c:v", "libtheora")),
        ("mpg", ("-c:a", "mp2"), ("-c:v", "mpeg1video")),
        ("avi", ("-c:a", "libmp3lame"), mpeg4),
    ):
        for by in (0.2, 1.5):
            name = f"{extension} {sound[1]} {by} s behind the picture"
            made.append(Recipe(name, LATE, partial(_late, extension, sound, video, by)))
    made += [
        Recipe(f"{extension} before the picture", LATE, partial(_early, extension)) for extension in ("mp4", "mkv")
    ]
    for extension in ("m4a", "mp4", "mov"):
        made.append(Recipe(f"{extension} cut at 0.7 s", EDITS, partial(_edited, extension, ("-ss", "0.7"))))
    made.append(Recipe("m4a of two edits", EDITS, _spliced))
    made += [Recipe(f"ts {codec} across its clock's end", GAPS, partial(_wrapped, codec)) for codec in ("aac", "mp2")]
    made.append(Recipe("m4a cut at both ends", EDITS, partial(_edited, "m4a", ("-ss", "1.234", "-t", "2.5"))))
    made.append(Recipe("m4a shifted by 1 s", EDITS, _edit_with_hole))
    for extension in ("webm", "opus", "mkv"):
        made.append(Recipe(f"{extension} with DTX", GAPS, partial(_dtx, extension)))
    for extension in ("webm", "mkv"):
        made.append(Recipe(f"{extension} with DTX, no packets", GAPS, partial(_dtx_without_packets, extension)))
    return made
