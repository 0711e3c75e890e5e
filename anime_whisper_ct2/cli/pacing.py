"""How far the work has come, and how long it will take: figures of the moment, put into words."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.search.telling import Advance as SearchAdvance

# Before that, what a run has done says little of what it will do.
_ESTIMATED_AFTER_S = 10.0
# What an adaptation is at, and what it counts meanwhile.
_STAGES = {
    "listening": ("listening at 30 s", "clip"),
    "learning": ("learning", "step"),
    "measuring": ("measuring", "clip"),
}
# The same of a search; what has no noun is counted in bytes.
_SEARCH_STAGES = {
    "hashing": ("reading the checkpoints", ""),
    "listening": ("listening", "recording"),
    "summing": ("summing the checkpoints up", ""),
    "trying": ("trying", "trial"),
    "measuring": ("measuring what was held out", "recording"),
    "averaging": ("averaging", ""),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What is shown of a moment: beside a bar and in a line of a log. `total` 0.0: there is no bar."""

    done: float
    total: float
    short: str
    line: str


def duration(seconds: float) -> str:
    """Write a length of time as people say it: `47 s`, `12 min 30 s`, `5 h 06 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@dataclass(frozen=True, slots=True)
class View:
    """One look at a run, in seconds: of audio those expected, decoded and `through`, and of time.

    What earlier runs have transcribed is part of what is through and of none of the speed. `expected_s` is 0.0, and
    `left_s` None, where they cannot be told.
    """

    totals: Totals
    gone_s: float
    through_s: float = 0.0
    heard_s: float = 0.0
    expected_s: float = 0.0
    speed: float = 0.0
    left_s: float | None = None

    @property
    def short(self) -> str:
        """The figures beside a bar, the ones that move first: a narrow terminal cuts the others off."""
        gone = f"{clock(self.gone_s)} gone"
        if stage := self._stage:
            return f"{stage}, {gone}"
        of = f"/{self._about}{clock(self.expected_s)}" if self.expected_s else ""
        speed = f"{self.speed:.1f}x, " if self.speed else ""
        left = "" if self.left_s is None else f", about {clock(self.left_s)} left"
        heard = f", {clock(self.heard_s)} decoded" if self._is_ahead else ""
        return f"{clock(self.through_s)}{of} of audio, {speed}{gone}{left}, {', '.join(self._counts())}{heard}"

    @property
    def line(self) -> str:
        """The figures as a line of a log."""
        gone = f"{duration(self.gone_s)} gone"
        if stage := self._stage:
            return f"{stage}, {gone}"
        recordings, *others = self._counts()
        heard = f", {duration(self.heard_s)} decoded" if self._is_ahead else ""
        of = f" of {self._about}{duration(self.expected_s)}" if self.expected_s else ""
        speed = f", {self.speed:.1f} times real time" if self.speed else ""
        left = "" if self.left_s is None else f", about {duration(self.left_s)} left"
        audio = f"{duration(self.through_s)}{of} of audio transcribed{speed}"
        return ", ".join((f"{recordings}{heard}", audio, *others, f"{gone}{left}"))

    @property
    def _stage(self) -> str | None:
        """What is done before there is any audio."""
        return {"listing": "looking for recordings", "loading": "loading the model"}.get(self.totals.stage)

    def _counts(self) -> tuple[str, ...]:
        totals = self.totals
        through = totals.done + totals.resumed + totals.failed
        recordings = counted(through, "recording")
        if totals.expected:
            recordings = f"{through:,} of {counted(totals.expected, 'recording')}"
        failed = (f"{totals.failed:,} failed",) if totals.failed else ()
        ending = ("finishing what is in flight",) if totals.stage == "stopping" else ()
        return (recordings, *failed, *ending)

    @property
    def _is_ahead(self) -> bool:
        """Whether more is decoded than transcribed: as soon as it is, one can see that something happens."""
        return self.heard_s > self.through_s

    @property
    def _about(self) -> str:
        """What stands before a length that is partly a guess."""
        totals = self.totals
        known = totals.done + totals.resumed + totals.failed + len(totals.underway)
        return "" if totals.expected == known else "about "


class Pacing:
    """Looks at the totals of a run, which others change meanwhile; it remembers since when there is a speed."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._start_s = now()
        # When the first audio of this run's own came, and how much that was: what is done from then on tells the speed.
        # Before, workers start, and what earlier runs have done is decoded once more.
        self._since_s = self._begun_s = 0.0

    def __call__(self, totals: Totals) -> View:
        """Take a look."""
        now_s = self._now()
        gone_s = now_s - self._start_s
        if totals.stage in ("listing", "loading"):
            return View(totals, gone_s)
        # At once: it may be changed in the middle of a loop.
        underway = list(totals.underway.values())
        done_s = totals.audio_seconds + sum(one.done_s for one in underway)
        kept_s = totals.kept_seconds + sum(one.kept_s for one in underway)
        heard_s = totals.audio_seconds + sum(one.heard_s for one in underway)
        # What came of it or not, it took its time.
        own_s = max(0.0, done_s - kept_s) + totals.lost_seconds
        if not self._begun_s:
            self._since_s, self._begun_s = now_s, own_s
        worked_s = now_s - self._since_s
        # A window that was kept may lower the share of the new ones a little.
        speed = max(0.0, own_s - self._begun_s) / worked_s if worked_s > 0 else 0.0
        ahead_s = _ahead_s(totals, [(one.done_s, max(one.length_s or 0.0, one.heard_s)) for one in underway])
        expected_s = done_s + ahead_s if ahead_s is not None else 0.0
        left_s = ahead_s / speed if ahead_s is not None and speed > 0 and worked_s >= _ESTIMATED_AFTER_S else None
        if totals.stage == "stopping":
            left_s = None
        return View(totals, gone_s, done_s, heard_s, expected_s, speed, left_s)


