"""Any file, rate and channel count becomes 16 kHz mono; what is no audio says why."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from anime_whisper_ct2.audio import blocks_of, load
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.records import ArrayAudio
from tests.conftest import tone


def written(path: Path, samples: np.ndarray, rate: int, **options: str) -> str:
    soundfile.write(path, samples, rate, **options)
    return str(path)


def in_aac(path: Path, seconds: float, rate: int = 44_100) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate)[None, :], format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_16_khz_mono_comes_through_unchanged(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, tone(1.0), 16_000)
    np.testing.assert_array_equal(load(path), soundfile.read(path, dtype="float32")[0])


@pytest.mark.parametrize(
    ("name", "rate"), [("a.wav", 48_000), ("a.flac", 44_100), ("a.ogg", 16_000), ("a.mp3", 44_100)]
)
def test_other_rates_are_resampled_in_one_go(tmp_path: Path, name: str, rate: int) -> None:
    path = written(tmp_path / name, tone(1.5, rate), rate)
    native, native_rate = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(load(path), soxr.resample(native, native_rate, 16_000), atol=1e-6)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(0.5), tone(0.5, hertz=330.0)
    path = written(tmp_path / "a.wav", np.stack([left, right], axis=1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(load(path), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.mkv"])
def test_what_libsndfile_cannot_read_goes_through_ffmpeg(tmp_path: Path, name: str) -> None:
    samples = load(in_aac(tmp_path / name, 2.0))
    assert abs(len(samples) / 16_000 - 2.0) < 0.1
    spectrum = np.abs(np.fft.rfft(samples[8_000:24_000]))
    assert np.argmax(spectrum) == 220  # bins of 1 Hz


def test_bytes_and_arrays_decode_like_the_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac", tone(1.0, 44_100), 44_100)
    native, rate = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(load(Path(path).read_bytes()), load(path))
    np.testing.assert_array_equal(load(ArrayAudio(native, rate)), load(path))


def test_integer_samples_are_scaled(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(0.3), 16_000, subtype="PCM_16")
    integers, rate = soundfile.read(path, dtype="int16")
    np.testing.assert_allclose(load(ArrayAudio(integers, rate)), load(path), atol=1e-6)


def test_a_long_recording_comes_in_blocks_that_join_to_the_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", tone(130.0, 8_000), 8_000)
    blocks = list(blocks_of(path))
    whole = soxr.resample(soundfile.read(path, dtype="float32")[0], 8_000, 16_000)
    assert len(blocks) == 3
    assert max(len(block) for block in blocks) <= 61 * 16_000
    joined = np.concatenate(blocks)
    assert abs(len(joined) - len(whole)) <= 1
    np.testing.assert_allclose(joined[: len(whole)][:-100], whole[: len(joined)][:-100], atol=1e-4)


def test_what_is_no_number_is_silence(tmp_path: Path) -> None:
    samples = tone(0.1)
    samples[100] = np.nan
    samples[200] = np.inf
    loaded = load(written(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT"))
    assert np.isfinite(loaded).all()
    assert loaded[100] == 0.0


def test_a_truncated_file_gives_what_it_holds_or_says_where_it_ends(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "a.wav", tone(2.0), 16_000))
    path.write_bytes(path.read_bytes()[: 44 + 16_000])
    assert len(load(str(path))) == 8_000  # its header claims 32,000


def test_a_header_that_claims_a_trillion_samples_costs_no_memory(tmp_path: Path) -> None:
    path = Path(written(tmp_path / "a.wav", tone(0.1), 16_000))
    raw = bytearray(path.read_bytes())
    raw[40:44] = b"\xf0\xff\xff\xff"
    raw[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    assert len(load(str(path))) <= 1_700


def test_a_flac_from_a_pipe_and_a_wav_of_a_broken_recorder_are_read(tmp_path: Path) -> None:
    flac = bytearray(Path(written(tmp_path / "a.flac", tone(1.0), 16_000)).read_bytes())
    flac[21] &= 0xF0  # STREAMINFO: the low 36 bits of bytes 21 to 25 count the samples; 0 is "unknown"
    flac[22:26] = bytes(4)
    assert len(load(bytes(flac))) == 16_000
    wav = bytearray(Path(written(tmp_path / "a.wav", tone(1.0), 16_000)).read_bytes())
    wav[40:44] = bytes(4)
    (tmp_path / "b.wav").write_bytes(wav)
    assert abs(len(load(str(tmp_path / "b.wav"))) - 16_000) <= 1


@pytest.mark.parametrize("suffix", [b".wav", b".m4a"])
def test_names_that_are_not_utf_8_are_opened(tmp_path: Path, suffix: bytes) -> None:
    made = in_aac(tmp_path / "a.m4a", 1.0) if suffix == b".m4a" else written(tmp_path / "a.wav", tone(1.0), 16_000)
    name = os.path.join(os.fsencode(tmp_path), b"\x83e\x83X" + suffix)
    os.rename(made, name)
    assert len(load(os.fsdecode(name))) >= 16_000


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda path: None, "No such file"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "text": (lambda path: path.write_text("これは音声ではありません" * 30), "no decoder reads it"),
    "zeros": (lambda path: path.write_bytes(bytes(5_000)), "no decoder reads it"),
    "a folder": (lambda path: path.mkdir(), "directory"),
    "only a header": (lambda path: soundfile.write(path, np.zeros(0, np.float32), 16_000), "no samples"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_audio_says_why(tmp_path: Path, kind: str) -> None:
    make, reason = BROKEN[kind]
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(DecodeError, match=reason):
        load(str(path))


@pytest.mark.parametrize("samples", [np.zeros((2, 3, 4), np.float32), np.array(["a"]), np.zeros(0, np.float32)])
def test_arrays_that_are_no_sound_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(DecodeError):
        load(ArrayAudio(samples, 16_000))
