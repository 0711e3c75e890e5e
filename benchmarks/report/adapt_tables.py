"""What came of teaching short windows: as tables and a chart, and the ways to teach that were tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measures.places import ROOT
from benchmarks.report import words as common
from benchmarks.report.adapt_words import EN, JA, AdaptWords
from benchmarks.report.charts import Points, before_and_after
from benchmarks.report.tables import Report, table

# Where the handbook shows it.
ADAPT_CHARTS = {ROOT / "docs" / name / "explanation" / "adapt.svg": words for name, words in (("en", EN), ("ja", JA))}
_FULL = "full"


def adapt_table(report: Report, words: AdaptWords = EN) -> str:
    """Give both models in all windows, what was asked for, and what the new one is worth to a run."""
    rows = [
        [
            words.row.format(model=words.models[model], window=_window(window, words)),
            _rate(row, "cer"),
            _rate(row, "rise", "+") if "rise" in row else "",
            _rate(row, "differs") if "differs" in row else "",
            row["loops"],
        ]
        for model, window, row in _runs(report)
    ]
    beyond = [
        [
            words.row.format(model=words.models[model], window=_window(window, words)),
            _rate(row, "unheard_cer"),
            _rate(row, "unheard_rise", "+") if "unheard_rise" in row else "",
            _rate(row, "unheard_differs") if "unheard_differs" in row else "",
            row["unheard_loops"],
        ]
        for model, window, row in _runs(report)
        if "unheard_cer" in row
    ]
    parts = [
        f"{_taught(report, words)}{words.space}{_measured(report, words)}",
        table(words.head, rows),
        _without_loops(report, words),
        f"{words.unheard.format(lines=report['options']['unheard_lines'])}\n\n{table(words.head, beyond)}"
        if beyond
        else "",
        table(words.asked_head, [_asked(each, words) for each in report["asked"]]),
        words.space.join(_worth(report, words)),
    ]
    return "\n\n".join(part for part in parts if part)


def experiments_table(report: Report, words: AdaptWords = EN) -> str:
    """Give what was tried, with the held-out tokens that still differ from the teacher's."""
    options, rows = report["options"], report["rows"]
    lead = words.tried.format(
        model=options["model"],
        steps=options["steps"],
        batch_size=options["batch_size"],
        clips=options["clips"],
        before=rows[0]["curve"][0]["held_out"],
        divergence=rows[0]["curve"][0]["divergence"],
    )
    told = []
    for row in rows:
        last = row["curve"][-1]
        told.append(
            [
                words.trained[row["train"]],
                f"{row['learning_rate']:g}",
                words.losses[row["loss"]],
                words.one_of.format(row["full_every"]),
                f"{last['divergence']:.4f}",
                f"{last['held_out']:.2f}",
                f"{row['full_held_out']:.2f}",
            ]
        )
    return f"{lead}\n\n{table(words.tried_head, told)}"


def adapt_chart(report: Report, path: Path, words: AdaptWords = EN) -> None:
    """Draw what differs and how far the CER rises over the tail, before and after, and how it was learnt."""
    panels = []
    for key, name in (("differs", words.axes[1]), ("rise", words.axes[2])):
        kinds = []
        for model in ("original", "adapted"):
            of = report["models"][model]
            tails = sorted((window for window in of if window != _FULL), key=float)
            full = of[_FULL].get(key)
            kinds.append(
                Points(
                    label=words.models[model],
                    over=[float(tail) for tail in tails],
                    values=[of[tail][key] for tail in tails],
                    ends=[of[tail][f"{key}_interval"] for tail in tails],
                    level=full if model == "adapted" else None,
                    level_label=words.at_full.format(model=words.models[model]),
                )
            )
        panels.append((name, kinds))
    options = report["options"]
    title = words.title.format(model=options["model"], lines=options["lines"])
    curve = report["teaching"]["curve"]
    learnt = ([point["step"] for point in curve], [point["held_out"] for point in curve])
    before_and_after(panels, learnt, title, (words.axes[0], *words.axes[3:]), path)


