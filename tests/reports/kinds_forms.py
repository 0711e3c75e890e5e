"""Rate or channels change within a recording."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Flag, Recipe
from tests.reports.oracle import heard_by_ffmpeg
from tests.reports.sounds import encode, speech

CHANGES = "FFmpegInterop#45"
_PART_S = 2.3
Forms = tuple[tuple[int, int], ...]
_CODECS = {
    "adts aac": ("aac", ("-c:a", "aac", "-f", "adts")),
    "ts aac": ("ts", ("-c:a", "aac", "-f", "mpegts")),
    "ts mp2": ("ts", ("-c:a", "mp2", "-f", "mpegts")),
    "ts ac3": ("ts", ("-c:a", "ac3", "-f", "mpegts")),
    "mp2": ("mp2", ("-c:a", "mp2")),
    "ac3": ("ac3", ("-c:a", "ac3")),
    "mkv flac": ("mkv", ("-c:a", "flac")),
    "webm opus": ("webm", ("-c:a", "libopus", "-b:a", "96k")),
    "webm vorbis": ("webm", ("-c:a", "libvorbis")),
    "flac": ("flac", ("-c:a", "flac")),
    "m4a": ("m4a", ("-c:a", "aac")),
    "wma": ("wma", ("-c:a", "wmav2")),
    "flv": ("flv", ("-c:a", "aac")),
}


def _sound(start_s: float, rate: int, channels: int) -> Float32:
    samples = speech(start_s, _PART_S, rate, channels)
    if channels == 6:
        samples[:, 3] = 0  # low frequencies only: mixed in by some and not by others
    return samples


def _joined(codec: str, forms: Forms, on_air: bool, flag: Flag, folder: Path) -> Case:
    extension, options = _CODECS[codec]
    parts = []
    for number, (rate, channels) in enumerate(forms):
        # On the air time goes on where the form changes; files that are joined begin anew.
        times = ("-output_ts_offset", str(_PART_S * number)) if on_air else ()
        sound = _sound(_PART_S * number, rate, channels)
        parts.append(encode(folder / f"{number}.{extension}", sound, rate, *options, *times))
    path = folder / f"a.{extension}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    marks = tuple(_PART_S * number for number in range(1, len(forms)))
    if flag is Flag.MAY:  # the command hears the first part only, or tears the others
        # With and without the silence in which Windows Media's codec begins.
        clocks = (False, True) if extension == "wma" else (False,)
        whole = tuple(np.concatenate([heard_by_ffmpeg(part, filled=filled) for part in parts]) for filled in clocks)
        return Case(path, marks=marks, truth=whole, flag=flag, less_s=_PART_S * (len(forms) - 1) + 0.1)
    return Case(path, marks=marks)


def _frames_behind(folder: Path) -> Case:
    """The tail of a FLAC behind another's end: frames without a header, over which the command reads on."""
    parts = [encode(folder / f"{number}.flac", speech(_PART_S * number, _PART_S), 48_000) for number in range(2)]
    tail = parts[1].read_bytes()
    path = folder / "a.flac"
    path.write_bytes(parts[0].read_bytes() + tail[len(tail) // 3 :])
    return Case(path, marks=(_PART_S,), flag=Flag.MAY, less_s=_PART_S)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    changes: dict[str, Forms] = {
        "the same": ((44_100, 2), (44_100, 2)),
        "44.1 kHz stereo, 22.05 kHz mono": ((44_100, 2), (22_050, 1)),
        "22.05 kHz mono, 44.1 kHz stereo": ((22_050, 1), (44_100, 2)),
        "mono, stereo": ((48_000, 1), (48_000, 2)),
        "stereo, mono": ((48_000, 2), (48_000, 1)),
        "stereo, six channels, stereo": ((48_000, 2), (48_000, 6), (48_000, 2)),
        "48 kHz, 32 kHz, 48 kHz": ((48_000, 2), (32_000, 2), (48_000, 2)),
    }
    for name, forms in changes.items():
        for codec in ("adts aac", "ts aac", "ts mp2", "ts ac3", "mp2", "ac3"):
            rates, channels = {rate for rate, _ in forms}, {count for _, count in forms}
            if ("ac3" in codec and 22_050 in rates) or ("mp2" in codec and 6 in channels):
                continue
            if codec in ("ts mp2", "ts ac3", "mp2", "ac3") and name in ("the same", "stereo, mono"):
                continue
            made.append(Recipe(f"{codec} {name}", CHANGES, partial(_joined, codec, forms, False, Flag.NEVER)))
            if codec.startswith("ts"):
                make = partial(_joined, codec, forms, True, Flag.NEVER)
                made.append(Recipe(f"{codec} {name}, on the air", CHANGES, make))
    same, other = ((48_000, 1), (48_000, 1)), ((48_000, 1), (48_000, 2))
    for codec, forms in (
        ("webm opus", same),
        ("webm opus", other),
        ("webm vorbis", same),
        ("mkv flac", same),
        ("mkv flac", ((48_000, 1), (44_100, 2))),
        ("flac", same),
        ("flac", ((48_000, 1), (44_100, 2))),
        ("m4a", same),
        ("wma", same),
        ("flv", ((44_100, 1), (44_100, 1))),
    ):
        name = "the same" if len(set(forms)) == 1 else "another form"
        made.append(Recipe(f"joined {codec} {name}", CHANGES, partial(_joined, codec, forms, False, Flag.MAY)))
    made.append(Recipe("flac with frames behind its end", CHANGES, _frames_behind))
    return made
