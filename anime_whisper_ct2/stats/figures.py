"""The figures of a run, and what may be chosen about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.stats.distribution import Distribution

Grouping = Literal["folder", "none"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """What is listed beside the totals."""

    group_by: Grouping = "folder"  # folder: by the first folder or archive of the id
    top: int = 10  # recordings in each list of the slowest and the worst

    def __post_init__(self) -> None:
        if self.group_by not in GROUPINGS:
            raise InputError(f"there is no grouping {self.group_by!r}; choose one of {', '.join(GROUPINGS)}")
        if self.top < 0:
            raise InputError(f"{self.top} recordings cannot be listed; give 0 or more")


@dataclass(slots=True)
class Amount:
    """How much there is, of all or of one group; it grows while a run is read.

    `audio_s` is how long the recordings last, `segments_s` how long their segments do. `characters` are those of the
    texts, white space apart. `empty` recordings have no text; `flagged` ones have a flag, or a segment of theirs has,
    `empty` apart. `failed` ones are in no other figure.
    """

    recordings: int = 0
    audio_s: float = 0.0
    segments: int = 0
    segments_s: float = 0.0
    characters: int = 0
    empty: int = 0
    flagged: int = 0
    failed: int = 0

    @property
    def hours(self) -> float:
        """How long the recordings last, in hours."""
        return self.audio_s / 3600

    @property
    def chars_per_s(self) -> float | None:
        """Characters to a second of the segments; None where there are no segments."""
        return self.characters / self.segments_s if self.segments_s else None


@dataclass(frozen=True, slots=True)
class FlagCount:
    """How many segments have a flag, and how many recordings: on themselves, or on a segment of theirs."""

    segments: int
    recordings: int


@dataclass(frozen=True, slots=True)
class FailureCount:
    """How many recordings failed at one stage with one error."""

    stage: str
    error: str
    count: int


@dataclass(frozen=True, slots=True)
class Extreme:
    """A recording in a list of the worst, by that segment of its own which is the worst.

    `value` is the segment's figure; times are seconds in the recording.
    """

    value: float
    id: str
    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class RunStats:
    """What a run came to, as far as it has come.

    `run` is the file that was read, `state` what its `run.json` says. `failures`: the most frequent first.
    `distributions`, None for a figure without values: `recording_seconds` counts recordings, `segment_seconds`,
    `characters_per_second` and `avg_logprob` count segments. `flags` and `groups` are sorted by name; the group of
    what lies in no folder is `.`. `extremes`, the worst first: `slowest` and `fastest` by characters per second,
    `lowest_logprob`, `highest_compression`, `highest_doubt`. `warnings`: where the files and `run.json` disagree.
    """

    run: str
    state: str | None
    total: Amount
    failures: tuple[FailureCount, ...]
    distributions: Mapping[str, Distribution | None]
    flags: Mapping[str, FlagCount]
    groups: Mapping[str, Amount]
    extremes: Mapping[str, tuple[Extreme, ...]]
    warnings: tuple[str, ...]
