"""Checkpoints in a row: of a short training of the tests' model, or such as only their size matters of."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from benchmarks.measures.places import ROOT, search_path
from benchmarks.measures.standins import SIZES, Size, write_checkpoint

COUNT = 8
WEIGHTS = "model.safetensors"
# Of what OpenAI calls base, with as many mel bands as the tests' model: eight of it, and sums of them, fit in memory.
SHAPES: dict[str, Size] = {
    "tiny": SIZES["tiny"],
    "base": Size(512, 8, 2048, encoder=6, decoder=6, text_tokens=50_257),
}
# How far the checkpoints of a made-up series lie apart, beside weights of 0.02.
_NOISE = 0.001


def trained(folder: Path, clips: int, steps: int) -> tuple[Path, ...]:
    """Train the tests' model, or go on with it, and give the checkpoints that were kept, in order."""
    kept = sorted((folder / "kept").glob("checkpoint-*"), key=_step)
    if len(kept) < COUNT:
        asked = ("--out", str(folder), "--clips", str(clips), "--steps", str(steps), "--keep", str(COUNT))
        # Threads that wait busily slow down whatever shares the cores with them.
        environment = {**os.environ, "PYTHONPATH": search_path(), "OMP_WAIT_POLICY": "PASSIVE"}
        subprocess.run([sys.executable, "-m", "tests.tiny.train", *asked], cwd=ROOT, env=environment, check=True)
        kept = sorted((folder / "kept").glob("checkpoint-*"), key=_step)
    return tuple(kept)


def strayed(of: Path, folder: Path, by: Sequence[float]) -> tuple[Path, ...]:
    """Write checkpoints that each lie so far from one, by noise of their own, into a folder; those there stay."""
    made = []
    for number, scale in enumerate(by):
        place = folder / f"checkpoint-{100 * (number + 1)}"
        if not (place / WEIGHTS).is_file():
            random = np.random.default_rng(number)
            place.mkdir(parents=True, exist_ok=True)
            for path in of.iterdir():
                if path.name != WEIGHTS:
                    shutil.copy(path, place)
            noisy = {
                name: value + random.standard_normal(value.shape, np.float32) * np.float32(scale)
                for name, value in load_file(of / WEIGHTS).items()
            }
            save_file(noisy, place / WEIGHTS, metadata={"format": "pt"})
        made.append(place)
    return tuple(made)


def made_up(shape: str, folder: Path, count: int) -> tuple[Path, ...]:
    """Write so many checkpoints of a size, which say the same known text of every clip, into a folder."""
    first = folder / "first"
    if not (first / "merges.txt").is_file():  # written last
        write_checkpoint(first, SHAPES[shape])
    return strayed(first, folder / "kept", [_NOISE] * count)


def parameters(checkpoint: Path) -> int:
    """Count the weights of a checkpoint."""
    with safe_open(checkpoint / WEIGHTS, "np") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no mapping


def _step(path: Path) -> int:
    return int(path.name.rpartition("-")[2])
