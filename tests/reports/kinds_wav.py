"""WAV and its kin: sizes that lie, files joined and cut."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Flag, Recipe
from tests.reports.sounds import encode, speech, wav

JOINED, CUT, PLACEHOLDER = "Kokoro-FastAPI#94", "libsndfile#809", "Kokoro-FastAPI#94 (streamed sizes)"
_SECONDS = 3.0
# What programs put that cannot know the length, or gave up to count.
SIZES = (
    0,
    0x7FFFF000,
    0x7FFFFFFF,
    0x7FFFFFDB,
    0x80000000,
    0xFFFFFFFF,
    0xFFFFFFDB,
    0xFFFFFF00,
    2_000_000_000,
    0x40000000,
)
# The command takes RIFX for noise, and these others for nothing: what was packed is the truth then.
_UNHEARD = ("rifx", "au-le", "htk", "mat5")
# Containers of PCM: name, libsndfile's kind, sample formats.
_CONTAINERS = (
    *(("wav", "WAV"), ("rifx", "WAV"), ("rf64", "RF64"), ("w64", "W64"), ("aiff", "AIFF"), ("au", "AU")),
    *(("au-le", "AU"), ("caf", "CAF"), ("wavex", "WAVEX"), ("bw64", ""), ("aifc", ""), ("voc", "VOC"), ("svx", "SVX")),
    *(("nist", "NIST"), ("ircam", "IRCAM"), ("avr", "AVR"), ("htk", "HTK"), ("mat5", "MAT5"), ("pvf", "PVF")),
)


def container(name: str, path: Path, seconds: float = _SECONDS, rate: int = 44_100, channels: int = 1) -> Path:
    """Write speech into a container of PCM."""
    import soundfile

    rate = 16_000 if name == "htk" else rate  # which counts in units of 100 ns
    samples = speech(0.0, seconds, rate, channels)
    if name in ("rifx", "au-le"):
        endian = "BIG" if name == "rifx" else "LITTLE"
        soundfile.write(path, samples, rate, subtype="PCM_16", format=dict(_CONTAINERS)[name], endian=endian)
        return path
    if name == "bw64":  # the broadcasters' RF64
        data = bytearray(wav(path, samples, rate, "PCM_16", "RF64").read_bytes())
        if data[:4] == b"RIFF":
            data = _as_rf64(bytes(data))
        data[:4] = b"BW64"
        path.write_bytes(data)
        return path
    if name == "aifc":
        return encode(path, samples, rate, "-c:a", "pcm_s16le", "-f", "aiff")
    return wav(path, samples, rate, "PCM_16", dict(_CONTAINERS)[name])


def riff(
    samples: np.ndarray, rate: int, *, size: int | None = None, riff_size: int | None = None, before: bytes = b"",
    after: bytes = b"", magic: bytes = b"RIFF", code: int = 1,
) -> bytes:  # fmt: skip
    """Write a WAV by hand; `size` and `riff_size` are what its headers claim."""
    order: Literal["<", ">"] = ">" if magic == b"RIFX" else "<"
    channels = samples.shape[1]
    width = samples.dtype.itemsize
    data = samples.astype(samples.dtype.newbyteorder(order)).tobytes()
    form = struct.pack(f"{order}HHIIHH", code, channels, rate, rate * channels * width, channels * width, 8 * width)
    body = b"WAVE" + b"fmt " + struct.pack(f"{order}I", 16) + form + before
    body += (
        b"data" + struct.pack(f"{order}I", len(data) if size is None else size) + data + bytes(len(data) % 2) + after
    )
    return magic + struct.pack(f"{order}I", len(body) if riff_size is None else riff_size) + body


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _as_rf64(data: bytes) -> bytearray:
    at = data.index(b"data")
    sizes = struct.pack("<QQQI", len(data) + 28, len(data) - at - 8, 0, 0)
    head = b"RF64" + b"\xff" * 4 + b"WAVE" + _chunk(b"ds64", sizes)
    return bytearray(head + data[12:at] + b"data" + b"\xff" * 4 + data[at + 8 :])


def integers(start_s: float, seconds: float, rate: int, channels: int = 1, kind: str = "<i2") -> np.ndarray:
    """Give speech as whole numbers, shape (n, channels)."""
    scale = {"<i2": 32_767, "<i4": 2**31 - 1, "<f4": 1, "u1": 127}[kind]
    samples = speech(start_s, seconds, rate, channels).astype(np.float64) * scale
    return (samples + (128 if kind == "u1" else 0)).astype(kind)


def _whole(name: str, channels: int, folder: Path) -> Case:
    path = container(name, folder / f"a.{name}", channels=channels)
    return Case(path, truth=_packed(channels) if name in _UNHEARD else None)


def _packed(channels: int, seconds: float = _SECONDS) -> Float32:
    """Give the mix of what a container holds."""
    mixed: Float32 = speech(0.0, seconds, 16_000, channels).mean(axis=1)
    return mixed


def _cut(name: str, channels: int, share: float, folder: Path) -> Case:
    path = container(name, folder / f"a.{name}", channels=channels)
    data = path.read_bytes()
    path.write_bytes(data[: round(len(data) * share) | 1])
    truth = _packed(channels, _SECONDS * share) if name in _UNHEARD else None
    return Case(path, truth=truth, flag=Flag.MUST, missing_s=_SECONDS * (1 - share))


def _placeholder(size: int, both: bool, magic: bytes, channels: int, folder: Path) -> Case:
    path = folder / "a.wav"
    claims = min(0xFFFFFFFF, size + 36) if size else 0
    samples = integers(0.0, _SECONDS, 16_000, channels)
    path.write_bytes(riff(samples, 16_000, size=size, riff_size=claims if both else None, magic=magic))
    return Case(path, truth=_packed(channels) if magic == b"RIFX" else None)


def _joined(magic: bytes, channels: tuple[int, ...], sizes: tuple[int | None, ...], folder: Path) -> Case:
    """Wholes one behind the other: the command hears the second's header as a click, or only the first."""
    path = folder / "a.wav"
    parts, truth, at = [], [], 0.0
    for count, size in zip(channels, sizes, strict=True):
        parts.append(riff(integers(at, 2.0, 16_000, count), 16_000, magic=magic, size=size, riff_size=size))
        truth.append(speech(at, 2.0, 16_000)[:, 0])
        at += 2.0
    path.write_bytes(b"".join(parts))
    marks = tuple(2.0 * number for number in range(1, len(channels)))
    return Case(path, marks=marks, truth=np.concatenate(truth), flag=Flag.MAY, less_s=at - 2.0)


