"""What a file's structure says before anything is decoded: promises, damage, and where recordings are joined."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.audio import Findings, blocks_of, info
from anime_whisper_ct2.audio.ogg import page_checksum
from anime_whisper_ct2.audio.source import Watched
from anime_whisper_ct2.audio.structure import parts_of
from tests.support.sounds import in_aac, tone

RATE = 16_000
KINDS = ("WAV", "RF64", "W64", "AIFF", "AU", "CAF", "NIST", "FLAC", "OGG")


def packed(kind: str, seconds: float = 2.0, rate: int = RATE, **options: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(seconds, rate), rate, format=kind, **options)
    return buffer.getvalue()


def heard(data: bytes | str) -> tuple[float, Findings]:
    findings = Findings()
    return sum(map(len, blocks_of(data, findings=findings))) / RATE, findings


def resized(wav: bytes, size: int, order: str = "<") -> bytes:
    """Give a WAV that claims so many bytes of samples."""
    at = wav.index(b"data") + 4
    return wav[:at] + struct.pack(order + "I", size) + wav[at + 4 :]


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_promises_what_it_holds(kind: str) -> None:
    (part,) = parts_of(packed(kind))
    assert not any((part.cut, part.damaged, part.missing_bytes, part.patches))
    seconds, findings = heard(packed(kind))
    assert seconds == pytest.approx(2.0, abs=0.01)
    assert not findings.incomplete


@pytest.mark.parametrize("kind", ["WAV", "RF64", "W64", "AIFF", "AU", "CAF", "NIST"])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_of_a_file_that_was_cut_the_missing_seconds_are_told(kind: str, share: float) -> None:
    data = packed(kind)
    seconds, findings = heard(data[: round(len(data) * share)])
    assert findings.incomplete
    assert seconds + findings.missing_s == pytest.approx(2.0, abs=0.01)
    assert info(data[: round(len(data) * share)]).frames is None


@pytest.mark.parametrize("kind", ["FLAC", "OGG"])
@pytest.mark.parametrize("share", [0.9, 0.6])
def test_a_compressed_file_that_was_cut_says_so(kind: str, share: float) -> None:
    data = packed(kind, 10.0)
    seconds, findings = heard(data[: round(len(data) * share)])
    assert findings.incomplete
    assert seconds <= 10.0


def test_a_cut_behind_long_chunks_is_seen() -> None:
    data = packed("WAV")
    at = data.index(b"data")
    long = data[:at] + b"LIST" + struct.pack("<I", 100_000) + bytes(100_000) + data[at:]
    assert not heard(long)[1].incomplete
    assert heard(long[:-32_000])[1].missing_s == pytest.approx(1.0, abs=0.001)


@pytest.mark.parametrize("kinds", [("WAV", "WAV"), ("WAV", "FLAC"), ("FLAC", "FLAC"), ("OGG", "OGG"), ("AIFF", "AIFF")])
@pytest.mark.parametrize("rates", [(RATE, RATE), (RATE, 44_100), (44_100, 8_000)])
def test_joined_files_are_heard_one_behind_the_other(kinds: tuple[str, str], rates: tuple[int, int]) -> None:
    data = b"".join(packed(kind, 1.5, rate) for kind, rate in zip(kinds, rates, strict=True))
    seconds, findings = heard(data)
    assert seconds == pytest.approx(3.0, abs=0.01)
    assert not findings.incomplete
    assert info(data).frames is None  # the header counts the first only


def test_joined_mp4_is_heard_one_behind_the_other(tmp_path: Path) -> None:
    data = Path(in_aac(tmp_path / "a.m4a", 1.5)).read_bytes()
    seconds, findings = heard(data + data)
    assert seconds == pytest.approx(2 * heard(data)[0], abs=0.01)
    assert not findings.incomplete


PLACEHOLDERS = (0, 0x4000_0000, 2_000_000_000, 0x7FFF_F000, 0x7FFF_FFFF, 0x7FFF_FFDB, 0x8000_0000, 0xFFFF_FFFF)


@pytest.mark.parametrize("size", [*PLACEHOLDERS, 0xFFFF_FF00, 0x7FFF_EFFE])
@pytest.mark.parametrize("form", [b"RIFF", b"RIFX"])
def test_a_size_that_nobody_knew_is_no_promise(size: int, form: bytes) -> None:
    data = packed("WAV", endian="BIG" if form == b"RIFX" else "LITTLE")
    assert data[:4] == form
    seconds, findings = heard(resized(data, size, ">" if form == b"RIFX" else "<"))
    assert seconds == pytest.approx(2.0, abs=0.001)
    assert not findings.incomplete


def test_a_size_of_gigabytes_that_is_not_round_is_a_promise() -> None:
    assert heard(resized(packed("WAV"), 1_234_567_890))[1].incomplete


def test_a_size_that_wrapped_at_four_gibibytes_is_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / "day.wav"
    header = packed("WAV")[:44]
    with path.open("wb") as file:
        file.write(resized(header, 6 * 32_000))
        file.truncate(44 + (1 << 32) + 6 * 32_000)  # sparse: only the header takes room
    (part,) = parts_of(str(path))
    assert part.endless
    assert not part.missing_bytes


TAILS: dict[str, bytes] = {
    "a list": b"LIST" + struct.pack("<I", 26) + b"INFOINAM" + struct.pack("<I", 14) + b"a line of text",
    "a tag": b"TAG" + bytes(125),
    "zeros": bytes(4096),
    "an id3 chunk": b"id3 " + struct.pack("<I", 2000) + bytes(2000),
}


@pytest.mark.parametrize("tail", TAILS)
def test_what_stands_behind_the_sound_is_no_sound(tail: str) -> None:
    seconds, findings = heard(packed("WAV") + TAILS[tail])
    assert seconds == pytest.approx(2.0, abs=0.001)
    assert not findings.incomplete


def test_sound_behind_the_size_in_a_header_is_missed() -> None:
    seconds, findings = heard(resized(packed("WAV"), 32_000))
    assert seconds == pytest.approx(1.0, abs=0.001)
    assert findings.missing_s == pytest.approx(1.0, abs=0.001)


def pages(data: bytes) -> list[bytes]:
    return [b"OggS" + page for page in data.split(b"OggS")[1:]]


def summed(page: bytes) -> bytes:
    return page[:22] + page_checksum(page) + page[26:]


OGG_DAMAGE: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a page lost": lambda all_: all_[:4] + all_[5:],
    "a page damaged": lambda all_: [*all_[:4], all_[4][:200] + b"\0\0\0\0" + all_[4][204:], *all_[5:]],
    "junk between": lambda all_: [*all_[:4], b"junk" * 50, *all_[4:]],
    "the last page lost": lambda all_: all_[:-1],
    "half the last page": lambda all_: [*all_[:-1], all_[-1][: len(all_[-1]) // 2]],
}


@pytest.mark.parametrize("how", OGG_DAMAGE)
def test_damage_to_ogg_is_seen(how: str) -> None:
    whole = pages(packed("OGG", 10.0))
    assert len(whole) > 6
    (part,) = parts_of(b"".join(OGG_DAMAGE[how](whole)))
    assert part.damaged or part.cut


@pytest.mark.parametrize("how", ["a page lost", "a page damaged"])
def test_behind_a_lost_page_of_ogg_all_is_in_its_place(how: str) -> None:
    whole = pages(packed("OGG", 10.0))
    findings = Findings()
    samples = np.concatenate(list(blocks_of(b"".join(OGG_DAMAGE[how](whole)), findings=findings)))
    assert len(samples) / RATE == pytest.approx(10.0, abs=0.01)
    assert 0 < findings.missing_s < 5
    expected = np.concatenate(list(blocks_of(b"".join(whole))))
    silent = np.flatnonzero(np.abs(samples) < 1e-6)
    # But for the first frame, which lacks the one before.
    np.testing.assert_allclose(samples[silent[-1] + 1_100 :], expected[silent[-1] + 1_100 :], atol=1e-4)
    np.testing.assert_allclose(samples[: silent[0] - 600], expected[: silent[0] - 600], atol=1e-4)


def test_an_ogg_that_was_joined_while_it_was_on_the_air_is_whole() -> None:
    whole = pages(packed("OGG", 10.0))
    headers = next(number for number, page in enumerate(whole) if page[6:14] not in (bytes(8), b"\xff" * 8))
    seconds, findings = heard(b"".join(whole[:headers] + whole[headers + 1 :]))
    assert seconds < 10.0
    assert not findings.incomplete


def test_frames_behind_the_end_of_a_flac_are_heard_and_flagged() -> None:
    first, second = packed("FLAC"), packed("FLAC", 10.0)
    seconds, findings = heard(first + second[len(second) // 2 :])
    assert seconds > 5.5
    assert findings.incomplete  # what was before them is not there


def test_noise_behind_the_end_of_a_flac_is_not_heard() -> None:
    noise = np.random.default_rng(0).bytes(100_000)
    assert heard(packed("FLAC") + noise)[0] == pytest.approx(2.0, abs=0.3)


def test_a_flac_that_breaks_off_behind_its_first_block_is_heard_once_and_to_its_cut() -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(130.0, 8_000), 8_000, format="FLAC")
    whole = np.concatenate(list(blocks_of(buffer.getvalue())))
    findings = Findings()
    torn = np.concatenate(list(blocks_of(buffer.getvalue()[:-400_000], findings=findings)))
    assert 80 < len(torn) / RATE < 110
    # But for its last few samples, where a resampler has nothing to look ahead to.
    np.testing.assert_allclose(torn[:-200], whole[: len(torn) - 200], atol=1e-4)
    assert len(torn) / RATE + findings.missing_s == pytest.approx(130.0, abs=0.01)


class Counting(io.BytesIO):
    """A file that counts the bytes that are read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.given += len(data)
        return data


