"""The lines, who speaks which, and having them spoken: what was spoken before stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from benchmarks.adaptation.voices import OPENJTALK

LINES = Path(__file__).parent / "lines"
VOICES = Path(__file__).with_name("voices.py")
Part = Literal["train", "held"]
# Whose lines are learnt from; the others are only ever measured with.
TAUGHT = ("jf_alpha", "jf_gongitsune", "jf_nezumi")
UNHEARD = ("jf_tebukuro", "jm_kumo")
_SPEEDS = (1.0, 1.12, 0.9, 1.2, 1.05, 0.95, 1.3)
# Seconds after which is told how far it has come.
_TELL_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """A line to be spoken. `half_tones`: by which pyopenjtalk's voice is raised; Kokoro's are as they are."""

    part: Part
    number: int
    text: str
    voice: str
    speed: float
    half_tones: float

    @property
    def name(self) -> str:
        """What the line is called, whatever it says."""
        return f"{self.part}-{self.number:03d}-{self.voice}"

    @property
    def file(self) -> str:
        """The name of its file: another line, or one spoken otherwise, has another."""
        return f"{self.name}-{zlib.crc32(repr((self.text, self.speed, self.half_tones)).encode()):08x}.flac"


def jobs(part: Part, count: int | None = None) -> list[Job]:
    """Give all lines of a part, or the first so many, with their voices in turn."""
    voices = (*TAUGHT, OPENJTALK) if part == "train" else (*TAUGHT, *UNHEARD)
    pace = 5 if part == "train" else 3
    lines = (LINES / f"{part}.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for number, text in enumerate(lines[:count]):
        voice = voices[number % len(voices)]
        half_tones = 1.5 * (number % 5 - 2) if voice == OPENJTALK else 0.0
        found.append(Job(part, number, text, voice, _SPEEDS[number * pace % len(_SPEEDS)], half_tones))
    return found


def stood_in(lines: Sequence[Job]) -> list[Job]:
    """Have pyopenjtalk's voice speak everything, each voice at a pitch of its own: that one needs no network."""
    voices = (OPENJTALK, *TAUGHT, *UNHEARD)
    return [replace(job, half_tones=float(voices.index(job.voice) - 2)) for job in lines]


def speak(lines: Sequence[Job], folder: Path, python: Callable[[], Path], *, stand_in: bool = False) -> Path:
    """Have what is missing spoken into a folder, and give that. `python`: finds one that has the voices.

    With `stand_in`, pyopenjtalk's voice speaks for all. Raises SystemExit where a voice fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [job for job in lines if not (folder / job.file).is_file()]
    if not missing:
        return folder
    mouth, share = python(), max(1, len(os.sched_getaffinity(0)))
    print(f"{len(missing)} of {len(lines)} lines are to be spoken", file=sys.stderr)
    at_work = []
    for first in range(min(share, len(missing))):
        asked = [
            {**asdict(job), "voice": OPENJTALK if stand_in else job.voice, "path": str(folder / job.file)}
            for job in missing[first::share]
        ]
        process = subprocess.Popen([mouth, VOICES], stdin=subprocess.PIPE, text=True, encoding="utf-8")
        assert process.stdin is not None
        with process.stdin as jobs_of_it:
            jobs_of_it.write("".join(json.dumps(job) + "\n" for job in asked))
        at_work.append(process)
    told = time.monotonic()
    while any(process.poll() is None for process in at_work):
        time.sleep(0.2)
        if time.monotonic() - told > _TELL_EVERY_S:
            told = time.monotonic()
            done = sum((folder / job.file).is_file() for job in missing)
            print(f"{done} of {len(missing)} lines are spoken", file=sys.stderr)
    if any(process.returncode for process in at_work):
        raise SystemExit("a voice failed, as said above; what is spoken stays, and the next call goes on")
    return folder


def python_with_voices(folder: Path) -> Path:
    """Give a Python that has the voices: that of an environment of their own, made where it is not there yet.

    Raises CalledProcessError where the packages cannot be had.
    """
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.is_file():
        print(f"installing the voices into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        wanted = VOICES.with_suffix(".txt")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--requirement", wanted], check=True)
        done.touch()
    return python