def _ahead_s(totals: Totals, underway: list[tuple[float, float]]) -> float | None:
    """Estimate the audio that is left: the rest of the long recordings in work, and the others at the mean.

    `underway` holds of each how much is done and how long it is. None: nobody knows how many recordings there are.
    """
    if totals.expected is None:
        return None
    through = totals.done + totals.resumed + totals.failed
    others = max(0, totals.expected - through - len(underway))
    rest_s = sum(length_s - done_s for done_s, length_s in underway)
    if not others:
        return rest_s
    known = totals.done + len(underway)
    if not known:
        return None
    return rest_s + others * (totals.audio_seconds + sum(length_s for _, length_s in underway)) / known


def _begun(what: str, gone_s: float) -> Look:
    return Look(0.0, 0.0, f"{what}, {clock(gone_s)} gone", f"{what}, {duration(gone_s)} gone")


def _left(seconds: float | None) -> tuple[str, str]:
    """Say how long a stage will take still, for a bar and for a line; nothing where that is not known."""
    if seconds is None:
        return "", ""
    return f", about {clock(seconds)} left of it", f", about {duration(seconds)} left of it"


def look_at(advance: Advance | None, gone_s: float) -> Look:
    """Put into words how far an adaptation has come; None: it has not begun."""
    if advance is None:
        return _begun("opening the checkpoint", gone_s)
    stage, what = _STAGES[advance.stage]
    found = "" if advance.loss is None else f", loss {advance.loss:.3g}"
    if advance.held_out is not None:
        found += f", {advance.held_out:.1f} % of the tokens held out differ"
    short, line = _left(advance.seconds_left)
    return Look(
        advance.done,
        advance.total,
        # First what moves most: a narrow terminal cuts the others off.
        f"{stage} {advance.done:,}/{advance.total:,}{short}{found}, {clock(gone_s)} gone",
        f"{stage}, {advance.done:,} of {counted(advance.total, what)}{found}, {duration(gone_s)} gone{line}",
    )


def look_at_search(advance: SearchAdvance | None, gone_s: float) -> Look:
    """Put into words how far a search has come; None: it has not begun."""
    if advance is None:
        return _begun("opening the checkpoints", gone_s)
    stage, what = _SEARCH_STAGES[advance.stage]
    found = "" if advance.cer is None else f", CER {advance.cer:.2f} % so far"
    if advance.best is not None:
        found += f", best {advance.best:.2f} %"
    short, line = _left(advance.seconds_left)
    if what:
        few, many = f"{advance.done:,}/{advance.total:,}", f"{advance.done:,} of {counted(advance.total, what)}"
    else:
        few = many = f"{advance.done / 1e6:,.0f} of {advance.total / 1e6:,.0f} MB"
    return Look(
        advance.done,
        advance.total,
        f"{stage} {few}{short}{found}, {clock(gone_s)} gone",
        f"{stage}, {many}{found}, {duration(gone_s)} gone{line}",
    )


def clock(seconds: float) -> str:
    """Write a time as a clock does: 0:47, 12:30, 5:06:00."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