def _before(magic: bytes, size: int, cut: bool, folder: Path) -> Case:
    """As some editors do, pictures and notes come before the sound."""
    path = folder / "a.wav"
    order = ">" if magic == b"RIFX" else "<"
    note = b"JUNK" + struct.pack(f"{order}I", size) + bytes(size)
    data = riff(integers(0.0, _SECONDS, 16_000), 16_000, before=note, magic=magic)
    path.write_bytes(data[:-48_000] if cut else data)
    truth = _packed(1, 1.5 if cut else _SECONDS) if magic == b"RIFX" else None
    return Case(path, truth=truth, flag=Flag.MUST if cut else Flag.NEVER, missing_s=1.5 if cut else None)


def _behind(chunk: bytes, pad: bool, folder: Path) -> Case:
    """An odd number of bytes, padded or not, and notes behind the sound: nothing is missing."""
    path = folder / "a.wav"
    samples = integers(0.0, _SECONDS, 16_000, kind="u1")[:-1]
    data = riff(samples, 16_000)
    path.write_bytes((data if pad else data[:-1]) + chunk)
    return Case(path)


def _form(kind: str, channels: int, rate: int, folder: Path) -> Case:
    path = folder / "a.wav"
    path.write_bytes(riff(integers(0.0, _SECONDS, rate, channels, kind), rate, code=3 if kind == "<f4" else 1))
    return Case(path)


