"""Files and names that nobody should meet, made on the spot, each with what has to become of it.

`hostile_containers` makes tars, tables and lists of the kind.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import socket
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import soundfile

RATE = 16_000
# What becomes of a file: a line in transcripts.jsonl, one in errors.jsonl, either of them, or it is never listed.
TEXT, ERROR, EITHER, UNLISTED = "text", "error", "either", "unlisted"

# What a spreadsheet computes, what a browser runs, what a terminal obeys.
FORMULA = "=cmd|' /C calc'!A0"
MARKUP = "<img src=x onerror=alert(1)>"
ESCAPES = "\x1b[2J\x1b]0;title\x07"


class Pwned:
    """Creates a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.path, "w")


def good(seconds: float = 0.6, kind: str = "WAV", rate: int = RATE, channels: int = 1) -> bytes:
    """A tone, encoded."""
    wave = 0.2 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.repeat(wave[:, None], channels, axis=1), rate, format=kind)
    return buffer.getvalue()


def encoded(container: str, codec: str, seconds: float = 0.6) -> bytes:
    """A tone, or grey pictures, as FFmpeg packs them."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        if codec == "mpeg4":
            video = file.add_stream(codec, rate=10)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
            packets = []
            for number in range(5):
                picture = av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuv420p")
                picture.pts = number
                packets += video.encode(picture)
            packets += video.encode()
        else:
            stream = file.add_stream(codec, rate=RATE, layout="mono")
            wave = (0.2 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            frame.rate = RATE
            packets = stream.encode(frame) + stream.encode()
        file.mux(packets)
    return buffer.getvalue()


def riff(channels: int, rate: int, data: bytes, claims: int | None = None, float_: bool = False) -> bytes:
    """A WAV whose header says what it is told."""
    bits = 32 if float_ else 16
    align = channels * bits // 8
    form = struct.pack("<HHIIHH", 3 if float_ else 1, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits)
    size = len(data) if claims is None else claims
    return (
        b"RIFF"
        + struct.pack("<I", 0xFFFFFFFF if claims else 36 + size)
        + b"WAVEfmt \x10\0\0\0"
        + form
        + (b"data" + struct.pack("<I", size) + data)
    )


def claiming(kind: str) -> bytes:
    """A short file whose header claims about 10^12 samples, or as many as the format can."""
    data = bytearray(good(kind=kind))
    if kind == "W64":
        at = data.index(b"data\xf3\xac\xd3\x11") + 16
        data[at : at + 8] = struct.pack("<Q", 2 * 10**12)
    elif kind == "AU":
        data[8:12] = struct.pack(">I" if data[:4] == b".snd" else "<I", 0xFFFFFFF0)
    elif kind == "CAF":
        at = data.index(b"data") + 4
        data[at : at + 8] = struct.pack(">Q", 2 * 10**12)
    elif kind == "FLAC":
        data[21] |= 0x0F
        data[22:26] = b"\xff" * 4
    elif kind == "RF64":
        at = data.index(b"ds64") + 8
        data[at : at + 24] = struct.pack("<QQQ", 2 * 10**12, 2 * 10**12, 10**12)
    elif kind == "AIFF":
        at = data.index(b"COMM") + 10
        data[at : at + 4] = b"\xff" * 4
    return bytes(data)


def unfolding_flac(path: Path, hours: float) -> None:
    """Silence at 48 kHz in two channels: a megabyte that is gigabytes."""
    minute = np.zeros((48_000 * 60, 2), np.int16)
    with soundfile.SoundFile(path, "w", 48_000, 2, format="FLAC") as file:
        for _ in range(round(hours * 60)):
            file.write(minute)


def unfolding_mp3(minutes: int) -> bytes:
    """Frames of silence, again and again, without the header that would tell their number."""
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(RATE * 60, np.int16), RATE, format="MP3")
    frames = buffer.getvalue()
    second = frames.index(frames[:2], 4)
    return frames[second:] * minutes


def zip_bomb() -> bytes:
    """A hundred megabytes of nothing, zipped."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.wav", bytes(100 << 20))
    return buffer.getvalue()


