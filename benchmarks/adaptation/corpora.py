"""Two corpora: one to learn from, without texts, and one to measure with, of other lines and, in part, other voices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile

from benchmarks.adaptation.sounds import HZ, Float32, read, varied
from benchmarks.adaptation.speech import UNHEARD, Job
from benchmarks.measures import genuine
from tests.real import spoken
from tests.real.spoken import Spoken


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is measured with; `id` is its file's name below `clips`."""

    id: str
    speaker: str
    text: str

    @property
    def unheard(self) -> bool:
        """Whether its voice is never learnt from."""
        return self.speaker in UNHEARD


def train(lines: Sequence[Job], of: Path, folder: Path) -> Path:
    """Write what is learnt from, as FLAC in a folder, and give that. `of`: where the lines are as they were spoken."""
    _complete(folder, {job.file: partial(_varied, job, of) for job in lines})
    return folder


def held(lines: Sequence[Job], of: Path, folder: Path, genuine_lines: int | None = None) -> list[Line]:
    """Write what is measured with into `folder/clips`, the texts into `folder/references.jsonl`, and give the lines.

    Behind the lines come those of `benchmarks.measures.genuine`, all or so many, as they are.
    """
    wanted: dict[str, Callable[[], Float32]] = {}
    found: list[Line] = []
    for job in lines:
        wanted[job.file] = partial(_varied, job, of)
        found.append(Line(job.file, job.voice, job.text))
    for line in genuine.lines(genuine_lines):
        file = f"spoken-{Path(line.id).stem}-{line.speaker}.flac"
        wanted[file] = partial(_as_it_is, line)
        found.append(Line(file, line.speaker, line.text))
    _complete(folder / "clips", wanted)
    texts = [{"id": line.id, "speaker": line.speaker, "text": line.text} for line in found]
    spoken.write_lines(folder / genuine.REFERENCES, texts)
    return found


def minutes(folder: Path) -> float:
    """Give how long the files of a folder are."""
    return sum(float(soundfile.info(path).duration) for path in folder.iterdir()) / 60


def _varied(job: Job, of: Path) -> Float32:
    return varied(read(of / job.file), job.name)


def _as_it_is(line: Spoken) -> Float32:
    return line.samples


def _complete(folder: Path, wanted: dict[str, Callable[[], Float32]]) -> None:
    """Have a folder hold the files that are wanted, and no others; those that are there stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, samples in wanted.items():
        path = folder / name
        if not path.is_file():
            beside = path.with_suffix(".part")
            soundfile.write(beside, samples(), HZ, format="FLAC", subtype="PCM_16")
            beside.replace(path)