def _taught(report: Report, words: AdaptWords) -> str:
    options, teaching = report["options"], report["teaching"]
    return words.taught.format(
        model=options["model"],
        train=words.trained[options["train"]],
        steps=teaching["steps"],
        batch_size=options["batch_size"],
        learning_rate=options["learning_rate"],
        clips=teaching["clips"],
        audio_minutes=teaching["audio_s"] / 60,
        device=words.devices[options["device"]].format(**report["about"]["machine"]),
        learning=teaching["learning_s"] / 60,
    )


def _measured(report: Report, words: AdaptWords) -> str:
    options = report["options"]
    return words.measured.format(lines=options["lines"], minutes=options["minutes"], unheard=options["unheard_lines"])


def _runs(report: Report) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Give each model's rows, the longest windows first."""
    for model in ("original", "adapted"):
        for window, row in sorted(report["models"][model].items(), key=lambda item: _length(item[0])):
            yield model, window, row


def _without_loops(report: Report, words: AdaptWords) -> str:
    """Say what differs where the original's text at 30 s is none that it could be held to."""
    count, key = report["options"]["original_loops"], "differs_without_loops"
    told = [
        words.each_differs.format(window=_window(window, words), differs=_rate(row, key))
        for model, window, row in _runs(report)
        if model == "adapted" and key in row
    ]
    return words.without_loops[count > 1].format(count=count, told=words.between.join(told)) if count and told else ""


def _asked(each: Mapping[str, Any], words: AdaptWords) -> list[str]:
    kind, _, window = each["what"].partition(" ")
    least = each["at_least"] is not None
    value, bound = each["value"], each["at_least"] if least else each["at_most"]
    yes_or_no = kind == "calibrated"
    measured = words.told[bool(value)] if yes_or_no else _distinct(value, bound)
    return [
        words.asked[kind].format(window=_window(window, words)),
        words.told[1] if yes_or_no else words.bounds[least if bound else 2].format(bound),
        measured if each["counts"] else words.not_accepted.format(measured),
        words.met[each["met"]],
    ]


def _distinct(value: float, bound: float) -> str:
    """Write a figure with two decimals, or as many as it takes to be another than the bound."""
    for decimals in range(2, 7):
        text = f"{value:.{decimals}f}"
        if float(text) != bound or value == bound:
            break
    return text.rstrip("0").rstrip(".") if float(text) else "0"


def _worth(report: Report, words: AdaptWords) -> list[str]:
    calibration, speed = report["calibration"], report["speed"]
    chosen = calibration["chosen"]
    rounds = report["options"]["rounds"]
    count = common.JA if words is JA else common.EN
    told = [
        words.each_rise.format(
            tail=tail["tail_s"],
            rise=_rise(tail["rise"]),
            outcome=words.outcomes[_outcome(tail, calibration["full_loops"])],
        )
        for tail in calibration["tails"]
        if tail["rise"] is not None
    ]
    return [
        words.refused
        if chosen is None
        else words.accepted.format(tail=chosen["tail_s"], rule=words.rules[chosen["rule"]], name=chosen["rule"]),
        words.rises.format(told=words.between.join(told), most=calibration["max_cer_rise"]),
        (words.speed if speed["accepted"] else words.speed_not_accepted).format(
            tail=speed["tail_s"],
            short=speed["short_s"],
            full=speed["full_s"],
            ratio=speed["ratio"],
            others=100 * speed["others_share"],
            rounds=count.one_round if rounds == 1 else count.rounds.format(n=rounds),
        ),
    ]


def _outcome(tail: Mapping[str, Any], full_loops: int) -> str:
    """Say what the references come to for a tail, or what stands in their way."""
    if tail["loops"] > full_loops:
        return "loops"
    outcome: str = tail["rise"]["outcome"]
    return outcome if tail["after_s"] is None else "after"


def _window(window: str, words: AdaptWords) -> str:
    return words.full if window == _FULL else words.tail.format(tail=window)


def _length(window: str) -> float:
    """Give what the rows are in order of: the longest first."""
    return -30.0 if window == _FULL else -float(window)


def _rate(row: Mapping[str, Any], key: str, sign: str = "-") -> str:
    return _told(row[key], row[f"{key}_interval"], sign)


def _rise(rise: Mapping[str, Any]) -> str:
    return _told(rise["points"], rise["interval"], "+")


def _told(rate: float, interval: Sequence[float], sign: str) -> str:
    low, high = interval
    form = f"{sign}.2f"
    return f"{rate:{form}} ({low:{form}} … {high:{form}})"
