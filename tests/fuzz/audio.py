"""Decoding: every format that a corpus may hold, whole, in stretches, and its headers alone."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from anime_whisper_ct2.audio import Source, blocks_of, info, native_blocks
from anime_whisper_ct2.audio.ogg import settle_serial
from anime_whisper_ct2.errors import DecodeError
from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.records import Float32
from tests.fuzz.child import alive
from tests.fuzz.mending import mend_ogg
from tests.fuzz.mutation import TOKENS
from tests.fuzz.targets import Target

# A file may unfold to hours; so many blocks of it, of at most about a minute, are looked at.
_MOST_BLOCKS = 8
_LONGEST_BLOCK = 62 * SAMPLE_RATE


def _run(case: bytes, folder: Path) -> object:
    """Any bytes decode, or are one DecodeError.

    Blocks are float32 of shape (n,), n > 0, finite, about a minute at most; the native ones of shape (n, channels) with
    one rate. What the headers say is possible: a rate and channels above 0, and frames from 0 on or none. The kind of
    source, a path, bytes or an open file, and the stretch follow from the case.
    """
    chance = crc32(case)
    path = folder / "in" / ("x." + ("wav", "ogg", "mp3", "raw", "m4a")[chance % 5])
    source: Source = case
    if chance % 3 == 1:
        source = io.BytesIO(case)
    elif chance % 3 == 2:
        path.write_bytes(case)
        source = str(path)
    start_s, duration_s = ((0.0, None), (0.05, 0.1), (2.5, None), (0.0, 1e8))[(chance >> 4) % 4]
    return _told(source), _decoded(source, start_s, duration_s), _native(source, start_s, duration_s)


def _told(source: Source) -> object:
    try:
        told = info(source)
    except DecodeError as error:
        return _kind(error)
    finally:
        alive()
    assert told.rate_hz > 0, f"the rate is {told.rate_hz} Hz"
    assert told.channels > 0, f"{told.channels} channels"
    assert told.frames is None or told.frames >= 0, f"{told.frames} frames"
    return told.container, told.codec, told.bits


def _decoded(source: Source, start_s: float, duration_s: float | None) -> object:
    count = 0
    try:
        for count, block in enumerate(blocks_of(source, start_s, duration_s), 1):
            alive()
            _check(block, 1)
            assert len(block) <= _LONGEST_BLOCK, f"a block of {len(block) / SAMPLE_RATE:.0f} s"
            if count == _MOST_BLOCKS:
                break
    except DecodeError as error:
        return count, _kind(error)
    finally:
        alive()
    assert count, "neither a block nor an error"
    return min(count, 3)


def _native(source: Source, start_s: float, duration_s: float | None) -> object:
    count = 0
    rates = set()
    try:
        for count, (block, rate) in enumerate(native_blocks(source, start_s, duration_s), 1):
            alive()
            assert block.ndim == 2, f"shape {block.shape}"
            _check(block, 2, finite=False)
            assert len(block), "an empty block"
            rates.add((rate, block.shape[1]))
            if count == _MOST_BLOCKS:
                break
    except DecodeError as error:
        return count, _kind(error)
    finally:
        alive()
    assert len(rates) == 1, f"rates and channels {rates}"
    return min(count, 3)


def _check(block: Float32, dimensions: int, *, finite: bool = True) -> None:
    assert block.ndim == dimensions, f"shape {block.shape}"
    assert block.dtype == np.float32, f"{block.dtype}"
    assert not finite or np.isfinite(block).all(), "a sample that is no number"


def _kind(error: DecodeError) -> str:
    text = str(error)
    assert text.strip(), "a failure without a message"
    assert len(text.splitlines()) == 1, f"a message of many lines: {text!r:.300}"
    return "".join(" " if character.isdigit() else character for character in text)[:150]


def _seeds() -> list[bytes]:
    rng = np.random.default_rng(0)
    tone = (0.3 * np.sin(np.arange(4800) / 9) + 0.02 * rng.standard_normal(4800)).astype(np.float32)
    two = np.stack([tone, -tone], axis=1)
    made = [_written(sound, *how) for sound in (tone[:1600],) for how in _FORMATS]
    made += [_written(two[:800], "WAV", "PCM_24"), _written(two, "OGG", "VORBIS"), _written(two, "FLAC", "PCM_16")]
    return [*made, *filter(None, (_muxed(tone, *how) for how in _CONTAINERS))]


_FORMATS = (
    *(("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("WAV", "GSM610"), ("WAVEX", "PCM_16")),
    *(("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
    *(("AIFF", "PCM_16"), ("AU", "PCM_16"), ("CAF", "ALAC_16"), ("W64", "PCM_16"), ("RF64", "PCM_16")),
)
_CONTAINERS = (
    *(("ipod", "aac"), ("mov", "alac"), ("adts", "aac"), ("matroska", "libopus"), ("webm", "libvorbis")),
    *(("asf", "wmav2"), ("amr", "libopencore_amrnb"), ("matroska", "pcm_s16le")),
)


def _written(sound: Float32, container: str, codec: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, 16_000, format=container, subtype=codec)
    if container == "OGG":
        settle_serial(file)
    return file.getvalue()


def _muxed(sound: Float32, container: str, codec: str) -> bytes:
    """Encode with FFmpeg; nothing where this build of it has no such encoder."""
    import av

    file = io.BytesIO()
    rate = 8_000 if "amr" in codec else 48_000
    try:
        # The same bytes every time.
        with av.open(file, "w", format=container, container_options={"fflags": "bitexact"}) as output:
            stream = output.add_stream(codec, rate=rate, layout="mono")
            resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=None)
            frame = av.AudioFrame.from_ndarray(sound[None], format="flt", layout="mono")
            frame.rate = rate
            fifo = av.AudioFifo()
            for piece in resampler.resample(frame):
                fifo.write(piece)
            while part := fifo.read(stream.frame_size or 1024, partial=False) or fifo.read(0, partial=True):
                output.mux(stream.encode(part))
            output.mux(stream.encode(None))
    except (av.error.FFmpegError, ValueError):
        return b""
    return file.getvalue()


TARGETS: Mapping[str, Target] = {
    "audio": Target(
        _run,
        _seeds,
        (*TOKENS, b"OggS", b"fLaC", b"RIFF", b"data", b"fact", b"fmt ", b"moov", b"ftypM4A ", b"OpusHead", b"ID3\x04"),
        mend_ogg,
        1 << 15,
        isolated=True,
    )
}
