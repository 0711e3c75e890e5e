"""Sounds in which nobody speaks, to hear what a model makes of them: the same ones every time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.features.mel import SAMPLE_RATE
from anime_whisper_ct2.records import Float32

_LENGTH_S = 5.0  # a clip's usual length
_PEAK = 0.3
_SEED = 0

_Wave = npt.NDArray[np.float64]
_Made = Callable[[np.random.Generator, _Wave], _Wave]


def without_speech() -> Mapping[str, Float32]:
    """Give each sound by its name: shape (n,), 16 kHz, 5 s."""
    at = np.arange(round(_LENGTH_S * SAMPLE_RATE)) / SAMPLE_RATE
    made = {}
    for name, make in _SOUNDS.items():
        wave = make(np.random.default_rng(_SEED), at)
        made[name] = (_LEVELS.get(name, _PEAK) * wave / np.abs(wave).max()).astype(np.float32)
    return MappingProxyType(made)


def _coloured(rng: np.random.Generator, at: _Wave, slope: float, low_hz: float = 30, high_hz: float = 8_000) -> _Wave:
    """Make noise, as loud as 1, whose amplitude falls with the frequency to the power of `slope`."""
    spectrum = np.fft.rfft(rng.standard_normal(len(at)))
    hz = np.fft.rfftfreq(len(at), 1 / SAMPLE_RATE)
    spectrum *= np.maximum(hz, low_hz) ** -slope * ((hz >= low_hz) & (hz <= high_hz))
    wave: _Wave = np.fft.irfft(spectrum, len(at))
    return np.asarray(wave / np.abs(wave).max())


def _tones(at: _Wave, pitches_hz: tuple[float, ...], overtones: int = 4) -> _Wave:
    tones = [np.sin(2 * np.pi * pitch * n * at) / n**1.5 for pitch in pitches_hz for n in range(1, overtones + 1)]
    return np.asarray(np.sum(tones, axis=0))


def _struck(at: _Wave, every_s: float, decay: float) -> _Wave:
    """Give a level that jumps up every so often and dies away."""
    return np.asarray(np.exp(-decay * (at % every_s)))


def _rain(rng: np.random.Generator, at: _Wave) -> _Wave:
    drops = (rng.random(len(at)) < 60 / SAMPLE_RATE) * rng.standard_normal(len(at))
    splashes: _Wave = np.convolve(drops, np.exp(-np.arange(160) / 30), "same")
    return 0.5 * _coloured(rng, at, 0.3, 500) + splashes


def _breaths(rng: np.random.Generator, at: _Wave) -> _Wave:
    taken: _Wave = np.maximum(0, np.sin(2 * np.pi * at / 2.2)) ** 2
    return _coloured(rng, at, 0.8, 400, 5_000) * taken


def _melody(_rng: np.random.Generator, at: _Wave) -> _Wave:
    scale = np.array((261.63, 293.66, 329.63, 392.0, 440.0, 523.25))
    phase = np.cumsum(scale[np.array((0, 2, 4, 3, 5, 1, 2, 4))[(at / 0.35).astype(int) % 8]]) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * phase)) * _struck(at, 0.35, 5) + 0.3 * _tones(at, (130.81, 196.0))


def _drums(rng: np.random.Generator, at: _Wave) -> _Wave:
    kick = np.sin(2 * np.pi * 60 * (at % 0.5)) * _struck(at, 0.5, 18)
    return kick + 0.4 * _coloured(rng, at, 0.0, 3_000) * _struck(at + 0.25, 0.5, 30)


_SOUNDS: Mapping[str, _Made] = {
    "white noise": lambda rng, at: rng.standard_normal(len(at)),
    "pink noise": lambda rng, at: _coloured(rng, at, 0.5),
    "rumble": lambda rng, at: _coloured(rng, at, 1.2),
    "room tone": lambda rng, at: _coloured(rng, at, 0.8),
    "mains hum": lambda _rng, at: _tones(at, (50.0,), 8),
    "wind": lambda rng, at: _coloured(rng, at, 1.0, 60, 2_000) * (1.2 + np.sin(2 * np.pi * 0.4 * at)),
    "rain": _rain,
    "engine": lambda rng, at: _tones(at, (83.0,), 12) * (1 + 0.2 * np.sin(2 * np.pi * 21 * at)) + 0.1 * rng.random(),
    "chord": lambda _rng, at: _tones(at, (220.0, 277.18, 329.63)),
    "melody": _melody,
    "drums": _drums,
    "breaths": _breaths,
}
_LEVELS = {"room tone": 0.003}  # -50 dBFS: what a silent room sounds like
