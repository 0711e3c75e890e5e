"""What the page's index should answer, told slowly: all segments of a run as plain values, filtered by plain Python."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers.selection import fits
from anime_whisper_ct2.records import RECORDING_FLAGS, Transcript
from anime_whisper_ct2.review.index.queries import Filters
from anime_whisper_ct2.review.index.risk import Signs, risk
from anime_whisper_ct2.review.index.speakers import LEAST_LINES


@dataclass(slots=True)
class Plain:
    """A segment, with what a test may have decided about it."""

    row: int
    rec: int
    id: str
    start: float
    end: float
    text: str
    flags: tuple[str, ...]
    speaker: str
    logprob: float
    doubt: float | None
    retried: bool
    pace: float | None = None
    other: str | None = None
    cer: float | None = None
    status: str = "open"
    tags: tuple[str, ...] = ()
    by: str | None = None
    heard: float | None = None

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def cps(self) -> float:
        return len(self.text) / max(self.end - self.start, 0.1)

    @property
    def risk(self) -> float:
        return risk(Signs(self.logprob, self.doubt, self.flags, self.retried, self.cps, self.pace, self.cer))


def plain(run: Path) -> list[Plain]:
    """Read a run strictly; gives its segments by their rows."""
    found: list[Plain] = []
    for rec, transcript in enumerate(RunFolder(run).transcripts()):
        own = [flag for flag in transcript.flags if flag in RECORDING_FLAGS]
        for segment in transcript.segments:
            found.append(
                Plain(
                    len(found),
                    rec,
                    transcript.id,
                    segment.start,
                    segment.end,
                    segment.text,
                    tuple(dict.fromkeys((*segment.flags, *own))),
                    speaker_of(transcript),
                    segment.avg_logprob,
                    segment.doubt,
                    segment.retries is not None and segment.retries.kept != "first",
                )
            )
    set_paces(found)
    return found


def speaker_of(transcript: Transcript) -> str:
    told = transcript.meta.get("speaker")
    if isinstance(told, str) and told:
        return told
    return transcript.id.partition("/")[0] if "/" in transcript.id else ""


def set_paces(segments: Sequence[Plain]) -> None:
    rates: dict[str, list[float]] = {}
    for one in segments:
        if one.cps > 0:
            rates.setdefault(one.speaker, []).append(one.cps)
    everybody = [rate for some in rates.values() for rate in some]
    for one in segments:
        own = rates.get(one.speaker, [])
        one.pace = median(own if len(own) >= LEAST_LINES else everybody) if everybody else None


def _within(least: float | None, most: float | None) -> Callable[[float], bool]:
    return lambda value: (least is None or value >= least) and (most is None or value <= most)


def _has_flag(one: Plain, flag: str) -> bool:
    return not one.flags if flag == "none" else flag in one.flags


def _has_status(one: Plain, status: str) -> bool:
    return {
        "undecided": one.status in ("open", "conflict"),
        "unheard": one.status == "accepted" and (one.heard or 0.0) < 0.8,
    }.get(status, one.status == status)


def _says(one: Plain, filters: Filters) -> bool:
    alike = unicodedata.normalize("NFKC", one.text)
    if filters.regex:
        found = re.search(filters.search, one.text)
        return bool(found or (filters.nfkc and re.search(filters.search, alike)))
    if filters.nfkc:
        return unicodedata.normalize("NFKC", filters.search) in alike
    return filters.search in one.text


def fitting(segments: Sequence[Plain], filters: Filters) -> list[Plain]:
    """Give the segments that fit all filters."""
    tests: list[Callable[[Plain], bool]] = [
        lambda one: _within(filters.min_s, filters.max_s)(one.seconds),
        lambda one: _within(filters.min_logprob, filters.max_logprob)(one.logprob),
        lambda one: _within(filters.min_cps, filters.max_cps)(one.cps),
    ]
    if filters.flag:
        tests.append(lambda one: _has_flag(one, filters.flag))
    if filters.status:
        tests.append(lambda one: _has_status(one, filters.status))
    if filters.speaker:
        tests.append(lambda one: one.speaker == ("" if filters.speaker == "/" else filters.speaker))
    if filters.tag:
        tests.append(lambda one: filters.tag in one.tags)
    if filters.by:
        tests.append(lambda one: one.by == filters.by)
    if filters.path:
        tests.append(lambda one: fits(one.id, filters.path))
    if filters.search:
        tests.append(lambda one: _says(one, filters))
    if filters.differs:
        tests.append(lambda one: bool(one.cer))
    return [one for one in segments if all(test(one) for test in tests)]


def without(filters: Filters, name: str) -> Filters:
    """Give the other filters."""
    return Filters(**{field.name: getattr(filters, field.name) for field in fields(Filters) if field.name != name})


def ordered(segments: Sequence[Plain], sort: str, *, descending: bool) -> list[int]:
    """Give rows in order."""
    by_id = sorted(segments, key=lambda one: (one.rec, one.start, one.row), reverse=sort == "id" and descending)
    if sort == "id":
        return [one.row for one in by_id]
    name = {"length": "seconds"}.get(sort, sort)
    known = [one for one in by_id if getattr(one, name) is not None]
    # Python's sort is stable in both directions.
    known.sort(key=lambda one: getattr(one, name), reverse=descending)
    return [one.row for one in (*known, *(one for one in by_id if getattr(one, name) is None))]


def counted_flags(segments: Sequence[Plain]) -> dict[str, int]:
    return dict(Counter(flag for one in segments for flag in one.flags))


def counted_speakers(segments: Sequence[Plain]) -> dict[str, int]:
    return dict(Counter(one.speaker for one in segments))


def counted_statuses(segments: Sequence[Plain]) -> dict[str, int]:
    names = ("open", "accepted", "corrected", "rejected", "conflict", "undecided", "unheard")
    return {name: sum(_has_status(one, name) for one in segments) for name in names}


def expected(segments: Sequence[Plain], filters: Filters) -> dict[str, Any]:
    """Say what is to be counted beside a queue."""
    return {
        "seconds": round(sum(one.seconds for one in fitting(segments, filters)), 3),
        "flags": counted_flags(fitting(segments, without(filters, "flag"))),
        "speakers": counted_speakers(fitting(segments, without(filters, "speaker"))),
        "statuses": counted_statuses(fitting(segments, without(filters, "status"))),
    }
