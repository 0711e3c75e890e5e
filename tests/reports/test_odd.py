"""Files that are not quite what they are called."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.errors import DecodeError
from tests.reports.checks import heard_by_us
from tests.reports.kinds_wav import container
from tests.reports.oracle import RATE, agrees
from tests.reports.sounds import encode, speech, wav

_EXPECTED = speech(0.0, 3.0, RATE)[:, 0]


@pytest.mark.parametrize("scale", [32_768.0, 32_767.0, 8_000.0, float(1 << 23), float(1 << 31)])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_floats_that_count_like_integers_are_heard(tmp_path: Path, scale: float, subtype: str, channels: int) -> None:
    samples = speech(0.0, 3.0, RATE, channels) * np.float32(scale)
    heard = heard_by_us(wav(tmp_path / "a.wav", samples, RATE, subtype))
    assert not heard.flagged
    found = agrees(heard.samples, _EXPECTED)
    assert found, str(found)
    assert 1e-3 < np.abs(heard.samples).max() <= 1.0


@pytest.mark.parametrize("peak", [0.01, 1.0, 1.5, 4.0])
def test_floats_that_are_a_little_too_loud_stay_as_they_are(tmp_path: Path, peak: float) -> None:
    samples = speech(0.0, 3.0, RATE)
    samples *= np.float32(peak / np.abs(samples).max())
    heard = load(str(wav(tmp_path / "a.wav", samples, RATE, "FLOAT")))
    assert math.isclose(np.abs(heard).max(), peak, rel_tol=1e-3)


def test_a_scaled_stretch_is_scaled_like_the_whole(tmp_path: Path) -> None:
    path = str(wav(tmp_path / "a.wav", speech(0.0, 3.0, RATE) * np.float32(32_768), RATE, "FLOAT"))
    np.testing.assert_allclose(load(path, 1.0, 1.0), load(path)[RATE : 2 * RATE], atol=1e-6)


CAFS = {
    "a chunk of negative size": (lambda data: data[:8] + b"desc" + struct.pack(">q", -5) + data[20:]),
    "a chunk that ends nowhere": (lambda data: data[:8] + b"desc" + struct.pack(">q", 2**62) + data[20:]),
    "no description": (lambda data: data[:8] + b"free" + data[12:]),
    "only its first bytes": (lambda data: data[:8]),
    "half its description": (lambda data: data[:30]),
    "no sound": (lambda data: data[: data.index(b"data")]),
    "no rate": (lambda data: data[:20] + bytes(8) + data[28:]),
    "a rate that is no number": (lambda data: data[:20] + b"\x7f\xf8" + bytes(6) + data[28:]),
    "no channels": (lambda data: data[:44] + bytes(4) + data[48:]),
    "an unknown format": (lambda data: data[:28] + b"????" + data[32:]),
}


@pytest.mark.parametrize("how", CAFS)
def test_a_malformed_caf_is_one_line_or_heard(tmp_path: Path, how: str) -> None:
    path = container("caf", tmp_path / "a.caf")
    path.write_bytes(CAFS[how](path.read_bytes()))
    for source in (str(path), path.read_bytes()):
        message = ""
        try:
            samples = load(source)
        except DecodeError as error:
            message = str(error)
        assert "\n" not in message
        assert message or len(samples) >= 2.9 * RATE


@pytest.mark.parametrize("name", ["text.mp3", "text.wav", "text.m4a", "text.opus", "text.raw", "text", "text.ts"])
def test_text_is_said_to_be_no_sound_and_not_to_be_absent(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("これは音声ではありません。\nThis is no sound.\n" * 40, encoding="utf-8")
    for source in (str(path), path.read_bytes()):
        with pytest.raises(DecodeError) as caught:
            load(source)
        assert "does not exist" not in str(caught.value)
        assert "pipe" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.wav", "a.ogg", "a.m4a", "a.ts"])
@pytest.mark.ffmpeg
def test_a_name_that_says_another_format_is_no_matter(tmp_path: Path, name: str) -> None:
    for made in ("flac", "mp3", "m4a", "ogg"):
        path = encode(tmp_path / f"b.{made}", speech(0.0, 3.0, 44_100), 44_100)
        path.rename(tmp_path / name)
        heard = heard_by_us(tmp_path / name)
        assert not heard.flagged
        found = agrees(heard.samples, _EXPECTED)
        assert found, f"{made}: {found}"


def test_a_wav_of_no_numbers_is_silence_and_whole(tmp_path: Path) -> None:
    samples = np.full((RATE, 2), np.nan, np.float32)
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    heard = heard_by_us(tmp_path / "a.wav")
    assert not heard.flagged
    assert not heard.findings.antiphase
    np.testing.assert_array_equal(heard.samples, np.zeros(RATE, np.float32))
