"""An executor that answers at once, in the place of audio, features and model: for whom only the rest is measured."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.records import Outcome, Recording, Segment, Transcript, Worked
from benchmarks.measures.standins import TEXT

OPENER = "benchmarks.measures.instant:open_instant"
DURATION_S = 5.1


class Instant:
    """Gives each recording a text of the usual length without opening it."""

    def __init__(self) -> None:
        self.description: dict[str, Any] = {"engine": "answers at once"}
        self.figures: dict[str, Any] = {}
        self.worked = Worked()
        self.ladder = Ladder()
        self._stopped = False

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Answer each as it comes."""
        for number, recording in tasks:
            if self._stopped:
                return
            yield number, transcript(recording)

    def stop(self) -> None:
        """Answer nothing any more."""
        self._stopped = True

    def close(self) -> None:
        """Nothing is held."""


def transcript(recording: Recording) -> Transcript:
    """Give what a line of `transcripts.jsonl` usually holds: one segment with 24 kana, about 400 bytes in all."""
    segment = Segment(0.0, DURATION_S, TEXT, -0.2718281828, 0.0314159265, 0.8571428571)
    return Transcript(recording.id, recording.name, DURATION_S, "ja", TEXT, (segment,), (), recording.meta)


def open_instant(_settings: object) -> Instant:
    """Make one; the settings are for others."""
    return Instant()


@contextmanager
def instant_here(*_: object) -> Iterator[Instant]:
    """Make one where a local run opens its engine."""
    yield Instant()