HOSTILE = {
    "marks of pages": b"OggS\0\0" * 100_000,
    "headers of pages": (b"OggS\0\0" + bytes(20) + b"\xff") * 30_000,
    "marks of FLAC": b"fLaC" * 200_000,
    "chunks of nothing": b"RIFF\xff\xff\xff\x7fWAVE" + b"LIST\0\0\0\0" * 100_000,
    "boxes of nothing": b"\0\0\0\x08free" * 100_000,
    "headers of AU": b".snd" + bytes(8) + b".snd" * 100_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_file_that_is_nothing_but_marks_is_not_read_over_and_over(kind: str) -> None:
    file = Counting(HOSTILE[kind])
    parts = parts_of(Watched(file))
    assert len(parts) <= 10_001
    assert file.given < 1_500 * len(HOSTILE[kind])


def test_a_tag_of_mp3s_before_a_wav_is_passed_over() -> None:
    seconds, findings = heard(b"ID3\x03\x00\x00\x00\x00\x00\x14" + bytes(20) + packed("WAV"))
    assert seconds == 2.0
    assert not findings.incomplete


@pytest.mark.parametrize("at", range(240, 256))
def test_a_count_of_frames_where_none_stands_is_none(at: int) -> None:
    frame = bytearray(b"\xff\xfb\x90\x64" + bytes(413))
    frame[at : at + 4] = b"Xing"
    assert parts_of(bytes(frame))[0].end_s is None


def test_a_count_of_more_frames_than_the_file_has_bytes_is_none() -> None:
    frame = b"\xff\xfb\x90\x64" + bytes(32) + b"Xing" + b"\0\0\0\x01" + b"\xff" * 4 + bytes(369)
    assert parts_of(frame)[0].end_s is None
    assert parts_of(frame[:44] + b"\0\0\0\x0a" + frame[48:])[0].end_s == pytest.approx(10 * 1152 / 44_100)


def test_a_file_that_gives_less_at_a_time_is_whole() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000) if size and size > 0 else 1000)

    (part,) = parts_of(Watched(Slow(packed("OGG", 10.0))))
    assert not part.damaged
    assert not part.cut


