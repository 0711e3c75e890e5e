"""The figures of a run, and what may be chosen about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.reviews import ReviewOptions
from anime_whisper_ct2.stats.distribution import Distribution

Grouping = Literal["folder", "none"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """What is listed beside the totals, and of what."""

    group_by: Grouping = "folder"  # folder: by the first folder or archive of the id
    top: int = 10  # recordings in each list of the slowest and the worst
    review: ReviewOptions = field(default_factory=ReviewOptions)  # how decisions of a review are applied

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
class Reviewer:
    """What one reviewer has done.

    `decisions` that stand; `audio_s`: how long the segments last that these decided. `work_s`: how long it took, from
    when a segment was shown to the decision, a minute at most; `timed` decisions stand of which that is known, those of
    batches apart.
    """

    decisions: int
    audio_s: float
    work_s: float
    timed: int

    @property
    def clips_per_hour(self) -> float | None:
        """Decisions to an hour of work; None where that is not known."""
        return 3600 * self.timed / self.work_s if self.work_s else None


@dataclass(frozen=True, slots=True)
class Sample:
    """A random sample that somebody listened to: `wrong` of `k`, drawn from so many.

    `bound`: with 95 % confidence, at most this share of all is wrong.
    """

    reviewer: str
    at: str
    of: int
    k: int
    wrong: int
    bound: float


@dataclass(frozen=True, slots=True)
class ReviewStats:
    """What a review has come to; segments, but for `stale`, which are decisions about what is not there any more.

    `decided_s`: how long those last that were accepted, corrected or rejected. `unheard` ones were accepted, and less
    than 80 % of them was played. Those that reviewers differ about are `conflicts`, and open. `reviewers` by name.
    """

    accepted: int
    corrected: int
    rejected: int
    open: int
    decided_s: float
    unheard: int
    conflicts: int
    stale: int
    reviewers: Mapping[str, Reviewer]
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class RunStats:
    """What a run came to, as far as it has come.

    `run` is the file that was read, `state` what its `run.json` says. `failures`: the most frequent first.
    `distributions`, None for a figure without values: `recording_seconds` counts recordings, `segment_seconds`,
    `characters_per_second` and `avg_logprob` count segments. `flags` and `groups` are sorted by name; the group of
    what lies in no folder is `.`. `extremes`, the worst first: `slowest` and `fastest` by characters per second,
    `lowest_logprob`, `highest_compression`, `highest_doubt`. `warnings`: where the files and `run.json` disagree.
    `review`: None where nothing was decided, or decisions are passed over; else texts are as it leaves them, and what
    is rejected counts in no figure of segments.
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
    review: ReviewStats | None = None
