"""Whatever is wrong with a tar is a recording that says so, and what came before it is read."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anime_whisper_ct2.readers.tar import tar_shard
from anime_whisper_ct2.records import Recording, Section, Unreadable
from tests.support.tars import COMPRESSORS, EXPECTED, GALGAME, content, failures, packed, reader, sound, texts

BLOCKS = 13  # of 512 bytes, without the end mark


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Recording]]:
    return reader(tmp_path)


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_a_tar_that_breaks_off_gives_what_came_before_and_says_where(tmp_path: Path, ending: str) -> None:
    raw = COMPRESSORS[ending](packed(GALGAME))
    end = 512 * BLOCKS + 1 if ending == ".tar" else len(raw)
    path = tmp_path / ("x" + ending)
    given = [row[:2] for row in EXPECTED]
    for length in sorted({*range(0, end, 512), *range(7, end, 97 if ending == ".tar" else 13)} | {end - 1}):
        path.write_bytes(raw[:length])
        recordings = list(tar_shard(str(path), "x"))
        found = [row[:2] for row in texts(sound(recordings))]
        assert found == given[: len(found)]
        assert recordings[-1].id == "x"
        assert recordings[-1].audio.error == "TarError"  # type: ignore[union-attr]
        if found:
            assert "after member" in failures(recordings)["x"]


def test_a_member_that_the_archive_ends_inside_fails_with_the_archive(read: Any) -> None:
    for raw, name in ((packed(GALGAME)[:600], "x.tar"), (gzip.compress(packed(GALGAME)[:600]), "y.tar")):
        found = failures(read(raw, name))
        assert list(found) == [f"{name}/00a1.ogg", name]
        assert "ends inside it" in found[f"{name}/00a1.ogg"]
        assert "after member 1, '00a1.ogg'" in found[name]


def test_a_tar_without_its_end_mark_may_have_been_cut_off(read: Any) -> None:
    recordings = read(packed(GALGAME)[: 512 * BLOCKS])
    assert texts(sound(recordings)) == EXPECTED
    assert "no end mark after member 6, '00c3.txt'" in failures(recordings)["x.tar"]


def test_a_damaged_header_ends_the_archive_by_name(read: Any) -> None:
    raw = bytearray(packed(GALGAME))
    at = raw.index(b"00b2.ogg")
    raw[at] ^= 1
    recordings = read(bytes(raw))
    assert texts(sound(recordings)) == EXPECTED[:1]
    assert "after member 2, '00a1.txt': damaged header" in failures(recordings)["x.tar"]


@pytest.mark.parametrize("at", [-8, -4, 200])
def test_damaged_compression_is_found(tmp_path: Path, at: int) -> None:
    raw = bytearray(gzip.compress(packed([("a.ogg", os.urandom(5000)), ("b.ogg", b"b")])))
    raw[at] ^= 0xFF
    (tmp_path / "x.tar.gz").write_bytes(raw)
    recordings = list(tar_shard(str(tmp_path / "x.tar.gz"), "x"))
    assert recordings[-1].id == "x"
    assert isinstance(recordings[-1].audio, Unreadable)


def with_size(raw: bytes, field: bytes) -> bytes:
    """Put a size into the first header, and make its checksum right."""
    header = bytearray(raw[:512])
    header[124:136] = field
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + raw[512:]


@pytest.mark.parametrize("name", ["a.ogg", "x" * 200 + ".ogg"])
@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
@pytest.mark.parametrize("size", [-512, -1, 1 << 40, (1 << 88) - 1])
def test_sizes_that_lie_neither_hang_nor_fill_the_memory(read: Any, name: str, ending: str, size: int) -> None:
    field = (b"\xff" if size < 0 else b"\x80") + (size % (1 << 88)).to_bytes(11, "big")
    tracemalloc.start()
    recordings = read(with_size(packed([(name, b"a")]), field), "x" + ending)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert recordings[-1].id == "x" + ending
    assert not sound(recordings)
    assert peak < 20e6


def test_a_size_below_zero_in_a_pax_record_is_refused(read: Any) -> None:
    raw = packed([("a.ogg", b"a"), ("長" * 100 + ".ogg", b"b")], tarfile.PAX_FORMAT)
    member = tarfile.TarInfo("b.ogg")
    member.pax_headers = {"size": "-2048"}
    raw = packed([("a.ogg", b"a")])[:1024] + member.tobuf(tarfile.PAX_FORMAT) + b"\0" * 1024
    recordings = read(raw)
    assert texts(sound(recordings)) == [("a.ogg", b"a", {})]
    assert "x.tar" in failures(recordings)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"\0" * 10240, "no audio"),
        (packed([]), "no audio"),
        (packed([("a.txt", b"a")]), "no audio"),
        (b"PK\x03\x04" * 1000, "cannot be read as a tar"),
        (b"short", "cannot be read as a tar"),
        (b"\x1f\x8bshort", "cannot be read as a tar"),
        (gzip.compress(b"", mtime=0), "cannot be read as a tar"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 600, "Zstandard"),
    ],
)
def test_what_is_no_tar_or_holds_no_audio_is_one_recording_that_fails(read: Any, raw: bytes, reason: str) -> None:
    (recording,) = read(raw)
    assert recording.id == "x.tar"
    assert reason in failures([recording])["x.tar"]


@pytest.mark.parametrize("path", ["absent.tar", "memory://test-tar/absent.tar"])
def test_a_shard_that_cannot_be_opened_is_one_recording_that_fails(tmp_path: Path, path: str) -> None:
    path = path if "://" in path else str(tmp_path / path)
    (recording,) = tar_shard(path, "x")
    assert recording.id == "x"
    assert "cannot be opened" in failures([recording])["x"] or "no such file" in failures([recording])["x"]


def test_a_download_that_breaks_off_gives_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 2048:
                raise ConnectionResetError(104, "Connection reset by peer")
            return super().read(min(size or 0, 2048 - self.tell()))

    monkeypatch.setattr("anime_whisper_ct2.readers.archive.open_stream", lambda _: Breaking(packed(GALGAME)))
    recordings = list(tar_shard("https://user:secret@example.org/x.tar?signature=secret", "x.tar"))
    assert [recording.id for recording in sound(recordings)] == ["x.tar/00a1.ogg"]
    assert "after member 1" in failures(recordings)["x.tar"] or "after member 2" in failures(recordings)["x.tar"]
    assert "Connection reset" in failures(recordings)["x.tar"]
    assert "secret" not in repr(recordings)


@settings(max_examples=150)
@given(data=st.data())
def test_no_bytes_raise_and_ids_never_repeat(read: Any, data: st.DataObject) -> None:
    raw = bytearray(packed(GALGAME, data.draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))))
    if data.draw(st.booleans()):
        raw = bytearray(data.draw(st.binary(max_size=3000)))
    for _ in range(data.draw(st.integers(0, 5)) if raw else 0):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + 1] = data.draw(st.binary(max_size=3))
        if not raw:
            break
    recordings = read(bytes(raw), data.draw(st.sampled_from(["x.tar", "x.tar.gz"])))
    assert recordings
    ids = [recording.id for recording in recordings]
    assert len(ids) == len(set(ids))
    for recording in sound(recordings):
        assert not isinstance(recording.audio, Section) or len(content(recording)) == recording.audio.size
