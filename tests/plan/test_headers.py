"""A header tells length and size without the sound, and is believed where it can be true."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import pytest
import soundfile

from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.plan.headers import Header, header_of
from anime_whisper_ct2.records import Excerpt
from tests.support.sounds import tone

CPU = EngineOptions(device="cpu")
FIT = DecodingOptions(window="fit", tail_s=2.0)
NO_MODEL = "nobody/no-model"


class TestHeaders:
    def test_a_stretch_takes_its_part_of_the_file(self, corpus: Path) -> None:
        whole = header_of(str(corpus / "6.wav"))
        assert whole.length_s == 3.0
        stretch = header_of(Excerpt(str(corpus / "6.wav"), 1.0, 1.5))
        assert stretch == Header(1.5, round(whole.bytes / 2))
        assert header_of(Excerpt(str(corpus / "6.wav"), 2.0)).length_s == 1.0

    def test_what_is_no_audio_is_unreadable(self, tmp_path: Path) -> None:
        (tmp_path / "no.ogg").write_bytes(b"OggS and no more")
        assert header_of(str(tmp_path / "no.ogg")) == Header(0.0, 16, unreadable=True)
        assert header_of(str(tmp_path / "absent.ogg")).unreadable

    @pytest.mark.posix("named pipes")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.wav")
        assert header_of(str(tmp_path / "pipe.wav")).unreadable

    def test_a_header_that_claims_years_is_not_believed(self) -> None:
        file = io.BytesIO()
        soundfile.write(file, tone(0.5), 16_000, format="FLAC")
        data = bytearray(file.getvalue())
        assert header_of(bytes(data)).length_s == 0.5
        # The 36 bits behind the rate, the channels and the depth in STREAMINFO count the samples.
        (packed,) = struct.unpack_from(">Q", data, 18)
        struct.pack_into(">Q", data, 18, packed >> 36 << 36 | (1 << 36) - 2)
        assert header_of(bytes(data)).length_s is None
