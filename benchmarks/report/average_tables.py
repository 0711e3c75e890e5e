"""What averages of checkpoints are worth, and what a trial costs: as tables and a chart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anime_whisper_ct2.search.chart import draw
from anime_whisper_ct2.search.report import from_json
from benchmarks.measures.places import ROOT
from benchmarks.report.average_words import EN, JA, AverageWords
from benchmarks.report.tables import Report, table

# Where the handbook shows it.
AVERAGE_CHARTS = {ROOT / "docs" / name / "guides" / "average.svg": words for name, words in (("en", EN), ("ja", JA))}


def average_table(report: Report, words: AverageWords = EN) -> str:
    """Give all models on lines that no search has heard, what the searches did, and the times of trials."""
    options, rows = report["options"], report["rows"]
    told = [
        [
            _name(name, row, options["checkpoints"][-1], words),
            f"{row['searched_cer']:.2f}",
            _rate(row, "cer"),
            _rate(row, "above_last", "+"),
            _rate(row, "above_single", "+"),
        ]
        for name, row in rows.items()
    ]
    made = words.made.format(
        model=words.model,
        checkpoints=len(options["checkpoints"]),
        steps=options["steps"],
        lines=options["lines"],
        minutes=options["minutes"],
        held_out=report["searches"]["range"]["held_out"],
    )
    measured = words.measured.format(lines=options["unheard_lines"], minutes=options["unheard_minutes"])
    sentences = [_verdict(report, name, base, words) for name in ("range", "weights") for base in ("last", "single")]
    sentences += [_searched(strategy, found, words) for strategy, found in report["searches"].items()]
    return "\n\n".join(
        [
            f"{made}{words.space}{measured}",
            table(words.head, told),
            words.space.join(filter(None, sentences)),
            *_timed(report, words),
        ]
    )


def average_chart(report: Report, path: Path, words: AverageWords = EN) -> None:
    """Draw the search for a range, as the search itself does."""
    draw(from_json(report["searches"]["range"]), path, words.chart)


def _name(name: str, row: Mapping[str, Any], last: str, words: AverageWords) -> str:
    if name in words.models:
        return words.models[name].format(what=re.sub(*words.smaller, row.get("what") or ""))
    told = words.last if name == last else words.best_single if row["single"] else words.alone
    return (words.last_and_best if name == last and row["single"] else told).format(name=name)


def _rate(row: Mapping[str, Any], key: str, sign: str = "") -> str:
    if key not in row:
        return ""
    low, high = row[f"{key}_interval"]
    return f"{row[key]:{sign}.2f} ({low:{sign}.2f} … {high:{sign}.2f})"


def _verdict(report: Report, name: str, base: str, words: AverageWords) -> str:
    """Say whether an average is better than the last checkpoint, or the best single one, for sure."""
    row = report["rows"][name]
    if f"above_{base}" not in row:  # it is that one, or that one was told of already
        return ""
    low, high = row[f"above_{base}_interval"]
    outcome = "better" if high < 0 else "worse" if low > 0 else "same"
    return words.verdicts[outcome].format(what=words.averages[name], base=words.bases[base])


def _searched(strategy: str, found: Mapping[str, Any], words: AverageWords) -> str:
    trials = [trial for trial in found["trials"] if trial["kind"] == "trial"]
    return words.tried.format(
        strategy=words.strategies[strategy],
        trials=len(trials),
        pruned=sum(trial["state"] == "pruned" for trial in trials),
        minutes=sum(trial["seconds"] for trial in found["trials"]) / 60,
    )


def _timed(report: Report, words: AverageWords) -> list[str]:
    """Give the times of trials beside naive ones, and whether they are as short as was asked for."""
    times, most = report["times"], report["at_most"]
    rounds = times[0]["rounds"]
    lead = words.timed.format(
        checkpoints=times[0]["checkpoints"],
        rounds=words.common.one_round if rounds == 1 else words.common.rounds.format(n=rounds),
    )
    rows = [
        [
            words.shapes[row["model"]],
            f"{row['parameters'] / 1e6:.1f} M",
            row["recordings"],
            f"{row['naive_s']:.2f}",
            f"{row['averaging_s'] + row['converting_s']:.2f}",
            *(f"{row[key]:.2f}" for key in ("trial_s", "making_s", "ratio", "making_ratio", "once_s")),
        ]
        for row in times
    ]
    missed = sum(row["ratio"] > most for row in times)
    asked = (words.missed if missed else words.met).format(most=most, missed=missed, rows=len(times))
    share = words.common.others.format(share=100 * max(row["others_share"] for row in times))
    return [lead, table(words.time_head, rows), f"{asked}{words.space}{share}"]
