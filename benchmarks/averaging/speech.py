"""Lines that no training has seen, spoken into files, with their texts beside."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import soundfile

from tests.real.spoken import write_lines

REFERENCES = "references.jsonl"
# The training itself looks at the first ones as it goes.
_FIRST = 60


def texts(first: int, count: int) -> list[str]:
    """Give so many of the lines that are held out of every training, from one on."""
    from tests.tiny import lines

    return lines.held_out(_FIRST + first + count)[_FIRST + first :]


def spoken(folder: Path, said: Sequence[str], seed: int) -> Path:
    """Speak lines into `folder/clips`, as they were recorded for the training, and give `folder/references.jsonl`.

    Files that are there stay. `seed`: of the first line's voice and noise.
    """
    from tests.tiny import data
    from tests.tiny.speech import HZ

    clips = folder / "clips"
    clips.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, text in enumerate(said):
        path = clips / f"line-{seed + number:05d}.flac"
        if not path.is_file():
            wave, _ = data.perform([text], seed + number)
            beside = path.with_suffix(".part")
            soundfile.write(beside, wave, HZ, format="FLAC", subtype="PCM_16")
            beside.replace(path)
        rows.append({"id": path.name, "text": text})
    write_lines(folder / REFERENCES, rows)
    return folder / REFERENCES


def first(clips: Path, folder: Path, count: int) -> Path:
    """Copy the first so many of a folder's clips into another, and give that."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(clips.glob("*.flac"))[:count]:
        shutil.copy(path, folder)
    return folder


def minutes(folder: Path) -> float:
    """Give how long the clips of a corpus are."""
    return sum(float(soundfile.info(path).duration) for path in (folder / "clips").iterdir()) / 60
