"""The figures of a run, as text for a terminal and as a tree for JSON."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.stats.distribution import PERCENTILES, Distribution, Histogram
from anime_whisper_ct2.stats.figures import Amount, ReviewStats, RunStats

# What the figures are called where people read them.
FIGURES = {
    "recording_seconds": "recordings, seconds",
    "segment_seconds": "segments, seconds",
    "characters_per_second": "characters a second",
    "avg_logprob": "log-probability",
}
_EXTREMES = {
    "slowest": "Slowest, characters a second",
    "fastest": "Fastest, characters a second",
    "lowest_logprob": "Lowest log-probability",
    "highest_compression": "Highest compression ratio",
    # Last, where a terminal stays.
    "highest_doubt": "What to listen to first, by doubt",
}
DECIMALS = dict.fromkeys((*FIGURES, *_EXTREMES), 2) | {"avg_logprob": 3, "lowest_logprob": 3}
_BARS = "▁▂▃▄▅▆▇█"
# More would push the totals off a screen.
_MOST_GROUPS = 30
_MOST_TEXT_COLUMNS = 60
_NONE = "-"


def as_json(stats: RunStats) -> dict[str, Any]:
    """Give the figures as JSON values; floats have at most six decimals. What there is nothing of is None."""
    return {
        "run": stats.run,
        "state": stats.state,
        **_amount(stats.total),
        "failures": [asdict(failure) for failure in stats.failures],
        "distributions": {name: _distribution(values) for name, values in stats.distributions.items()},
        "flags": {flag: asdict(count) for flag, count in stats.flags.items()},
        "groups": {name: _amount(amount) for name, amount in stats.groups.items()},
        "extremes": {
            name: [
                {
                    "value": round(worst.value, 6),
                    "id": worst.id,
                    "start": worst.start_s,
                    "end": worst.end_s,
                    "text": worst.text,
                }
                for worst in extremes
            ]
            for name, extremes in stats.extremes.items()
        },
        "warnings": list(stats.warnings),
        "review": None if stats.review is None else _review_tree(stats.review),
    }


def as_text(stats: RunStats) -> str:
    """Give the figures as tables, aligned for a terminal that shows East Asian wide characters in two columns."""
    parts = [_totals(stats), _distributions(stats)]
    if stats.flags:
        parts.append(_flags(stats))
    if stats.groups:
        parts.append(_groups(stats))
    if stats.review is not None:
        parts.append(_review(stats.review))
    parts += _extremes(stats)
    return "\n\n".join("\n".join(part) for part in parts)


def columns(text: str) -> int:
    """Give the columns of a terminal that a text takes: two for a wide character, none for one that combines."""
    # What is of ambiguous width takes one column on most terminals.
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me") else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text
    )


def _amount(amount: Amount) -> dict[str, Any]:
    rate = amount.chars_per_s
    return {
        "recordings": amount.recordings,
        "hours": round(amount.hours, 6),
        "segments": amount.segments,
        "segment_hours": round(amount.segments_s / 3600, 6),
        "characters": amount.characters,
        "characters_per_second": None if rate is None else round(rate, 6),
        "empty": amount.empty,
        "flagged": amount.flagged,
        "failed": amount.failed,
    }


def _distribution(values: Distribution | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {
        "count": values.count,
        "mean": round(values.mean, 6),
        "min": round(values.smallest, 6),
        "max": round(values.largest, 6),
        "percentiles": {str(percent): round(value, 6) for percent, value in values.percentiles.items()},
        "histogram": asdict(values.histogram),
    }


def _totals(stats: RunStats) -> list[str]:
    total = stats.total
    of_recordings, of_all = total.recordings, total.recordings + total.failed
    rate = total.chars_per_s
    rows = [
        ("recordings", f"{total.recordings:,}", f"{_hours(total.audio_s)} hours"),
        ("segments", f"{total.segments:,}", f"{_hours(total.segments_s)} hours"),
        ("characters", f"{total.characters:,}", "" if rate is None else f"{rate:.2f} a second of the segments"),
        ("empty", f"{total.empty:,}", _share(total.empty, of_recordings)),
        ("flagged", f"{total.flagged:,}", _share(total.flagged, of_recordings)),
        ("failed", f"{total.failed:,}", _share(total.failed, of_all)),
    ]
    rows += [(f"  {shown(f.stage)}, {shown(f.error)}", f"{f.count:,}", _share(f.count, of_all)) for f in stats.failures]
    return [shown(stats.run), "", *_aligned(rows, "<><")]


def _distributions(stats: RunStats) -> list[str]:
    rows: list[tuple[str, ...]] = [("percentiles", *(f"{percent} %" for percent in PERCENTILES), "mean", "histogram")]
    for name, label in FIGURES.items():
        values = stats.distributions[name]
        if values is None:
            rows.append((label, *(_NONE for _ in PERCENTILES), _NONE, ""))
        else:
            figures = (*values.percentiles.values(), values.mean)
            rows.append((label, *(_figure(figure, DECIMALS[name]) for figure in figures), _bars(values.histogram)))
    return list(_aligned(rows, "<" + ">" * (len(PERCENTILES) + 1) + "<"))


def _flags(stats: RunStats) -> list[str]:
    total = stats.total
    rows = [("flags", "segments", "", "recordings", "")]
    for flag, count in stats.flags.items():
        segments = (f"{count.segments:,}", _share(count.segments, total.segments))
        rows.append((shown(flag), *segments, f"{count.recordings:,}", _share(count.recordings, total.recordings)))
    return list(_aligned(rows, "<>>>>"))


def _groups(stats: RunStats) -> list[str]:
    rows: list[tuple[str, ...]] = [
        ("groups", "recordings", "hours", "characters", "a second", "empty", "flagged", "failed")
    ]
    largest = sorted(stats.groups.items(), key=lambda item: (-item[1].audio_s, item[0]))
    for name, amount in largest[:_MOST_GROUPS]:
        rate = amount.chars_per_s
        counts = (amount.empty, amount.flagged, amount.failed)
        rows.append(
            (
                shown(name),
                f"{amount.recordings:,}",
                _hours(amount.audio_s),
                f"{amount.characters:,}",
                _NONE if rate is None else f"{rate:.2f}",
                *(f"{count:,}" for count in counts),
            )
        )
    lines = list(_aligned(rows, "<>>>>>>>"))
    if len(largest) > _MOST_GROUPS:
        lines.append(f"and {counted(len(largest) - _MOST_GROUPS, 'smaller group')}; --json has all")
    return lines


def _review_tree(review: ReviewStats) -> dict[str, Any]:
    return {
        "accepted": review.accepted,
        "corrected": review.corrected,
        "rejected": review.rejected,
        "open": review.open,
        "decided_hours": round(review.decided_s / 3600, 6),
        "unheard": review.unheard,
        "conflicts": review.conflicts,
        "stale": review.stale,
        "reviewers": {
            name: {
                "decisions": one.decisions,
                "hours": round(one.audio_s / 3600, 6),
                "work_hours": round(one.work_s / 3600, 6),
                "clips_per_hour": None if one.clips_per_hour is None else round(one.clips_per_hour, 6),
            }
            for name, one in review.reviewers.items()
        },
        "samples": [asdict(sample) for sample in review.samples],
    }


def _review(review: ReviewStats) -> list[str]:
    """Show what a review has come to, then each reviewer and each sample."""
    decided = review.accepted + review.corrected + review.rejected
    whole = decided + review.open
    rows = [("review", f"{decided:,}", _share(decided, whole), f"{_hours(review.decided_s)} hours")]
    for name in ("accepted", "corrected", "rejected", "open"):
        count: int = getattr(review, name)
        rows.append((name, f"{count:,}", _share(count, whole), ""))
    for name, count, what in (
        ("unheard", review.unheard, "accepted, and not played to the end"),
        ("in conflict", review.conflicts, "reviewers differ"),
        ("out of date", review.stale, "decisions about what is not there any more"),
    ):
        if count:
            rows.append((name, f"{count:,}", "", what))
    lines = list(_aligned(rows, "<>><"))
    if review.reviewers:
        people: list[tuple[str, ...]] = [("reviewers", "decisions", "hours", "hours of work", "clips an hour")]
        for name, one in review.reviewers.items():
            rate = _NONE if one.clips_per_hour is None else f"{one.clips_per_hour:,.0f}"
            people.append((shown(name), f"{one.decisions:,}", _hours(one.audio_s), _hours(one.work_s), rate))
        lines += ["", *_aligned(people, "<>>>>")]
    if review.samples:
        drawn: list[tuple[str, ...]] = [("samples", "listened to", "wrong", "of", "wrong in all, 95 %", "")]
        for sample in review.samples:
            figures = (f"{sample.k:,}", f"{sample.wrong:,}", f"{sample.of:,}", f"at most {100 * sample.bound:.2f} %")
            drawn.append((shown(sample.reviewer), *figures, sample.at[:10]))
        lines += ["", *_aligned(drawn, "<>>>><")]
    return lines


def _extremes(stats: RunStats) -> Iterator[list[str]]:
    for name, title in _EXTREMES.items():
        rows = []
        for worst in stats.extremes[name]:
            value, time = _figure(worst.value, DECIMALS[name]), f"{worst.start_s:.2f}-{worst.end_s:.2f} s"
            rows.append((value, shown(worst.id), time, _cut(shown(worst.text))))
        if rows:
            yield [title, *_aligned(rows, "><><")]


def _aligned(rows: Iterable[Sequence[str]], sides: str) -> Iterator[str]:
    """Put cells below each other; `sides` has `<` for a column that starts at the left, `>` for one that ends right."""
    # All of them: a column is as wide as its widest cell.
    rows = list(rows)
    widths = [max(columns(row[at]) for row in rows) for at in range(len(sides))]
    for row in rows:
        cells = []
        for cell, width, side in zip(row, widths, sides, strict=True):
            room = " " * (width - columns(cell))
            cells.append(cell + room if side == "<" else room + cell)
        yield "  ".join(cells).rstrip()


def _bars(histogram: Histogram) -> str:
    """Draw a histogram in one line between its bounds; what is not empty is seen."""
    most = max(histogram.counts)
    # Rounded up, so that one value among millions is still seen.
    heights = (-(-count * len(_BARS) // most) if most else 0 for count in histogram.counts)
    bars = "".join(_BARS[height - 1] if height else " " for height in heights)
    tails = [f", {n:,} {side}" for n, side in ((histogram.below, "below"), (histogram.above, "above")) if n]
    return f"{histogram.edges[0]:g} {bars} {histogram.edges[-1]:g}{''.join(tails)}"


def _cut(text: str) -> str:
    if columns(text) <= _MOST_TEXT_COLUMNS:
        return text
    kept = ""
    for character in text:
        # One column is for the ellipsis.
        if columns(kept + character) >= _MOST_TEXT_COLUMNS:
            break
        kept += character
    return kept + "…"


def shown(text: str) -> str:
    """Write what a terminal cannot show, or would obey, as escapes: control characters, and bytes that are no UTF-8."""
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else c.encode("unicode_escape").decode() for c in text
    )


def _figure(value: float, decimals: int) -> str:
    """Write a figure; what rounds to nothing has no sign."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:,.1f}" if hours >= 100 else f"{hours:.4f}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else _NONE