def files(pwned: str, secret: str) -> dict[str, tuple[bytes, str]]:
    """Name, content and fate of every regular file; `secret` is audio elsewhere that none of them may be read from."""
    flac, ogg, mp3, wav = (good(kind=kind) for kind in ("FLAC", "OGG", "MP3", "WAV"))
    m4a, webm = encoded("ipod", "aac"), encoded("matroska", "libopus")
    packed = {"flac": flac, "ogg": ogg, "mp3": mp3, "m4a": m4a, "webm": webm}
    noise = np.random.default_rng(0).bytes(5_000)
    odd = np.array([np.nan, np.inf, -np.inf, 1e30, -1e38, 0.1] * 2_000, "<f4").tobytes()
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w"):
        pass
    made = {
        # Next to nothing.
        "0-bytes.wav": (b"", ERROR),
        "1-byte.wav": (b"R", ERROR),
        "1-byte.mp3": (b"\xff", ERROR),
        "1-sample.wav": (riff(1, RATE, b"\1\0"), EITHER),
        "0-samples.wav": (riff(1, RATE, b""), ERROR),
        # Headers that lie.
        **{f"claims.{kind.lower()}": (claiming(kind), EITHER) for kind in ("W64", "AU", "CAF", "FLAC", "RF64", "AIFF")},
        "claims.wav": (riff(1, RATE, wav[44:], claims=0xFFFFFFF0), EITHER),
        "0-hertz.wav": (riff(1, 0, wav[44:]), ERROR),
        "1-hertz.wav": (riff(1, 1, bytes(2 << 20)), ERROR),
        "2-gigahertz.wav": (riff(1, 2**31 - 1, bytes(2 << 20)), ERROR),
        "4-gigahertz.wav": (riff(1, 2**32 - 1, bytes(2 << 20)), ERROR),
        "768-kilohertz.wav": (good(0.6, rate=768_000), TEXT),
        "0-channels.wav": (riff(0, RATE, wav[44:]), ERROR),
        "64-channels.wav": (good(0.6, channels=64, rate=192_000), TEXT),
        "65-channels.wav": (good(0.6, channels=65), ERROR),
        "65535-channels.wav": (riff(65_535, RATE, bytes(2 << 20)), ERROR),
        "no-numbers.wav": (riff(1, RATE, odd, float_=True), TEXT),
        "all-nan.wav": (riff(1, RATE, np.full(9_600, np.nan, "<f4").tobytes(), float_=True), TEXT),
        # Unfolding.
        "silence.mp3": (unfolding_mp3(20), TEXT),
        "zip-bomb.wav": (zip_bomb(), ERROR),
        "gzip-bomb.flac": (gzip.compress(bytes(50 << 20)), ERROR),
        "tar.wav": (tar.getvalue(), ERROR),
        # Cut off, and overwritten.
        **{
            f"cut-{at}.{extension}": (data[: max(1, int(len(data) * at / 100))], EITHER)
            for extension, data in {"wav": wav, **packed}.items()
            for at in (1, 10, 50, 90)
        },
        **{
            f"overwritten.{extension}": (data[: len(data) // 3] + noise + data[len(data) // 2 :], EITHER)
            for extension, data in packed.items()
        },
        "noise.opus": (noise, ERROR),
        # Something else.
        "text.wav": ("これは音声ではありません。\n".encode() * 50, ERROR),
        "page.mp3": (b"<!DOCTYPE html><html><body>404</body></html>", ERROR),
        "picture.m4a": (b"\x89PNG\r\n\x1a\n" + noise, ERROR),
        "program.wav": (b"\x7fELF\2\1\1" + noise, ERROR),
        "pickle.wav": (pickle.dumps(Pwned(pwned)), ERROR),
        "array.wav": (
            b"\x93NUMPY\x01\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"
            + b" " * 60
            + b"\n"
            + pickle.dumps([Pwned(pwned)]),
            ERROR,
        ),
        "tag.mp3": (b"ID3\4\0\0" + bytes((50, 0, 0, 0)) + noise[:300], ERROR),
        "tag-before-audio.mp3": (b"ID3\4\0\0" + bytes((50, 0, 0, 0)) + mp3, EITHER),
        "video.mp4": (encoded("mp4", "mpeg4"), ERROR),
        "video.mkv": (encoded("matroska", "mpeg4"), ERROR),
        "atom.m4a": (m4a.replace(b"moov", b"moo\xff"), ERROR),
        "endless-atom.m4a": (struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 2**62) + noise, ERROR),
        "huge-table.m4a": (m4a.replace(b"stsz" + bytes(8), b"stsz" + bytes(4) + b"\x7f\xff\xff\xff"), EITHER),
        "nested-atoms.m4a": (b"\0\0\0\x14ftypM4A \0\0\0\0M4A " + b"\x7f\0\0\0moov" * 5_000, ERROR),
        "endless-element.mkv": (b"\x1aE\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe" + noise, ERROR),
        # Scripts that FFmpeg would follow.
        "concat.m4a": (f"ffconcat version 1.0\nfile {os.path.basename(secret)}\n".encode(), ERROR),
        "concat-up.m4a": (f"ffconcat version 1.0\nfile {secret}\n".encode(), ERROR),
        "playlist.m4a": (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode(),
            ERROR,
        ),
        "listen.m4a": (
            b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 97\n"
            b"a=rtpmap:97 L16/8000\n",
            ERROR,
        ),
        "beats.m4a": (b"-SE\n# SBaGen\noff: -\nts1: pink/40 100+1.5/50\nNOW ts1\n+24:00:00 off\n", ERROR),
    }
    names = (
        *("new\nline", "tab\tand\rreturn", "emoji😀", "quote'\"`$(id)", "-o", "--overwrite", " spaces ", "back\\slash"),
        *("右から\u202e左へ\u202c", "zero\u200bwidth", "line\u2028separator", "é", "e\u0301", "a" * 251, "あ" * 83),
        *(FORMULA.replace("/", ""), "@SUM(1)", "+1", MARKUP.replace("/", ""), ESCAPES, "%s%n%x", "CON", ".", ".."),
        *("{0..9}", "[a-z]", "*", "~root", "'; DROP TABLE x; --", "\udcff\udcfe invalid \udc83e\udc83X"),
    )
    made |= dict.fromkeys((f"{name}.wav" for name in names), (wav, TEXT))
    return made


def make_audio(folder: Path, pwned: str, secret: str) -> dict[str, str]:
    """Write the folder of files; gives what has to become of each, by id."""
    root = os.fspath(folder)
    os.makedirs(root)
    fates: dict[str, str] = {}
    for name, (content, fate) in files(pwned, secret).items():
        with open(os.path.join(root, name), "wb") as file:
            file.write(content)
        fates[name] = fate
    unfolding_flac(folder / "silence.flac", 1.0)
    fates["silence.flac"] = TEXT
    for name, target, fate in (
        ("dangling.wav", "nowhere.wav", ERROR),
        ("loop.wav", "loop.wav", ERROR),
        ("loop-a.wav", "loop-b.wav", ERROR),
        ("loop-b.wav", "loop-a.wav", ERROR),
        ("zero.wav", "/dev/zero", UNLISTED),
        ("random.wav", "/dev/urandom", UNLISTED),
        ("terminal.wav", "/dev/tty", UNLISTED),
        ("again", "../audio", UNLISTED),
        ("itself", ".", UNLISTED),
    ):
        os.symlink(target, os.path.join(root, name))
        fates[name] = fate
    os.mkfifo(os.path.join(root, "pipe.wav"))
    fates["pipe.wav"] = UNLISTED
    os.mkdir(os.path.join(root, "folder.wav"))
    fates["folder.wav"] = UNLISTED
    deep = os.path.join(root, *["d" * 100] * 15)
    os.makedirs(deep)
    with open(os.path.join(deep, "deep.wav"), "wb") as file:
        file.write(good())
    fates["/".join(["d" * 100] * 15) + "/deep.wav"] = TEXT
    here = os.getcwd()
    os.chdir(root)  # a socket's name may have a hundred bytes
    try:
        with socket.socket(socket.AF_UNIX) as unix:
            unix.bind("socket.wav")
    finally:
        os.chdir(here)
    fates["socket.wav"] = UNLISTED
    return fates
