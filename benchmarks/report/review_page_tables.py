"""What was measured of the page of `awct2 review`, beside what it is held to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.report.tables import Report, table

# By criterion and size: what it is held to. Seconds, milliseconds, MiB and numbers, as the figures are.
_ROWS_S = {0: 2.0, 100_000: 3.0, 1_000_000: 10.0}
_QUEUE_MS = {0: 150.0, 100_000: 150.0, 1_000_000: 600.0}
_PATTERN_MS = 2_000.0


def criteria(sizes: Sequence[Report]) -> list[dict[str, Any]]:
    """Hold every figure against its bound; gives `what`, `segments`, `figure`, `bound` and whether it is `met`."""
    return [
        {"what": what, "segments": size["segments"], "figure": figure, "bound": bound, "met": figure <= bound}
        for size in sizes
        for what, figure, bound in _held(size)
    ]


def _held(size: Report) -> list[tuple[str, float, float]]:
    segments, heard, ends = size["segments"], size["playing"], size["ends"]
    queues = dict(size["queues"]["longest_ms"])
    pattern = queues.pop("pattern")
    held = [
        ("P1 next clip, prefetched, p95 ms", heard["prefetched_ms"]["p95"], 50.0),
        ("P1 next clip, after a jump, p95 ms", heard["after_a_jump_ms"]["p95"], 300.0),
        ("P1 next clip, answers 200 ms later, p95 ms", heard["slow_answers_ms"]["p95"], 50.0),
        ("P3 answer to a decision, p95 ms", size["decisions"]["answer_ms"]["p95"], 30.0),
        ("P4 first rows, s", size["first_start"]["rows_s"], _bound(_ROWS_S, segments)),
        ("P4 first rows, second start, s", size["second_start"]["rows_s"], 3.0),
        ("P5 filter, order, counts, longest ms", max(queues.values()), _bound(_QUEUE_MS, segments)),
        ("P5 pattern, ms", pattern, _PATTERN_MS),
        ("P6 elements of rows", ends["row_elements"], 100),
        ("P6 to the last row, p95 ms", ends["end_ms"]["p95"], 300.0),
        ("P6 to the first row, p95 ms", ends["home_ms"]["p95"], 300.0),
        ("P6 JavaScript heap, MiB", size["heap_mib"], 150.0),
        ("P6 server, most MiB", size["server_peak_mib"], 700.0),
    ]
    if segments >= 1_000_000:
        held += [
            ("P4 first clip heard, s", size["first_start"]["playing_s"], 20.0),
            ("B1 300,000 accepted at once, s", size["batch"]["accept_s"] * 300_000 / size["batch"]["count"], 15.0),
        ]
    return held


def _bound(bounds: dict[int, float], segments: int) -> float:
    return next(bound for size, bound in sorted(bounds.items()) if segments <= size or size == max(bounds))


def review_page_table(report: Report) -> str:
    """Give every criterion in a row, with its figures at each size; what is not met is marked."""
    rows: dict[str, list[str]] = {}
    sizes = [size["segments"] for size in report["sizes"]]
    for one in report["criteria"]:
        cells = rows.setdefault(one["what"], ["–"] * len(sizes))
        mark = "" if one["met"] else " (not met)"
        cells[sizes.index(one["segments"])] = f"{_figure(one['figure'])} of {_figure(one['bound'])}{mark}"
    names = [f"{size['total']:,} segments" for size in report["sizes"]]
    return table(["figure, and what it is held to", *names], [[what, *cells] for what, cells in rows.items()])


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"
