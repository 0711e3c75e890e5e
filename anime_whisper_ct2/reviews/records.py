"""What reviewers decide, and what a recording comes to by that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from anime_whisper_ct2.records import Verdict

Action = Literal["accept", "correct", "reject", "tag", "trim", "split", "merge", "undo", "sample"]
ACTIONS: tuple[Action, ...] = get_args(Action)
# What becomes of two people's different outcomes: the earlier counts, the later, or the segment is left out.
Conflicts = Literal["first", "last", "drop"]
CONFLICTS: tuple[Conflicts, ...] = get_args(Conflicts)


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of a log. Times in seconds from the recording's start, as the reviewer saw the segment.

    `at`: UTC, as `2026-11-29T20:41:14.123456Z`; in one log every line's is later than that of the line before. `seen`:
    the version (`versions.version_of`) of the segment that was seen. `value`, by action:

        correct   the new text
        tag       {"add": [names], "remove": [names]}
        trim      {"start": s, "end": s}
        split     [{"start": s, "end": s, "text": text}, …], two or more, in order
        merge     {"start": s, "end": s, "text": text, "with": {"start": s, "end": s, "seen": version}}
        undo      the step that is undone; of an undo's own step, that is a redo
        sample    what was drawn, and what it told (`samples.Sample`); id, start, end and seen say nothing
        others    None

    `batch`: lines that were one step share it. `heard`: share of the segment that was played, 0 to 1, at `rate` times
    its speed; `ms`: from when it was shown to the decision.
    """

    at: str
    reviewer: str
    id: str
    start: float
    end: float
    seen: str
    action: Action
    value: Any = None
    batch: str | None = None
    heard: float | None = None
    ms: int | None = None
    rate: float | None = None

    @property
    def step(self) -> str:
        """What an undo names: the batch, or the time of a line by itself."""
        return self.batch or self.at


@dataclass(frozen=True, slots=True)
class Rival:
    """What one reviewer made of a segment that another made something else of: segments, none where it is rejected."""

    decision: Decision
    segments: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment as the decisions leave it.

    `origins`: which of the run's segments it was made of, by their numbers. `verdict`: what was decided, None where
    nothing was yet; `decided` is the line that did. `text_by`: the line that made its text another one than the run's.
    `last`: the last line that made it what it is, of whatever action; None of the run's own.
    `rivals`: what others made of it without having seen this; a conflict where there are any, until somebody who saw
    them decides.
    """

    start: float
    end: float
    text: str
    origins: tuple[int, ...]
    verdict: Verdict | None = None
    decided: Decision | None = None
    text_by: Decision | None = None
    tags: tuple[str, ...] = ()
    rivals: tuple[Rival, ...] = ()
    last: Decision | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a recording comes to: its segments in the order of their times, rejected ones among them.

    `stale`: decisions about what is not there, because the run was redone. `undone`: how many decisions are undone.
    """

    pieces: tuple[Piece, ...]
    stale: tuple[Decision, ...] = ()
    applied: int = 0
    undone: int = 0


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """How decisions are applied to a run.

    `review`: `all` applies them, `accepted` also leaves out what nobody accepted or corrected, `none` passes over them.
    `conflicts` None: where there are any, it is said, and the run's own text stands.
    """

    review: Literal["all", "accepted", "none"] = "all"
    conflicts: Conflicts | None = None


@dataclass(slots=True)
class Counts:
    """What a review has come to so far; segments, but for `decisions`, which are lines."""

    decisions: int = 0
    accepted: int = 0
    corrected: int = 0
    rejected: int = 0
    stale: int = 0
    conflicts: int = 0
    changed_times: int = 0
    reviewers: Mapping[str, int] = field(default_factory=dict)
