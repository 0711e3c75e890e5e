"""Sounds made on the spot, the files that they are written to, and what is heard of those."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import soundfile

from anime_whisper_ct2.audio import native_blocks
from anime_whisper_ct2.records import Float32


def tone(seconds: float, rate: int = 16_000, hertz: float = 220.0) -> Float32:
    """A soft tone with a little noise, shape (n,)."""
    n = round(seconds * rate)
    noise = np.random.default_rng(n).standard_normal(n) * 0.01
    return (0.2 * np.sin(2 * np.pi * hertz * np.arange(n) / rate) + noise).astype(np.float32)


def stereo(seconds: float, rate: int) -> Float32:
    """Another tone on each side, shape (n, 2)."""
    return np.stack([tone(seconds, rate), tone(seconds, rate, hertz=330.0)], axis=1)


def written(path: Path, samples: np.ndarray, rate: int, **options: str) -> str:
    """Write samples by libsndfile; gives the path."""
    channels = samples.shape[1] if samples.ndim > 1 else 1
    with soundfile.SoundFile(path, "w", rate, channels, **options) as sound:
        # Vorbis has all that is written at once on the stack, which is small on Windows.
        for at in range(0, len(samples), rate):
            sound.write(samples[at : at + rate])
    return str(path)


def in_aac(path: Path, seconds: float, rate: int = 44_100, codec: str = "aac") -> str:
    """Write a tone that libsndfile cannot read, by FFmpeg's libraries; gives the path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate)[None, :], format="fltp", layout="mono")
        frame.rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return str(path)


def make_clips(folder: Path, count: int, seconds: float = 0.4, longest: float = 1.2) -> Path:
    """Write tones of different lengths."""
    folder.mkdir()
    for n in range(count):
        soundfile.write(folder / f"{n:03}.wav", tone(seconds + (longest - seconds) * n / count), 16_000)
    return folder


def native(source: object, *stretch: float) -> Float32:
    """What is heard at the source's own rate, of all or of a stretch; shape (n, channels)."""
    blocks = list(native_blocks(source, *stretch))  # type: ignore[arg-type] # whatever a test gives
    return np.concatenate([block for block, _ in blocks])
