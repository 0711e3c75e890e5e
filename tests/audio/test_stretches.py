"""A stretch of a recording is what a whole decode has there, however it is found."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.audio import load, write_blocks
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.records import ArrayAudio
from tests.support.sounds import in_aac, native, stereo, tone, written


def in_mp2(path: Path, seconds: float, hertz: float) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp2", rate=44_100, layout="mono")
        turns = 2 * np.pi * hertz / 44_100 * np.arange(round(seconds * 44_100))
        samples = (np.sin(turns) * 16_000).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 44_100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_stretch_holds_the_samples_that_lie_there(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, stereo(3.0, 44_100), 44_100)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    part = native(path, 1.0, 0.5)
    np.testing.assert_allclose(part, whole[44_100 : 44_100 + 22_050], atol=1e-6)
    np.testing.assert_allclose(native(path), whole, atol=1e-6)
    # Two decoders of Vorbis differ in the last bits.
    np.testing.assert_allclose(native(path)[44_100:66_150], part, atol=0 if name != "a.ogg" else 1e-6)
    np.testing.assert_array_equal(native(Path(path).read_bytes(), 1.0, 0.5), part)
    # Resampled with what is around it, it is what the whole recording has there.
    np.testing.assert_allclose(load(path, 1.0, 0.5), load(path)[16_000:24_000], atol=1e-6)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.aac", "aac"), ("a.m4a", "alac")])
@pytest.mark.parametrize("start_s", [0.5, 7.123])
def test_a_stretch_that_ffmpeg_seeks_is_the_one_that_it_finds_by_decoding_all(
    tmp_path: Path, name: str, codec: str, start_s: float
) -> None:
    path = in_aac(tmp_path / name, 9.0, codec=codec)
    at = round(start_s * 44_100)
    sought, expected = native(path, start_s, 0.75), native(path)[at : at + round(0.75 * 44_100)]
    assert sought.shape == expected.shape
    # AAC may put noise of its own where it heard some; one sample beside would be forty times as much.
    assert np.abs(sought - expected).mean() < 1e-4


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 32_000, 44_100, 48_000])
@pytest.mark.parametrize(("start_s", "length_s"), [(0.0, 1.0), (0.013, 0.5), (1.234, 0.4), (1.9, 0.1), (1.5, 9.0)])
def test_a_stretch_is_resampled_to_what_the_whole_recording_has_there(
    rate: int, start_s: float, length_s: float
) -> None:
    audio = ArrayAudio(stereo(2.0, rate), rate)
    whole = load(audio)
    first, last = round(start_s * 16_000), round((start_s + length_s) * 16_000)
    np.testing.assert_allclose(load(audio, start_s, length_s), whole[first:last], atol=1e-6)


def test_a_stretch_that_ends_with_its_recording_but_for_the_rounding_has_all_of_it() -> None:
    audio = ArrayAudio(tone(2.0005), 16_000)
    np.testing.assert_array_equal(load(audio, 1.0, 1.0), load(audio)[16_000:])
    assert len(load(ArrayAudio(tone(2.01), 16_000), 1.0, 1.0)) == 16_000


def test_a_stretch_of_joined_files_is_found_again_where_stamps_come_twice(tmp_path: Path) -> None:
    first, second = (Path(in_mp2(tmp_path / f"{hertz}.ts", 40.0, hertz)).read_bytes() for hertz in (300.0, 1000.0))
    path = tmp_path / "joined.ts"
    path.write_bytes(first + second)
    whole = load(str(path))
    for start_s in (5, 25, 38, 45, 65, 78):
        np.testing.assert_allclose(load(str(path), start_s, 1.0), whole[start_s * 16_000 :][:16_000], atol=1e-3)


@pytest.mark.parametrize("name", ["a.mp3", "a.ogg", "a.flac", "a.m4a", "a.aac"])
def test_stretches_are_the_same_whatever_was_decoded_before(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name in ("a.m4a", "a.aac"):
        in_aac(path, 90.0)
    else:
        kind = {".ogg": "ogg", ".flac": "flac"}.get(path.suffix)
        samples = tone(90.0, 44_100)
        if kind is None:
            written(path, samples, 44_100)
        else:
            write_blocks(str(path), [samples[:, None]], 44_100, 1, kind)  # type: ignore[arg-type] # a parameter
    data = path.read_bytes()
    for start_s in (70.0, 41.5, 12.3, 80.01, 33.3):
        np.testing.assert_allclose(load(str(path), start_s, 0.5), load(data, start_s, 0.5), atol=1e-3)


def test_a_stretch_of_an_array_is_a_slice() -> None:
    samples = stereo(2.0, 8_000)
    np.testing.assert_array_equal(native(ArrayAudio(samples, 8_000), 0.5, 0.25), samples[4_000:6_000])
    np.testing.assert_array_equal(native(ArrayAudio(samples, 8_000), 1.5), samples[12_000:])


@pytest.mark.parametrize("name", ["a.wav", "a.ogg", "a.m4a"])
def test_a_stretch_ends_where_the_recording_ends(tmp_path: Path, name: str) -> None:
    path = in_aac(tmp_path / name, 2.0) if name == "a.m4a" else written(tmp_path / name, tone(2.0, 44_100), 44_100)
    whole = native(path)
    np.testing.assert_allclose(native(path, 1.5, 100.0), whole[66_150:], atol=0 if name != "a.ogg" else 1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.m4a"])
@pytest.mark.parametrize("start_s", [2.5, 3_600.0])
def test_a_stretch_behind_the_end_says_so(tmp_path: Path, name: str, start_s: float) -> None:
    path = in_aac(tmp_path / name, 2.0) if name == "a.m4a" else written(tmp_path / name, tone(2.0, 44_100), 44_100)
    for read in (load, native):
        with pytest.raises(DecodeError, match=rf"stretch from {start_s:.3f} s on holds no samples; .* ended before"):
            read(path, start_s, 1.0)


@pytest.mark.parametrize("stretch", [(-1.0, 1.0), (float("nan"), 1.0), (0.0, 0.0), (0.0, -2.0), (1.0, float("inf"))])
def test_times_that_are_no_stretch_are_refused(stretch: tuple[float, float]) -> None:
    with pytest.raises(DecodeError, match="no stretch"):
        load(ArrayAudio(tone(1.0), 16_000), *stretch)


@pytest.mark.parametrize("lands", ["raises", "elsewhere"])
def test_a_file_that_cannot_be_sought_in_is_decoded_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lands: str
) -> None:
    def seek(self: soundfile.SoundFile, frames: int, whence: int = 0) -> int:
        if whence or misled:  # soundfile's own, about where it stands
            return cast(int, right(self, frames, whence))
        misled.append(frames)
        if lands == "raises":
            raise soundfile.LibsndfileError(39)
        return cast(int, right(self, frames - 100, whence))

    path = written(tmp_path / "a.wav", stereo(3.0, 44_100), 44_100)
    expected = native(path)[44_100:66_150]
    right = soundfile.SoundFile.seek
    misled: list[int] = []
    monkeypatch.setattr(soundfile.SoundFile, "seek", seek)
    np.testing.assert_array_equal(native(path, 1.0, 0.5), expected)
    assert misled == [44_100]


@pytest.mark.parametrize("seconds", [0.5, 4.0, 30.0])
def test_frames_of_another_flac_behind_the_end_lead_no_stretch_astray(tmp_path: Path, seconds: float) -> None:
    whole = [tmp_path / "a.flac", tmp_path / "b.flac"]
    for path, length in zip(whole, (4.0, seconds), strict=True):
        written(path, tone(length, 44_100), 44_100)
    first, second = (path.read_bytes() for path in whole)
    joined = first + second[len(second) // 2 :]
    for start_s in (0.5, 2.1, 3.2):  # the last frame may be lost at the joint
        np.testing.assert_allclose(load(joined, start_s, 0.4), load(first, start_s, 0.4), atol=1e-6)
