"""Corpora made on the spot, the same on every machine: short clips as they come from games, and long recordings.

    python -m benchmarks.measures.corpora FOLDER [--clips 240] [--format ogg] [--rate 16000]
    python -m benchmarks.measures.corpora FOLDER --hours 10

The sound is no speech but resembles it: voiced syllables with formants and a moving pitch, consonants of noise, pauses,
over a noise floor. Silero VAD takes it for speech, which matters because faster-whisper skips what it does not.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

Float32: TypeAlias = npt.NDArray[np.float32]

RATE = 16_000
SHORTEST_S, LONGEST_S, MEAN_S = 2.0, 12.0, 5.1  # Galgame_Speech_ASR_16kHz: mean 5.1 s
DISTINCT = 300  # a large corpus is links to so many files
SUBTYPES = {"ogg": "VORBIS", "flac": "PCM_16", "wav": "PCM_16"}

# First three formants of a, i, u, e, o, in Hz, for a small vocal tract.
_VOWELS = np.array([(850, 1400, 2900), (350, 2700, 3400), (400, 1400, 2700), (550, 2200, 3000), (550, 950, 2800)])
_FORMANT_WIDTH_HZ = 110.0
_SYLLABLE_S = (0.09, 0.19)
_CONSONANT_S = (0.02, 0.06)


@dataclass(frozen=True, slots=True)
class Clip:
    """One line of a manifest: `audio` is a path, `duration` in seconds."""

    id: str
    audio: str
    duration: float


def durations(count: int) -> list[float]:
    """Give the lengths of `count` clips: 2 to 12 s, mean 5.1 s, most of them about 4 s, in a fixed random order."""
    random = np.random.default_rng(51)
    spread = (MEAN_S - SHORTEST_S) / (LONGEST_S - SHORTEST_S)
    # Evenly spaced quantiles of a beta distribution: the mean holds for any count, not only for a large one.
    sample = np.sort(random.beta(1.8, 1.8 / spread - 1.8, size=200_001))
    quantiles = sample[((np.arange(count) + 0.5) / count * (len(sample) - 1)).astype(int)]
    lengths = SHORTEST_S + (LONGEST_S - SHORTEST_S) * random.permutation(quantiles)
    return [round(float(length), 3) for length in lengths]


def speechlike(seconds: float, seed: int, rate: int = RATE) -> Float32:
    """Make a sound that resembles speech; shape (n,), peak 0.5."""
    random = np.random.default_rng(seed)
    n = round(seconds * rate)
    out: Float32 = random.standard_normal(n).astype(np.float32) * np.float32(0.001)
    pitch_hz = random.uniform(180, 280)
    at = int(random.uniform(0.05, 0.2) * rate)
    phase = 0.0
    while at < n - int(0.15 * rate):
        noise = _consonant(random, rate)
        syllable, phase = _syllable(random, rate, pitch_hz * random.uniform(0.85, 1.2), phase)
        for piece, start in ((noise, at), (syllable, at + len(noise) // 2)):
            fitting = piece[: max(0, n - start)]
            out[start : start + len(fitting)] += fitting
        at += len(noise) // 2 + len(syllable)
        if random.random() < 0.06:
            at += int(random.uniform(0.1, 0.3) * rate)
    out *= np.float32(0.5 / np.abs(out).max())
    return out


def _syllable(random: np.random.Generator, rate: int, pitch_hz: float, phase: float) -> tuple[Float32, float]:
    n = int(random.uniform(*_SYLLABLE_S) * rate)
    glide = np.linspace(1.0, random.uniform(0.9, 1.1), n)
    angle = phase + np.cumsum(2 * np.pi * pitch_hz * glide / rate)
    harmonics = np.arange(1, int(min(5000, rate / 2) / (1.25 * pitch_hz)) + 1)
    formants = _VOWELS[random.integers(len(_VOWELS))] * random.uniform(0.95, 1.05)
    distance = (harmonics[:, None] * pitch_hz - formants) / _FORMANT_WIDTH_HZ
    gains = (np.array([1.0, 0.5, 0.25]) / (1.0 + distance**2)).sum(axis=1) + 0.02 / harmonics
    voice = gains @ np.sin(harmonics[:, None] * angle)
    envelope = np.minimum(1.0, np.minimum(np.arange(n), np.arange(n)[::-1]) / (0.02 * rate))
    return (voice * envelope * random.uniform(0.6, 1.0)).astype(np.float32), float(angle[-1] % (2 * np.pi))


def _consonant(random: np.random.Generator, rate: int) -> Float32:
    n = int(random.uniform(*_CONSONANT_S) * rate)
    noise = np.diff(random.standard_normal(n + 1))  # brighter than white, as fricatives are
    return (noise * np.hanning(n) * random.uniform(0.02, 0.1)).astype(np.float32)


def clips(
    folder: Path,
    count: int,
    *,
    extension: str = "ogg",
    rate: int = RATE,
    distinct: int = DISTINCT,
    originals: Sequence[Clip] = (),
    processes: int = 1,
) -> Path:
    """Write `count` clips below `folder/clips`, a thousand to a folder, and give the manifest's path.

    Beyond `distinct`, files are hard links to earlier ones, and all are links where `originals` are given. A corpus
    that is complete already is kept. `processes`: so many encode side by side.
    """
    manifest = folder / "manifest.jsonl"
    if manifest.is_file():
        return manifest
    lengths = [] if originals else durations(min(count, distinct))
    entries: list[Clip] = []
    paths = [folder / "clips" / f"{number // 1000:04d}" / f"{number:07d}.{extension}" for number in range(count)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    encode = partial(_encode, rate=rate, subtype=SUBTYPES[extension])
    if processes > 1:
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            list(pool.map(encode, paths[: len(lengths)], lengths, range(len(lengths))))
    else:
        list(map(encode, paths[: len(lengths)], lengths, range(len(lengths))))
    for number, path in enumerate(paths):
        if number < len(lengths):
            duration = lengths[number]
        else:
            original = (originals or entries)[number % (len(originals) or len(lengths))]
            duration = original.duration
            os.link(original.audio, path)
        entries.append(Clip(path.relative_to(folder / "clips").as_posix(), os.fspath(path), duration))
    write_manifest(manifest, entries)
    return manifest


def _encode(path: Path, seconds: float, seed: int, *, rate: int, subtype: str) -> None:
    soundfile.write(path, speechlike(seconds, seed, rate), rate, subtype=subtype)


def recording(path: Path, hours: float, *, rate: int = RATE) -> Path:
    """Write one long recording of speech-like sound with pauses, a minute of it over and over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = [speechlike(length, seed, rate) for seed, length in enumerate(durations(10))]
    pause = np.random.default_rng(0).standard_normal(rate).astype(np.float32) * np.float32(0.001)
    minute = np.concatenate([sound for piece in pieces for sound in (piece, pause)])[: 60 * rate]
    left = round(hours * 3600 * rate)
    with soundfile.SoundFile(path, "w", samplerate=rate, channels=1) as file:
        while left > 0:
            file.write(minute[:left])
            left -= len(minute)
    return path


def write_manifest(path: Path, entries: Iterable[Clip]) -> None:
    """Write one JSON object a line; last of all, so that a manifest stands for a complete corpus."""
    path.write_text("".join(json.dumps(asdict(entry)) + "\n" for entry in entries), encoding="utf-8")


def read_manifest(path: Path) -> Iterator[Clip]:
    """Read what `write_manifest` wrote."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield Clip(**json.loads(line))


def main() -> None:
    """Make a corpus from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--hours", type=float, help="make one recording of this length instead")
    parser.add_argument("--format", choices=SUBTYPES, default="ogg")
    parser.add_argument("--rate", type=int, default=RATE)
    options = parser.parse_args()
    if options.hours:
        print(recording(options.folder / f"long.{options.format}", options.hours, rate=options.rate))
    else:
        print(clips(options.folder, options.clips, extension=options.format, rate=options.rate))


if __name__ == "__main__":
    main()
