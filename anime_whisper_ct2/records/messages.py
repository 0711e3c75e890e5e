"""What the front end says, besides windows, while it works through a recording.

`key` numbers the recordings of a run.
"""

from __future__ import annotations

from dataclasses import dataclass

from anime_whisper_ct2.records.recordings import Home, Recording


@dataclass(frozen=True, slots=True)
class Opened:
    """The work on a recording has begun."""

    key: int
    recording: Recording


@dataclass(frozen=True, slots=True)
class Closed:
    """Every window of a recording has been handed over: `windows` of them, over `duration` seconds.

    `missing_s` as in `Transcript`; `flags` are what the sound itself has.
    """

    key: int
    windows: int
    duration: float
    missing_s: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """So many seconds of a long recording have been decoded; `length_s` is what its header promises, if anything."""

    key: int
    seconds: float
    length_s: float | None = None


@dataclass(frozen=True, slots=True)
class AtHome:
    """A window that is the one in the recording's `home`: nothing is left to be done for it."""

    key: int
    number: int


@dataclass(frozen=True, slots=True)
class Headway:
    """How far a long recording has come, in seconds of it; `homes` are its windows that were finished since the last.

    `heard_s` is decoded, and `done_s` of that transcribed, `kept_s` of it in an earlier try; `length_s` as in `Heard`.
    """

    key: int
    id: str
    heard_s: float
    done_s: float
    kept_s: float
    length_s: float | None = None
    homes: tuple[Home, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A recording cannot be finished."""

    key: int
    stage: str
    error: str
    message: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing new arrived for a moment: time for the stages to look at what is due."""


@dataclass(frozen=True, slots=True)
class Drained:
    """No more windows will come: what follows is what waited for others of its length."""
