"""Runs with transcripts of one's own, as they lie on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import Part, to_json
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.records import Failure, Segment, Transcript


def segment(start: float, end: float, text: str = "はい", logprob: float = -0.2, *flags: str) -> Segment:
    return Segment(start, end, text, logprob, 0.01, 0.9, flags)


def transcript(id_: str, *segments: Segment, duration: float | None = None, **more: Any) -> Transcript:
    """A recording as the run gives it; without segments, one without speech."""
    end = segments[-1].end if segments else 1.5
    more = {"flags": () if segments else ("empty",), "meta": {}, **more}
    text = "".join(s.text for s in segments)
    return Transcript(id_, f"corpus/{id_}", end if duration is None else duration, "ja", text, segments, **more)


def short(id_: str, text: str = "はい") -> Transcript:
    """A recording of one segment."""
    return transcript(id_, segment(0.0, 1.5, text))


LONG = transcript(
    "b/長い.ogg",
    segment(0.5, 3.0, "一つ目"),
    segment(4.0, 4.5, "二つ目", -1.5),
    segment(6.0, 20.0, "三つ目", -0.3, "repetition"),
    duration=25.0,
)


def write_run(folder: Path, *transcripts: Transcript) -> Path:
    """Write a run as the journal does; gives its folder."""
    with Journal(folder, {}) as journal:
        journal.begin({"inputs": ["corpus/"]})
        for one in transcripts:
            journal.write(one)
        journal.finish("finished", {})
    return folder


def part(*done: str, failed: Iterable[str] = (), name: str = "p") -> Part:
    """Lines that were written elsewhere, as they come back from there."""
    failures = [Failure(id_, id_, "decode", "DecodeError", "no audio") for id_ in failed]
    counts = Counts()
    for outcome in (*map(short, done), *failures):
        counts.add(Counts.of(outcome))
    transcripts = "".join(to_json(short(id_)) + "\n" for id_ in done)
    return Part(name, transcripts.encode(), "".join(to_json(one) + "\n" for one in failures).encode(), counts)
