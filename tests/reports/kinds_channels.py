"""What the channels hold: opposite phases, one side, six of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from anime_whisper_ct2.records import Float32
from tests.reports.cases import Case, Recipe
from tests.reports.oracle import RATE
from tests.reports.sounds import encode, speech, wav

ANTIPHASE = "whisperX#750"
_SECONDS = 3.0
_PARTS = ("first", "last")
_PACKED: dict[str, tuple[str, tuple[str, ...]]] = {
    "flac": ("flac", ()),
    "mp3": ("mp3", ("-b:a", "192k")),
    "ogg": ("ogg", ("-c:a", "libvorbis", "-q:a", "6")),
    "opus": ("opus", ("-b:a", "160k", "-apply_phase_inv", "0")),
    "m4a": ("m4a", ("-c:a", "aac", "-b:a", "192k")),
    "m4a alac": ("m4a", ("-c:a", "alac")),
    "ts": ("ts", ("-c:a", "aac", "-b:a", "192k")),
    "mkv pcm": ("mkv", ("-c:a", "pcm_s16le")),
}


def _channels(gains: tuple[float, ...], rate: int, start_s: float = 0.0, seconds: float = _SECONDS) -> Float32:
    return speech(start_s, seconds, rate) * np.asarray(gains, np.float32)


def _written(folder: Path, kind: str, samples: Float32, rate: int = 48_000) -> Path:
    if kind == "wav":
        return wav(folder / "a.wav", samples, rate, "FLOAT")
    extension, options = _PACKED[kind]
    return encode(folder / f"a.{extension}", samples, rate, *options)


def _truth(gain: float = 1.0, seconds: float = _SECONDS) -> Float32:
    heard: Float32 = speech(0.0, seconds, RATE)[:, 0] * np.float32(gain)
    return heard


def _opposite(kind: str, gains: tuple[float, ...], loudness: float, folder: Path) -> Case:
    """The mix is next to nothing, and the speech is in every channel."""
    samples = _channels(gains, 48_000) * np.float32(loudness)
    # Four and more channels are mixed with weights, which may leave something.
    told = True if len(gains) < 4 else None
    return Case(_written(folder, kind, samples), truth=_truth(loudness), antiphase=told)


def _noisy(folder: Path) -> Case:
    """A cable with its wires swapped, and the noise of its own that every channel has."""
    noise = np.random.default_rng(11).standard_normal((round(_SECONDS * 48_000), 2)).astype(np.float32) * 5e-4
    return Case(wav(folder / "a.wav", _channels((1, -1), 48_000) + noise, 48_000), truth=_truth(), antiphase=True)


def _partly(first: bool, folder: Path) -> Case:
    """Opposite phases for a part of the recording: it must not vanish."""
    parts = [_channels((1, 1), 48_000, 0.0, 2.5), _channels((1, -1), 48_000, 2.5, 2.5)]
    if first:
        parts = [_channels((1, -1), 48_000, 0.0, 2.5), _channels((1, 1), 48_000, 2.5, 2.5)]
    path = wav(folder / "a.wav", np.concatenate(parts), 48_000)
    return Case(path, marks=(2.5,), truth=_truth(seconds=5.0), antiphase=None)


def _mixed(kind: str, gains: tuple[float, ...], folder: Path) -> Case:
    """Nothing is cancelled out: the mix is right, and there is nothing to say."""
    return Case(_written(folder, kind, _channels(gains, 48_000)), truth=_truth())


def _two_speakers(folder: Path) -> Case:
    left, right = speech(0.0, _SECONDS, 48_000)[:, 0], speech(8.0, _SECONDS, 48_000)[:, 0]
    return Case(wav(folder / "a.wav", np.stack([left, right], axis=1), 48_000))


def _silent(kind: str, channels: int, folder: Path) -> Case:
    return Case(_written(folder, kind, np.zeros((96_000, channels), np.float32)))


def recipes() -> list[Recipe]:
    """Give all cases of the kind."""
    made = []
    name: str
    gains: tuple[float, ...]
    for kind in ("wav", *_PACKED):
        made.append(Recipe(f"{kind} in opposite phase", ANTIPHASE, partial(_opposite, kind, (1, -1), 1.0)))
    for name, gains, loudness in (
        ("the right louder", (-0.9, 1), 1.0),
        ("the left louder", (1, -0.95), 1.0),
        ("quiet", (1, -1), 0.02),
        ("four channels", (1, -1, 1, -1), 1.0),
        ("eight channels", (0, 0, 0, 0, 1, -1, 0.9, -0.9), 1.0),
    ):
        made.append(Recipe(f"opposite phase, {name}", ANTIPHASE, partial(_opposite, "wav", gains, loudness)))
    made.append(Recipe("opposite phase with noise", ANTIPHASE, _noisy))
    made += [Recipe(f"opposite phase {where}", ANTIPHASE, partial(_partly, where == "first")) for where in _PARTS]
    for name, kind, gains in (
        ("left only", "wav", (1, 0)),
        ("right only", "wav", (0, 1)),
        ("left only", "mp3", (1, 0)),
        ("right only", "m4a", (0, 1)),
        ("right quiet and opposite", "wav", (1, -0.1)),
        ("mono twice", "flac", (1, 1)),
        ("middle of six", "wav", (0, 0, 1, 0, 0, 0)),
        ("middle of six", "m4a", (0, 0, 1, 0, 0, 0)),
        ("middle of six", "flac", (0, 0, 1, 0, 0, 0)),
        ("one of eight", "wav", (0, 0, 0, 0, 1, 0, 0, 0)),
        ("all of six", "wav", (1, 1, 1, 1, 1, 1)),
    ):
        made.append(Recipe(f"{kind} {name}", ANTIPHASE, partial(_mixed, kind, gains)))
    made.append(Recipe("a speaker on each side", ANTIPHASE, _two_speakers))
    for kind, channels in (("wav", 1), ("wav", 2), ("mp3", 2), ("ogg", 2), ("m4a", 2), ("flac", 1)):
        made.append(Recipe(f"silence {kind} {channels} ch", ANTIPHASE, partial(_silent, kind, channels)))
    return made
