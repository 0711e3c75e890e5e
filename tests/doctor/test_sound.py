"""The doctor tries every decoder, and hears when one gives back something else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from anime_whisper_ct2.audio import load
from anime_whisper_ct2.doctor.sound import FORMATS, Format, check_format, check_resampler, compare, tone
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.records import Audio, Float32
from tests.support.machines import BY_NAME, fails


class TestDecoders:
    @pytest.mark.parametrize("kind", FORMATS, ids=BY_NAME)
    def test_each_is_tried_and_works(self, kind: Format) -> None:
        check = check_format(kind)
        assert check.state == "ok", check

    def test_an_older_libsndfile_without_mp3_leaves_it_to_pyav(self) -> None:
        check = check_format(replace(BY_NAME["MP3"], encode=fails("Unknown format: 'MP3'")))
        assert check.state == "warning"
        assert "PyAV reads it" in check.found
        assert check.remedy.startswith('pip install --upgrade "soundfile')

    @pytest.mark.parametrize("name", ["WAV", "MP3"])
    def test_a_format_that_nothing_reads_fails(self, name: str) -> None:
        kind = BY_NAME[name]
        check = check_format(replace(kind, encode=fails("Unknown format"), spare=kind.spare and fails("no")))
        assert check.state == "failed"
        assert check.remedy.startswith('pip install --upgrade "soundfile')
        assert "Unknown format" in check.found

    @pytest.mark.parametrize(("package", "name"), [("av", "M4A (AAC)"), ("av", "WebM (Opus)"), ("soundfile", "MP3")])
    def test_a_package_that_is_absent_is_named(self, package: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        check = check_format(BY_NAME[name])
        assert check.state == "failed"
        assert package in check.found
        assert check.remedy.startswith(f'pip install --upgrade "{package}')

    def test_without_an_encoder_a_decoder_is_not_called_broken(self) -> None:
        check = check_format(replace(BY_NAME["M4A (AAC)"], encode=fails("aac")))
        assert check.state == "warning"
        assert "could not be tried" in check.found

    def test_a_decoder_that_refuses_fails_with_its_reason(self) -> None:
        def refuse(_: Audio) -> Float32:
            raise DecodeError("no decoder reads it")

        check = check_format(BY_NAME["WebM (Opus)"], refuse)
        assert (check.state, check.found) == ("failed", "no decoder reads it")
        assert check.remedy.startswith('pip install --upgrade "av')

    @pytest.mark.parametrize(
        ("spoil", "fault"),
        [
            (lambda x: x[: len(x) // 2], "0.5 s came back as 0.25 s"),
            (np.zeros_like, "a level of 0.30 came back as 0.00"),
            (lambda x: x * np.float32(2), "a level of 0.30 came back as 0.60"),
            (lambda x: np.concatenate([x[::2], x[::2]]), "440 Hz came back as 880 Hz"),
        ],
    )
    def test_sound_that_comes_back_altered_fails(self, spoil: Callable[[Float32], Float32], fault: str) -> None:
        assert compare(load_tone()) == ""
        assert compare(spoil(load_tone())) == fault
        check = check_format(BY_NAME["FLAC"], lambda audio: spoil(load(audio)))
        assert (check.state, check.found) == ("failed", fault)
        assert check_resampler(lambda audio: spoil(load(audio))).state == "failed"

    def test_the_resampler_is_tried(self) -> None:
        assert check_resampler().state == "ok"


def load_tone() -> Float32:
    return tone(16_000)
