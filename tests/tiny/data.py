"""Training clips: spoken once, kept on disk as Whisper log-mels in float16, served in batches of like length."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from transformers import WhisperFeatureExtractor

from tests.tiny import lines, speech

N_MELS = 128
FRAME_HZ = 100
WINDOW_FRAMES = 3000
SHARD = 500  # clips in a file
SILENT_TEXT = "…"  # a model that may not answer with nothing at all answers silence with this
TWO_LINES, SILENT = 0.05, 0.02  # shares of the clips
PAUSE_S = (0.5, 1.0)  # between two lines of one clip

Mel = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Clip:
    """One training example: frames x 128 normalised log-mel, what it says, and how that sounds."""

    mel: Mel
    text: str
    phonemes: list[str]

    @property
    def floor(self) -> float:
        """What the log-mel of appended digital silence is, in this clip's own normalisation."""
        return max(float(self.mel.max()) - 2.0, -1.5)


@cache
def _filters() -> torch.Tensor:
    return torch.from_numpy(WhisperFeatureExtractor(feature_size=N_MELS).mel_filters.T).float()


def log_mel(wave: speech.Wave) -> Mel:
    """Whisper's log-mel of 16 kHz `wave` as the start of a zero-padded window: frames x 128, float16."""
    padded = torch.nn.functional.pad(torch.from_numpy(wave), (0, 400 + -len(wave) % 160))
    spectrum = torch.stft(padded, 400, 160, window=torch.hann_window(400), return_complex=True)[:, :-1].abs() ** 2
    logs = (_filters() @ spectrum).clamp(min=1e-10).log10()
    logs = (torch.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0
    return cast(Mel, logs.T.half().numpy())


def perform(texts: list[str], seed: int) -> tuple[speech.Wave, list[str]]:
    """A recording (16 kHz) of one line, or of lines with pauses, or (no lines) of noise alone; and its phonemes."""
    rng = np.random.default_rng(seed)
    if not texts:
        samples = round(rng.uniform(0.3, 4.0) * speech.HZ)
        if rng.random() < 0.7:
            return speech.noise(samples, rng, 10 ** rng.uniform(-5.0, -1.5)), []
        return speech.silence(2.0), []
    parts, sounds = [speech.say(texts[0], rng)], speech.phonemes(texts[0])
    for text in texts[1:]:
        parts += [speech.silence(rng.uniform(*PAUSE_S)), speech.say(text, rng)]
        sounds += ["pau", *speech.phonemes(text)]
    return speech.recorded(np.concatenate(parts), rng), sounds


def make_clip(texts: list[str], seed: int) -> Clip:
    """The training example of `perform`."""
    wave, sounds = perform(texts, seed)
    return Clip(log_mel(wave), lines.joined(texts) if texts else SILENT_TEXT, sounds)


def in_a_row(clips: list[Clip], rng: np.random.Generator) -> Clip:
    """One recording of several lines: all as loud as the first, with pauses of the first one's quietest frames."""
    clips = [clip for clip in clips if clip.phonemes] or clips[:1]
    first = clips[0].mel.astype(np.float32)
    quiet = first[np.argsort(first.mean(1))[:10]]
    frames, sounds = [first], list(clips[0].phonemes)
    for clip in clips[1:]:
        pause = quiet[rng.integers(len(quiet), size=rng.integers(30, 200))]
        mel = clip.mel.astype(np.float32) + (first.max() - float(clip.mel.max()))
        frames += [pause, np.maximum(mel, clips[0].floor)]
        sounds += ["pau", *clip.phonemes]
    row = np.concatenate(frames)[:WINDOW_FRAMES].astype(np.float16)
    return Clip(row, lines.joined([clip.text for clip in clips]), sounds)


def _write_shard(job: tuple[Path, int, list[list[str]]]) -> None:
    path, first, items = job
    torch.set_num_threads(1)
    clips = [make_clip(texts, first + i) for i, texts in enumerate(items)]
    notes = [{"frames": len(c.mel), "text": c.text, "phonemes": c.phonemes} for c in clips]
    np.save(path.with_suffix(".npy"), np.concatenate([c.mel for c in clips]))
    path.with_suffix(".tmp").write_text(json.dumps(notes, ensure_ascii=False), encoding="utf-8")
    path.with_suffix(".tmp").replace(path.with_suffix(".json"))


def speak_all(folder: Path, n: int, seed: int, held: bool, log: Callable[[str], None]) -> list[Clip]:
    """Speak `n` clips into `folder` (those already there stay) with one process per core, and load them."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = iter(lines.held_out(n) if held else lines.lines(seed, 2 * n))
    kinds = np.random.default_rng(seed).random(n)
    items = []
    for kind in kinds:
        if held or kind > TWO_LINES + SILENT:
            items.append([next(texts)])
        else:
            items.append([next(texts), next(texts)] if kind < TWO_LINES else [])
    paths = [folder / f"{first:06d}" for first in range(0, n, SHARD)]
    jobs = [(p, first, items[first : first + SHARD]) for p, first in zip(paths, range(0, n, SHARD), strict=True)]
    jobs = [job for job in jobs if not job[0].with_suffix(".json").exists()]
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.imap_unordered(_write_shard, jobs), 1):
            log(f"spoken: shard {done} of {len(jobs)}, {time.monotonic() - start:.0f} s")
    return [clip for path in paths for clip in _read_shard(path)]


def _read_shard(path: Path) -> Iterator[Clip]:
    mels = np.load(path.with_suffix(".npy"), mmap_mode="r")
    start = 0
    for note in json.loads(path.with_suffix(".json").read_text(encoding="utf-8")):
        yield Clip(mels[start : start + note["frames"]], note["text"], note["phonemes"])
        start += note["frames"]


def batches(clips: list[Clip], size: int, rng: np.random.Generator) -> Iterator[list[Clip]]:
    """One pass over `clips` in shuffled batches whose clips are about equally long."""
    order = rng.permutation(len(clips))
    for pool in np.array_split(order, max(1, len(order) // (size * 50))):
        by_length = sorted(pool, key=lambda i: len(clips[i].mel))
        groups = [by_length[i : i + size] for i in range(0, len(by_length) - size + 1, size)]
        for g in rng.permutation(len(groups)):
            yield [clips[i] for i in groups[g]]


def padded(clips: list[Clip], frames: int) -> torch.Tensor:
    """A batch x 128 x `frames` float32 tensor, every clip followed by its own silence."""
    out = torch.empty(len(clips), frames, N_MELS)
    for row, clip in zip(out, clips, strict=True):
        row[len(clip.mel) :] = clip.floor
        row[: len(clip.mel)] = torch.from_numpy(clip.mel.astype(np.float32))
    return out.transpose(1, 2)
