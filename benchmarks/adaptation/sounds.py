"""Spoken lines as they come in recordings: with pauses, noise, hum or music under some, louder and quieter."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Float32: TypeAlias = npt.NDArray[np.float32]
Wave: TypeAlias = npt.NDArray[np.floating]

HZ = 16_000
# What lies under a line, and how often.
_UNDER = {"clean": 0.45, "white": 0.15, "pink": 0.15, "music": 0.15, "hum": 0.1}
_BELOW_DB = (8.0, 30.0)  # the speech
_PEAK = (0.2, 0.95)
_PAUSED = 0.3  # the share of lines with a longer pause within


def read(path: Path) -> Float32:
    """Read a file, shape (n,), 16 kHz."""
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(samples if rate == HZ else soxr.resample(samples, rate, HZ), np.float32)


def varied(line: Float32, name: str) -> Float32:
    """Vary a line, shape (n,), 16 kHz: always in the same way for the same name."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    before, after = random.uniform(0.0, 0.6), random.uniform(0.0, 0.5)
    if random.random() < _PAUSED and len(line) > 2 * HZ:
        at = _quietest(line)
        line = np.concatenate([line[:at], _silence(random.uniform(0.2, 1.0)), line[at:]])
    wave: Wave = np.concatenate([_silence(before), line, _silence(after)])
    kind = random.choice(list(_UNDER), p=list(_UNDER.values()))
    if kind != "clean":
        under = _under(kind, len(wave), random)
        level = np.mean(wave**2) / 10 ** (random.uniform(*_BELOW_DB) / 10)
        wave = wave + under * np.sqrt((level + 1e-12) / (np.mean(under**2) + 1e-12))
    return np.asarray(wave * random.uniform(*_PEAK) / (np.abs(wave).max() + 1e-6), np.float32)


def _quietest(line: Wave) -> int:
    """Find the quietest place in the middle half."""
    power = np.convolve(line**2, np.ones(HZ // 10) / (HZ // 10), "same")
    quarter = len(line) // 4
    return quarter + int(np.argmin(power[quarter : 3 * quarter]))


def _silence(seconds: float) -> Float32:
    return np.zeros(int(seconds * HZ), np.float32)


def _under(kind: str, samples: int, random: np.random.Generator) -> Wave:
    if kind == "music":
        return _music(samples, random)
    if kind == "hum":
        at = np.arange(samples) / HZ
        return np.asarray(sum(np.sin(2 * np.pi * 50 * k * at + random.uniform(0, 6)) / k for k in range(1, 6)))
    noise = random.standard_normal(samples)
    if kind == "white":
        return noise
    spectrum = np.fft.rfft(noise)
    pink: Wave = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), samples)
    return pink


def _music(samples: int, random: np.random.Generator) -> Wave:
    """Play chords of three notes, each dying away."""
    wave = np.zeros(samples)
    beat_s = random.uniform(0.3, 0.6)
    for number in range(int(samples / HZ / beat_s) + 1):
        at = int(number * beat_s * HZ)
        seconds = np.arange(samples - at) / HZ
        for half_tones in random.choice([0, 3, 4, 7, 9, 12], 3, replace=False):
            pitch = 220 * 2 ** (half_tones / 12)
            wave[at:] += np.exp(-seconds / 0.4) * np.sin(2 * np.pi * pitch * seconds)
    return wave