CUT_ANYWHERE = {kind: packed(kind, 0.5) for kind in (*KINDS, "MP3")} | {
    "OPUS": packed("OGG", 0.5, 48_000, subtype="OPUS"),
    "SPEEX": b"".join(
        summed(b"OggS\0\x02" + bytes(20) + b"\x01" + bytes([len(packet)]) + packet)
        for packet in (b"Speex   " + bytes(10), b"\x01vorbis" + bytes(5), b"OpusHead", b"\x7fFLAC")
    ),
}


@pytest.mark.parametrize("kind", CUT_ANYWHERE)
def test_a_file_that_was_cut_anywhere_has_a_structure(kind: str) -> None:
    data = CUT_ANYWHERE[kind]
    for cut in (*range(1, min(200, len(data))), *range(200, len(data), 97), len(data)):
        assert parts_of(data[:cut])[-1].end == cut


@pytest.mark.parametrize("name", ["a.m4a", "a.mkv", "a.ts", "a.flv", "a.avi"])
def test_a_video_container_that_was_cut_anywhere_has_a_structure(tmp_path: Path, name: str) -> None:
    codec = "mp2" if name == "a.avi" else "aac"
    data = Path(in_aac(tmp_path / name, 0.5, codec=codec)).read_bytes()
    for cut in (*range(1, 600), *range(600, len(data), 97), len(data)):
        assert parts_of(data[:cut])[-1].end == cut
