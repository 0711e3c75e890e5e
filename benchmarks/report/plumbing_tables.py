"""What the way to the engine costs, as a Markdown table."""

from __future__ import annotations

from benchmarks.report.tables import Report, table
from benchmarks.report.words import EN


def plumbing_table(report: Report) -> str:
    """Give what a clip costs the engine's process, by part, both ways."""
    parts = ("attendants", "listing", "stages", "engine", "whole")
    head = ["features", "attendants", "listing", "stages", "engine's threads", "whole process, ms / clip", "clips / s"]
    rows = [
        [name, *(f"{report[way][part]:.3f}" for part in parts), f"{report[way]['clips_per_s']:.0f}"]
        for way, name in (("shared", "in shared memory"), ("inline", "in the messages"))
    ]
    options = report["options"]
    n = options["rounds"]
    rounds = EN.one_round if n == 1 else EN.rounds.format(n=n)
    what = f"{options['clips']:,} clips, {options['workers']} workers, {rounds}."
    others = EN.others.format(share=100 * report["others_share"])
    ratio = f"Shared memory takes {report['shared_over_inline']:.2f} of the time that messages take."
    return f"{what} {others} {ratio}\n\n{table(head, rows)}"
