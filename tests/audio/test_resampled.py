"""Any file, rate and channel count becomes 16 kHz mono; what is no audio says why."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import av
import numpy as np
import pytest
import soundfile
import soxr

from anime_whisper_ct2.audio import Findings, blocks_of, info, load, native_blocks, write_blocks
from anime_whisper_ct2.errors import DecodeError, RecordingError
from anime_whisper_ct2.options import AudioOptions
from anime_whisper_ct2.records import ArrayAudio, Float32
from tests.support.held import Holders
from tests.support.sounds import in_aac, native, stereo, tone, written


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


def test_a_wav_that_was_cut_short_is_heard_to_its_cut_and_says_what_is_missing(tmp_path: Path) -> None:
    whole = Path(written(tmp_path / "a.wav", tone(2.0), 16_000)).read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: 44 + 16_000])
    for source in (str(tmp_path / "a.wav"), whole[: 44 + 16_000], io.BytesIO(whole[: 44 + 16_000])):
        findings = Findings()
        assert sum(map(len, blocks_of(source, findings=findings))) == 8_000
        assert findings.incomplete
        assert findings.missing_s == pytest.approx(1.5)
        with pytest.raises(DecodeError, match=r"1\.50 s are missing; without --strict-audio"):
            list(blocks_of(source, options=AudioOptions(strict=True)))
    assert len(load(io.BytesIO(whole))) == 32_000


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


@pytest.mark.posix("names that are no UTF-8")
@pytest.mark.parametrize("suffix", [b".wav", b".m4a"])
def test_names_that_are_not_utf_8_are_opened(tmp_path: Path, suffix: bytes) -> None:
    made = in_aac(tmp_path / "a.m4a", 1.0) if suffix == b".m4a" else written(tmp_path / "a.wav", tone(1.0), 16_000)
    name = os.path.join(os.fsencode(tmp_path), b"\x83e\x83X" + suffix)
    os.rename(made, name)
    assert len(load(os.fsdecode(name))) >= 16_000


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda path: None, "No such file"),
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "text": (
        lambda path: path.write_text("これは音声ではありません" * 30, encoding="utf-8"),
        "no decoder reads it: it is a text file",
    ),
    "one byte": (lambda path: path.write_bytes(b"x"), "has only 1 byte; copy"),
    "zeros": (lambda path: path.write_bytes(bytes(5_000)), "no decoder reads it"),
    "a folder": (lambda path: path.mkdir(), "[Dd]irectory"),
    "only a header": (lambda path: soundfile.write(path, np.zeros(0, np.float32), 16_000), "no samples"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_audio_says_why(tmp_path: Path, kind: str) -> None:
    make, reason = BROKEN[kind]
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(DecodeError, match=reason):
        load(str(path))


def test_a_recording_that_a_scanner_looks_at_is_waited_for(write_tone: Callable[..., Path], holders: Holders) -> None:
    path = write_tone("a.wav")
    holders.hold(path, readable=False, tries=3)
    assert len(load(str(path))) == 16_000
    assert 0 < holders.waited_s < 2


def test_one_that_stays_held_is_given_up_with_the_likely_holder(
    write_tone: Callable[..., Path], holders: Holders
) -> None:
    path = write_tone("a.wav")
    holders.hold(path, readable=False)
    with pytest.raises(DecodeError, match=r"cannot be opened: .*another program has it open"):
        load(str(path))
    assert 2 <= holders.waited_s < 3


@pytest.mark.parametrize("samples", [np.zeros((2, 3, 4), np.float32), np.array(["a"]), np.zeros(0, np.float32)])
def test_arrays_that_are_no_sound_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(DecodeError):
        load(ArrayAudio(samples, 16_000))


# Open files.


class Failing(io.BytesIO):
    """A file whose connection breaks after so many bytes."""

    def __init__(self, data: bytes, good: int) -> None:
        super().__init__(data)
        self.good = good

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.good -= len(data)
        if self.good < 0:
            raise ConnectionResetError("connection reset by peer")
        return data


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.m4a"])
def test_an_open_file_is_read_like_its_path_wherever_it_stands(tmp_path: Path, name: str) -> None:
    path = in_aac(tmp_path / name, 2.0) if name == "a.m4a" else written(tmp_path / name, tone(2.0, 44_100), 44_100)
    with open(path, "rb") as file:
        file.seek(1_000)
        np.testing.assert_array_equal(load(cast(BinaryIO, file)), load(path))
        np.testing.assert_array_equal(native(file, 0.5, 1.0), native(path, 0.5, 1.0))
        assert info(cast(BinaryIO, file)) == info(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.m4a"])
@pytest.mark.parametrize("good", [10, 60_000])
def test_a_connection_that_breaks_is_not_taken_for_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, good: int
) -> None:
    path = in_aac(tmp_path / name, 20.0) if name == "a.m4a" else written(tmp_path / name, tone(20.0, 44_100), 44_100)
    with pytest.raises(DecodeError, match="connection reset by peer"):
        load(Failing(Path(path).read_bytes(), good))
    assert "Traceback" not in capfd.readouterr().err


# What a file holds, and how it is written.


def test_a_block_of_many_channels_at_a_high_rate_stays_small(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", np.zeros((400_000, 64), np.float32), 768_000)
    sizes = [block.size for block, _ in native_blocks(path)]
    assert sum(sizes) == 400_000 * 64
    assert max(sizes) <= 1 << 22
    assert len(load(path)) == round(400_000 / 48)


@pytest.mark.parametrize(
    ("name", "subtype", "codec", "bits"),
    [
        ("a.wav", "PCM_16", "PCM_16", 16),
        ("a.wav", "FLOAT", "FLOAT", 24),
        ("a.flac", "PCM_24", "PCM_24", 24),
        ("a.ogg", "VORBIS", "VORBIS", 16),
    ],
)
def test_headers_tell_rate_channels_length_and_depth(
    tmp_path: Path, name: str, subtype: str, codec: str, bits: int
) -> None:
    about = info(written(tmp_path / name, stereo(1.0, 44_100), 44_100, subtype=subtype))
    assert (about.rate_hz, about.channels, about.frames, about.codec, about.bits) == (44_100, 2, 44_100, codec, bits)


def test_headers_that_only_ffmpeg_reads_tell_rate_channels_and_depth(tmp_path: Path) -> None:
    lossy, lossless = info(in_aac(tmp_path / "a.m4a", 1.0)), info(in_aac(tmp_path / "b.m4a", 1.0, codec="alac"))
    assert (lossy.rate_hz, lossy.channels, lossy.codec, lossy.bits) == (44_100, 1, "aac", 16)
    assert lossy.frames is not None
    assert abs(lossy.frames - 44_100) <= 2_048  # an encoder adds up to two frames
    assert lossless.codec == "alac"
    with pytest.raises(DecodeError, match="no decoder reads it: it is a text file"):
        info(b"This is text. " * 100)


@pytest.mark.parametrize("kind", ["flac", "wav"])
@pytest.mark.parametrize("bits", [16, 24])
def test_decoded_integers_are_written_back_exactly(tmp_path: Path, kind: str, bits: int) -> None:
    rng = np.random.default_rng(0)
    full = 1 << (bits - 1)
    integers = rng.integers(-full, full, (5_000, 2), np.int32)
    integers[:4] = [[-full, full - 1], [0, 1], [-1, full - 2], [1 - full, 2]]
    integers <<= 32 - bits
    source = written(tmp_path / "a.wav", integers, 44_100, subtype=f"PCM_{bits}")
    target = str(tmp_path / f"b.{kind}")
    blocks = (block for block, _ in native_blocks(source))
    assert write_blocks(target, blocks, 44_100, 2, kind, bits) == 5_000  # type: ignore[arg-type] # a parameter
    np.testing.assert_array_equal(soundfile.read(target, dtype="int32")[0], integers)
    assert soundfile.info(target).subtype == f"PCM_{bits}"


@pytest.mark.parametrize("kind", ["flac", "wav", "ogg"])
def test_what_is_too_loud_is_clipped_and_what_is_no_number_is_silence(tmp_path: Path, kind: str) -> None:
    block = np.tile(np.array([[1.5], [-1.5]], np.float32), (2_000, 1))
    block[2_000:] = np.nan
    path = str(tmp_path / "a")
    write_blocks(path, [block], 44_100, 1, kind)  # type: ignore[arg-type] # a parameter
    samples, _ = soundfile.read(path)
    assert len(samples) == 4_000
    assert np.abs(samples[3_000:]).max() < 0.01
    if kind != "ogg":
        np.testing.assert_array_equal(samples[:2], [1 - 2**-15, -1.0])


@pytest.mark.parametrize("kind", ["flac", "wav", "ogg"])
def test_the_same_samples_give_the_same_bytes(tmp_path: Path, kind: str) -> None:
    paths = [str(tmp_path / f"{n}.{kind}") for n in range(3)]
    for path, block in zip(paths, [stereo(2.0, 44_100)] * 2 + [stereo(2.1, 44_100)], strict=True):
        write_blocks(path, [block], 44_100, 2, kind)  # type: ignore[arg-type] # a parameter
    first, again, other = (Path(path).read_bytes() for path in paths)
    assert first == again
    assert first[:200] != other[:200] or kind == "wav"


def test_an_ogg_of_settled_number_is_whole_for_other_readers(tmp_path: Path) -> None:
    path = str(tmp_path / "a.ogg")
    write_blocks(path, [tone(20.0, 44_100)[:, None]], 44_100, 1, "ogg")
    written(tmp_path / "b.ogg", tone(20.0, 44_100), 44_100, subtype="VORBIS")
    ours, theirs = soundfile.read(path)[0], soundfile.read(tmp_path / "b.ogg")[0]
    np.testing.assert_allclose(ours[1_000:], theirs[1_000:], atol=1e-6)  # the encoder guesses what was before
    with av.open(path) as container:  # FFmpeg checks the pages' sums, and drops pages that are wrong
        assert sum(frame.samples for frame in container.decode(audio=0)) == 20 * 44_100


def test_a_format_that_cannot_hold_the_audio_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="flac holds no audio of 9 channels"):
        write_blocks(str(tmp_path / "a.flac"), [np.zeros((10, 9), np.float32)], 16_000, 9, "flac")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_there_when_it_is_whole_and_not_before(tmp_path: Path) -> None:
    def blocks() -> Iterator[Float32]:
        yield tone(1.0)[:, None]
        assert not (tmp_path / "a.flac").exists()
        raise DecodeError("breaks off")

    with pytest.raises(DecodeError, match="breaks off"):
        write_blocks(str(tmp_path / "a.flac"), blocks(), 16_000, 1, "flac")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.posix("a device that is always full")
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("kind", ["flac", "wav", "ogg"])
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    os.symlink("/dev/full", tmp_path / "a.awct2-part")
    with pytest.raises(OSError, match="No space left"):
        write_blocks(str(tmp_path / "a"), [stereo(5.0, 44_100)], 44_100, 2, kind)  # type: ignore[arg-type] # a parameter
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in capfd.readouterr().err
