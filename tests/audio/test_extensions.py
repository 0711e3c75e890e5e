"""What counts as audio by its extension is what the decoders open, and nothing that is usually something else."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.extensions import AUDIO, DEMUXERS, KALDI, MANIFESTS
from anime_whisper_ct2.extensions import CONTAINERS as HELD
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.content import AMBIGUOUS, is_audio
from tests.support.windows import ON_WINDOWS

# What FFmpeg's demuxers list beside: pictures, subtitles, links to other files, and scripts of many a program.
_NO_AUDIO = {"heic", "heif", "avif", "ism", "mks", "apl", "mac"}
_LIBSNDFILE = {
    "AIFF": "aiff", "AU": "snd", "AVR": "avr", "CAF": "caf", "FLAC": "flac", "HTK": "htk", "SVX": "iff", "MP3": "mp3",
    "OGG": "ogg", "PAF": "paf", "PVF": "pvf", "RF64": "rf64", "SDS": "sds", "IRCAM": "sf", "VOC": "voc", "W64": "w64",
    "WAV": "wav", "NIST": "nist", "WVE": "wve", "XI": "xi",
}  # fmt: skip


def demuxers() -> list[str]:
    return [name for name in DEMUXERS if av.format.ContainerFormat(name, "r").is_input]


def test_every_demuxer_is_one_of_ffmpegs() -> None:
    assert demuxers() == list(DEMUXERS)


@pytest.mark.parametrize("name", DEMUXERS)
def test_what_a_demuxer_lists_counts(name: str) -> None:
    assert set(av.format.ContainerFormat(name, "r").extensions) - _NO_AUDIO <= AUDIO


def test_what_libsndfile_lists_counts() -> None:
    # Without a header (RAW), in a file beside it (SD2), or in what is hardly ever sound (MAT, MPC2K).
    known = set(soundfile.available_formats()) - {"RAW", "SD2", "MAT4", "MAT5", "MPC2K", "WAVEX"}
    assert known == _LIBSNDFILE.keys()
    assert set(_LIBSNDFILE.values()) <= AUDIO


@pytest.mark.parametrize(("format_", "extension"), _LIBSNDFILE.items())
def test_what_libsndfile_writes_is_listed_by_its_beginning_too(format_: str, extension: str, tmp_path: Path) -> None:
    subtype = {"OGG": "VORBIS", "WVE": "ALAW", "XI": "DPCM_16", "MP3": None}.get(format_, "PCM_16")
    path = tmp_path / f"a.{extension.upper()}"
    soundfile.write(path, np.full(8000, 0.1), 8000, format=format_, subtype=subtype)
    assert [recording.id for recording in Corpus((str(tmp_path),))] == [path.name]


def test_it_is_nothing_that_is_read_otherwise_or_has_no_header() -> None:
    others = {"jpg", "png", "pdf", "lrc", "srt", "ass", "vtt", "m3u", "m3u8", "pls", "cue", "ram", "asx", "sdp"}
    raw = {"raw", "pcm", "dat", "bin", "mod", "aax", "mid", "midi", "mat", "sd2", "swf", "ac4"}
    assert AUDIO.isdisjoint((*HELD, *MANIFESTS, *KALDI, *others, *raw))
    assert all(extension == extension.lower() and "." not in extension for extension in AUDIO)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("app.ts", b"import { a } from './a';\n" * 100),
        ("ja.ts", "<?xml version='1.0'?><TS><source>声</source></TS>".encode()),
        ("wide.ts", "export {}".encode("utf-16")),
        ("x.d.mts", b"export declare const a: number;\r\n"),
        ("board.dts", b'/dts-v1/;\n/ {\n\tmodel = "x";\n};\n'),
        ("dog.asf", b"# AST/ASF file\n:version 1.10\n"),
        ("mesh.mlp", b"<!DOCTYPE MeshLabDocument>\n"),
        ("main.nut", b"function Main() {}\n"),
        ("words.voc", b"% WORD\nA  a\n"),
        ("reads.paf", b"r1\t100\t0\t100\t+\tt1\n"),
        ("cat.iff", b"FORM\0\0\1\0ILBCBMHD"),
        ("features.htk", b"\0\0\1\0\0\1\x86\xa0\0\x34\0\x09" + bytes(40)),
        ("raw.snd", b"\x80\x81\x7f\x80" * 40),
        ("CERT.SF", b"Signature-Version: 1.0\r\n"),
    ],
)
def test_what_only_has_the_name_of_audio_is_passed_over_on_a_disk(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert list(Corpus((str(tmp_path),))) == []
    assert Corpus((str(tmp_path),)).count() == 0
    assert is_audio(name, None)  # elsewhere, a look would cost more than an error
    assert [recording.id for recording in Corpus((str(tmp_path / name),))] == [name]


@pytest.mark.parametrize("extension", sorted(AMBIGUOUS & {"ts", "mts", "asf", "nut", "rm", "snd", "voc"}))
def test_what_is_audio_is_taken_though_others_use_the_name(extension: str, tmp_path: Path) -> None:
    muxers = {"ts": "mpegts", "mts": "mpegts", "snd": "au"}
    codecs = {"ts": "aac", "mts": "ac3", "asf": "pcm_s16le", "rm": "ac3", "snd": "pcm_s16be", "voc": "pcm_u8"}
    held = encoded(muxers.get(extension, extension), codecs.get(extension, "pcm_s16le"))
    (tmp_path / f"a.{extension}").write_bytes(held)
    (tmp_path / f"empty.{extension}").touch()  # nothing says that it is none; the run reports it
    expected = [f"a.{extension}", f"empty.{extension}"]
    if not ON_WINDOWS:  # where links are for administrators
        (tmp_path / f"gone.{extension}").symlink_to(tmp_path / "nowhere")
        expected.append(f"gone.{extension}")
    if extension == "ts":  # a recording may begin anywhere
        (tmp_path / "b.ts").write_bytes(held[100:])
        expected.append("b.ts")
    assert [recording.id for recording in Corpus((str(tmp_path),))] == sorted(expected)


def encoded(muxer: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=muxer) as container:
        stream = container.add_stream(codec, rate=48_000, layout="mono")
        silence = np.zeros((1, 24_000), np.int16)
        frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
