"""Runs with transcripts of one's own, as they lie on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anime_whisper_ct2.journal import Journal
from anime_whisper_ct2.records import Segment, Transcript


def segment(start: float, end: float, text: str = "はい", logprob: float = -0.2, *flags: str) -> Segment:
    return Segment(start, end, text, logprob, 0.01, 0.9, flags)


def transcript(id_: str, *segments: Segment, duration: float | None = None, **more: Any) -> Transcript:
    """A recording as the run gives it; without segments, one without speech."""
    end = segments[-1].end if segments else 1.5
    more = {"flags": () if segments else ("empty",), "meta": {}, **more}
    text = "".join(s.text for s in segments)
    return Transcript(id_, f"corpus/{id_}", end if duration is None else duration, "ja", text, segments, **more)


def short(id_: str, text: str = "はい") -> Transcript:
    return transcript(id_, segment(0.0, 1.5, text))


LONG = transcript(
    "b/長い.ogg",
    segment(0.5, 3.0, "一つ目"),
    segment(4.0, 4.5, "二つ目", -1.5),
    segment(6.0, 20.0, "三つ目", -0.3, "repetition"),
    duration=25.0,
)


def write_run(folder: Path, *transcripts: Transcript) -> Path:
    with Journal(folder, {}) as journal:
        journal.begin({"inputs": ["corpus/"]})
        for one in transcripts:
            journal.write(one)
        journal.finish("finished", {})
    return folder
