"""Speech of the sample corpus, whose places can be told apart, and the programs that pack it."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from anime_whisper_ct2.records import Float32
from tests.support.needs import need
from tests.support.places import CORPUS

_CLIPS = (
    *("さくら/第一章/001.ogg", "さくら/第一章/004.ogg", "魔王/決戦 (最終話)/004.ogg", "先生/放課後/004.ogg"),
    *("悠真/第一章/屋上/004.ogg", "さくら/第一章/007.ogg", "悠真/第一章/屋上/002.ogg"),
)
_CLIP_RATE = 16_000
# Quieter is a pause between clips.
_FLOOR = 0.01


@cache
def _speech() -> Float32:
    """All clips without the silence around them, one behind the other, 16 kHz."""
    clips = []
    for name in _CLIPS:
        samples, rate = soundfile.read(CORPUS / name, dtype="float32")
        assert rate == _CLIP_RATE
        loud = np.flatnonzero(np.abs(samples) > _FLOOR)
        clips.append(samples[loud[0] : loud[-1]])
    joined: Float32 = np.concatenate(clips)
    return joined


def speech(start_s: float, seconds: float, rate: int = 48_000, channels: int = 1) -> Float32:
    """Give a part of the speech, shape (n, channels); further channels hold the same, quieter."""
    samples = _speech()[round(start_s * _CLIP_RATE) : round((start_s + seconds) * _CLIP_RATE)]
    if rate != _CLIP_RATE:
        samples = soxr.resample(samples, _CLIP_RATE, rate)
    n = round(seconds * rate)
    samples = np.pad(samples, (0, max(0, n - len(samples))))[:n]
    return np.stack([samples * 0.8**channel for channel in range(channels)], axis=1).astype(np.float32)


def run(*command: str | Path, given: bytes = b"") -> bytes:
    """Run a program with bytes on its standard input, and give what it prints. Raises RuntimeError when it fails."""
    need(str(command[0]))
    done = subprocess.run(list(map(str, command)), input=given, capture_output=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


def encode(path: Path, samples: Float32, rate: int, *options: str, inputs: tuple[str, ...] = ()) -> Path:
    """Pack samples of shape (n, channels) by the `ffmpeg` command; `inputs`: options before the sound.

    Floating point and dither-free, so that the same samples give the same bytes.
    """
    channels = str(samples.shape[1])
    sound = (*inputs, "-f", "f32le", "-ar", str(rate), "-ac", channels, "-i", "-")
    command = ("ffmpeg", "-nostdin", "-y", "-v", "error", *sound, *options)
    run(*command, "-fflags", "+bitexact", "-flags:a", "+bitexact", path, given=samples.astype("<f4").tobytes())
    return path


def piped(path: Path, samples: Float32, rate: int, kind: str, *options: str) -> Path:
    """Pack samples as `encode` does, into a pipe: no header can be mended afterwards."""
    channels = str(samples.shape[1])
    sound = ("-f", "f32le", "-ar", str(rate), "-ac", channels, "-i", "-")
    command = ("ffmpeg", "-nostdin", "-v", "error", *sound, *options, "-f", kind, "-")
    path.write_bytes(run(*command, given=samples.astype("<f4").tobytes()))
    return path


def wav(path: Path, samples: Float32, rate: int, subtype: str = "PCM_16", kind: str = "WAV") -> Path:
    """Write samples of shape (n, channels) by libsndfile."""
    soundfile.write(path, samples, rate, subtype=subtype, format=kind)
    return path