def _size_short(by: int, folder: Path) -> Case:
    """The header promises less than there is: a recorder that was switched off, or a joint by hand."""
    path = folder / "a.wav"
    samples = integers(0.0, _SECONDS, 16_000)
    path.write_bytes(riff(samples, 16_000, size=2 * len(samples) - by, riff_size=2 * len(samples) + 36 - by))
    return Case(path, flag=Flag.MAY, less_s=by / 32_000)


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    return [*_of_containers(), *_of_sizes(), *_of_joints(), *_of_chunks()]


def _of_containers() -> Iterator[Recipe]:
    for name, _ in _CONTAINERS:
        for channels in (1,) if name in ("svx", "pvf", "htk", "voc") else (1, 2):
            yield Recipe(f"{name} {channels} ch", CUT, partial(_whole, name, channels))
    for name in ("wav", "rifx", "rf64", "bw64", "w64", "wavex", "aiff", "aifc", "au", "au-le", "caf"):
        yield Recipe(f"{name} cut at 0.5", CUT, partial(_cut, name, 1, 0.5))
    for name in ("wav", "rf64", "w64", "aiff", "au", "caf"):
        yield Recipe(f"{name} stereo cut at 0.9", CUT, partial(_cut, name, 2, 0.9))
    yield Recipe("wav cut at 0.1", CUT, partial(_cut, "wav", 1, 0.1))
    for kind, channels, rate in (("<i4", 2, 48_000), ("<f4", 1, 22_050), ("u1", 2, 11_025)):
        yield Recipe(f"WAV of {kind} {channels} ch", CUT, partial(_form, kind, channels, rate))


def _of_sizes() -> Iterator[Recipe]:
    for size in SIZES:
        for both in (False, True):
            name = f"size {size:#x}{' twice' if both else ''}"
            yield Recipe(name, PLACEHOLDER, partial(_placeholder, size, both, b"RIFF", 1 + both))
    for size in (0, 0x7FFFF000, 0xFFFFFFFF):
        yield Recipe(f"RIFX size {size:#x}", PLACEHOLDER, partial(_placeholder, size, True, b"RIFX", 1))
    for by in (2, 32_000):
        yield Recipe(f"{by} bytes more than promised", JOINED, partial(_size_short, by))


def _of_joints() -> Iterator[Recipe]:
    streamed = 0xFFFFFFFF
    for name, magic, channels, sizes in (
        ("two", b"RIFF", (1, 1), (None, None)),
        ("three", b"RIFF", (1, 1, 1), (None, None, None)),
        ("two, stereo", b"RIFF", (2, 2), (None, None)),
        ("two, RIFX", b"RIFX", (1, 1), (None, None)),
        ("two, streamed", b"RIFF", (1, 1), (streamed, streamed)),
        ("two, streamed, sizes 0", b"RIFF", (1, 1), (0, 0)),
        ("two, the last streamed", b"RIFF", (1, 1), (None, streamed)),
        ("mono and stereo", b"RIFF", (1, 2), (None, None)),
    ):
        yield Recipe(f"joined {name}", JOINED, partial(_joined, magic, channels, sizes))


def _of_chunks() -> Iterator[Recipe]:
    for magic in (b"RIFF", b"RIFX"):
        for size in (70_000, 300_000):
            for cut in (False, True):
                name = f"{magic.decode()} {size} bytes before the sound{', cut' if cut else ''}"
                yield Recipe(name, CUT, partial(_before, magic, size, cut))
    notes = _chunk(b"LIST", b"INFO" + _chunk(b"INAM", b"a name of odd length.")) + _chunk(b"id3 ", b"ID3" + bytes(200))
    for name, chunk, pad in (
        ("an odd length", b"", True),
        ("an odd length without its pad", b"", False),
        ("an odd length and notes behind", notes, True),
        ("an odd length without its pad and notes behind", notes, False),
        ("a tag behind", b"TAG".ljust(128, b"\0"), True),
        ("zeros behind", bytes(4_096), True),
    ):
        yield Recipe(name, CUT, partial(_behind, chunk, pad))
