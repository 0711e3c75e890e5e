"""Tars on the spot, and what was read of them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from anime_whisper_ct2.readers.tar import tar_shard
from anime_whisper_ct2.records import Recording, Section, Unreadable

Content = tuple[str, bytes]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}
GALGAME = [
    ("00a1.ogg", b"OggS" + b"\x01" * 700),
    ("00a1.txt", "えっと、…".encode()),
    ("00b2.ogg", b"OggS" + b"\x02" * 508),
    ("00b2.txt", "そうなの?".encode()),
    ("00c3.ogg", b"OggS\x03"),
    ("00c3.txt", "ふふっ♪".encode()),
]


def packed(contents: Iterable[Content], format_: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format_, errors="surrogateescape") as tar:
        for name, data in contents:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def tar_gz(path: Path, *names: str) -> Path:
    """Write a packed tar with a clip of three bytes for each name; gives the path."""
    path.write_bytes(gzip.compress(packed((f"{name}.ogg", b"ogg") for name in names)))
    return path


def reader(folder: Path) -> Callable[..., list[Recording]]:
    """Give `read(contents, "x.tar.gz")`: it writes a tar's members, or bytes as they are, and gives what is read."""

    def read(given: bytes | list[Content], name: str = "x.tar") -> list[Recording]:
        path = folder / name
        raw = given if isinstance(given, bytes) else packed(given)
        path.write_bytes(next(c for end, c in COMPRESSORS.items() if name.endswith(end))(raw))
        return list(tar_shard(str(path), name))

    return read


def content(recording: Recording) -> bytes:
    audio = recording.audio
    if isinstance(audio, Section):
        with open(audio.path, "rb") as file:
            file.seek(audio.offset)
            return file.read(audio.size)
    assert isinstance(audio, bytes), audio
    return audio


def sound(recordings: list[Recording]) -> list[Recording]:
    return [recording for recording in recordings if not isinstance(recording.audio, Unreadable)]


def failures(recordings: list[Recording]) -> dict[str, str]:
    return {r.id: f"{r.audio.error}: {r.audio.message}" for r in recordings if isinstance(r.audio, Unreadable)}


def texts(recordings: list[Recording]) -> list[tuple[str, bytes, Any]]:
    return [(recording.id.partition("/")[2], content(recording), recording.meta) for recording in recordings]


EXPECTED = [
    (name, data, {"text": text.decode()}) for (name, data), (_, text) in zip(GALGAME[::2], GALGAME[1::2], strict=True)
]
