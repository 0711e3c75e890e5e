"""One synthetic voice for the lines: pyopenjtalk, offline, seeded."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
import numpy.typing as npt
import pyopenjtalk
import soundfile
import soxr

Wave = npt.NDArray[np.float32]

NATIVE_HZ = 48_000
HZ = 16_000
SPEEDS = (0.9, 1.2)  # times the voice's own pace
HALF_TONES = (-2.0, 2.0)
QUIET = 10 ** (-45 / 20)  # of the peak: below it the voice has not begun, or is over


def say(text: str, rng: np.random.Generator, hz: int = HZ) -> Wave:
    """Speak `text` at a drawn speed and pitch: mono float32 at `hz`, peak at most 1."""
    wave, native_hz = pyopenjtalk.tts(text, speed=rng.uniform(*SPEEDS), half_tone=rng.uniform(*HALF_TONES))
    if native_hz != NATIVE_HZ:
        raise RuntimeError(f"the voice speaks at {native_hz} Hz, not {NATIVE_HZ}")
    wave = (wave / 32768.0).clip(-1.0, 1.0).astype(np.float32)
    return wave if hz == NATIVE_HZ else cast(Wave, soxr.resample(wave, NATIVE_HZ, hz).astype(np.float32))


def phonemes(text: str) -> list[str]:
    """What the voice says, as pyopenjtalk names it; a pause is `pau`."""
    return cast("list[str]", pyopenjtalk.g2p(text).split())


def silence(seconds: float, hz: int = HZ) -> Wave:
    """`seconds` of digital silence."""
    return np.zeros(round(seconds * hz), np.float32)


def noise(samples: int, rng: np.random.Generator, rms: float) -> Wave:
    """White or low-passed noise of the given root mean square."""
    wave = rng.standard_normal(samples).astype(np.float32)
    if rng.random() < 0.5:
        wave = np.convolve(wave, np.full(4, 0.5, np.float32), "same").astype(np.float32)
    return cast(Wave, wave * np.float32(rms))


def recorded(wave: Wave, rng: np.random.Generator) -> Wave:
    """`wave` (16 kHz) as a recording: lead-in, gain, in most of them noise 25-45 dB down, in some a lossy codec."""
    wave = np.concatenate([silence(rng.uniform(0.0, 0.4)), wave, silence(rng.uniform(0.0, 0.2))])
    wave = wave * np.float32(rng.uniform(0.2, 0.95) / max(float(np.abs(wave).max()), 1e-4))
    if rng.random() < 0.7:
        rms = float(np.sqrt(np.mean(wave**2)))
        wave = wave + noise(len(wave), rng, rms * 10 ** (-rng.uniform(25.0, 45.0) / 20))
    if rng.random() < 0.15:
        wave = through_codec(wave, rng.choice(["OGG", "MP3"]))
    return cast(Wave, wave.clip(-1.0, 1.0).astype(np.float32))


def through_codec(wave: Wave, container: str) -> Wave:
    """`wave` (16 kHz) written as `OGG` (Vorbis) or `MP3` and read back."""
    buffer = io.BytesIO()
    soundfile.write(buffer, wave, HZ, format=container)
    buffer.seek(0)
    return cast(Wave, soundfile.read(buffer, dtype="float32")[0])
