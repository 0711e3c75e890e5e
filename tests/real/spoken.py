"""What was spoken: sixty lines of five voices, and a recording of eight minutes of three of them.

The lists lie beside the sound: `data/clips.jsonl`, a manifest, and `data/recording.jsonl` with the times of its lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

DATA = Path(__file__).parent / "data"
CLIPS, RECORDING, TIMES = DATA / "clips.jsonl", DATA / "recording.ogg", DATA / "recording.jsonl"
# From here on there is music under the recording.
MUSIC_FROM_S = 240.0
# The doubt of a text was fitted to other lines of these voices; the three others have been held out.
FITTED_TO = frozenset(("jf_alpha", "jf_nezumi"))
HZ = 16_000
_AROUND_S = 0.2


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line, who speaks it, and its sound: shape (n,), 16 kHz, with a little silence around."""

    id: str
    speaker: str
    text: str
    samples: npt.NDArray[np.float32]

    @property
    def held_out(self) -> bool:
        """Whether nothing was fitted to this voice."""
        return self.speaker not in FITTED_TO


def lines(path: Path) -> list[dict[str, Any]]:
    """Read a list of lines, as it lies in `data`."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a list of lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def clips() -> Iterator[Spoken]:
    """Give the sixty lines."""
    for row in lines(CLIPS):
        yield Spoken(row["audio"], row["speaker"], row["text"], _heard(DATA / row["audio"]))


def recorded() -> Iterator[Spoken]:
    """Cut the lines of the recording out of it, music and all."""
    whole = _heard(RECORDING)
    for number, row in enumerate(lines(TIMES)):
        first, last = (round(at * HZ) for at in (row["start"] - _AROUND_S, row["end"] + _AROUND_S))
        yield Spoken(f"recording-{number:02d}", row["speaker"], row["text"], whole[first:last])


def _heard(path: Path) -> npt.NDArray[np.float32]:
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, HZ), np.float32)
