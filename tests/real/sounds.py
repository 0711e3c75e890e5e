"""Fifteen sounds in which nobody speaks: noise, music, breath and what passes for silence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

HZ = 16_000
Wave = npt.NDArray[np.float64]


def sounds(seconds: float = 4.0) -> Mapping[str, npt.NDArray[np.float32]]:
    """Make each by name, shape (n,), 16 kHz; others than those that `awct2 calibrate` measures a bound with."""
    rng = np.random.default_rng(7)
    at = np.arange(round(seconds * HZ)) / HZ
    noise = rng.standard_normal(len(at))
    made: dict[str, tuple[float, Wave]] = {
        "hiss": (0.05, _band(noise, 2_000, 7_000)),
        "loud white noise": (0.5, noise),
        "brown noise": (0.2, np.cumsum(noise) - np.linspace(0, np.cumsum(noise)[-1], len(at))),
        "fan": (0.1, _band(noise, 80, 900) * (1 + 0.3 * np.sin(2 * np.pi * 12 * at)) + 0.02 * np.sin(754 * at)),
        "hum at 60 Hz": (0.1, at * 60 % 1 - 0.5),
        "tone of 1 kHz": (0.2, np.sin(2 * np.pi * 1_000 * at)),
        "sweep": (0.2, np.sin(2 * np.pi * (100 * at + 1_950 * at**2 / seconds))),
        "clicks": (0.5, np.where(rng.random(len(at)) < 8 / HZ, 1.0, 0.0)),
        "sea": (0.2, _band(noise, 100, 3_000) * (1 + np.sin(2 * np.pi * at / 3)) ** 2),
        "piano": (0.3, _notes(at, (0, 4, 7, 12, 7, 4), 0.3, 4)),
        "strings": (0.2, sum(np.abs(at * hz % 1 - 0.5) - 0.25 for hz in (196.0, 246.9, 293.7, 392.0))),
        "bass and drums": (
            0.4,
            _notes(at, (-24, -24, -17, -19), 0.5, 6) + _band(noise, 1_000, 6_000) * _hits(at, 0.25),
        ),
        "breath in and out": (0.1, _band(noise, 300, 4_000) * np.abs(np.sin(2 * np.pi * at / 3.4)) ** 3),
        "panting": (0.15, _band(noise, 500, 6_000) * np.abs(np.sin(2 * np.pi * at / 0.9)) ** 4),
        "silence of a bad microphone": (0.002, noise),
    }
    return {name: (level * wave / np.abs(wave).max()).astype(np.float32) for name, (level, wave) in made.items()}


def _band(wave: Wave, low_hz: float, high_hz: float) -> Wave:
    hz = np.fft.rfftfreq(len(wave), 1 / HZ)
    filtered: Wave = np.fft.irfft(np.fft.rfft(wave) * ((hz >= low_hz) & (hz <= high_hz)), len(wave))
    return filtered / np.abs(filtered).max()


def _notes(at: Wave, steps: tuple[int, ...], every_s: float, decay: float) -> Wave:
    """Play notes so many half tones above middle C, one after the other, each dying away."""
    pitch = 261.63 * 2 ** (np.array(steps)[(at / every_s).astype(int) % len(steps)] / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / HZ
    tone: Wave = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase)
    return tone * np.exp(-decay * (at % every_s))


def _hits(at: Wave, every_s: float) -> Wave:
    hits: Wave = 0.3 * np.exp(-40 * (at % every_s))
    return hits
