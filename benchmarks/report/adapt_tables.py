"""What came of teaching short windows: as tables and a chart, and the ways to teach that were tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
            _rate(row, "unheard_rise", "+") if "unheard_rise" in row else "",
            _rate(row, "differs") if "differs" in row else "",
            row["loops"],
        ]
        for model in ("original", "adapted")
        for window, row in sorted(report["models"][model].items(), key=lambda item: _length(item[0]))
    ]
    parts = [
        f"{_taught(report, words)}{words.space}{_measured(report, words)}",
        table(words.head, rows),
        table(words.asked_head, [_asked(each, words) for each in report["asked"]]),
        words.space.join(_worth(report, words)),
    ]
    return "\n\n".join(parts)


def experiments_table(report: Report) -> str:
    """Give what was tried, with the held-out tokens that still differ from the teacher's."""
    options, rows = report["options"], report["rows"]
    lead = (
        f"{options['model']}, {options['steps']} steps of {options['batch_size']} clips, from {options['clips']}. "
        "Held-out tokens, each read behind the teacher's own text, in windows with the four tails in turn; before the "
        f"first step {rows[0]['curve'][0]['held_out']:.2f} % of them differ from the teacher's."
    )
    told = []
    for row in rows:
        last = row["curve"][-1]
        half = row["curve"][len(row["curve"]) // 2]
        told.append(
            [
                row["train"],
                f"{row['learning_rate']:g}",
                row["loss"],
                f"one of {row['full_every']}",
                f"{half['held_out']:.2f}",
                f"{last['held_out']:.2f}",
                f"{last['divergence']:.4f}",
                f"{row['full_held_out']:.2f}",
                f"{row['seconds'] / 60:.1f}",
            ]
        )
    head = ["taught", "learning rate", "loss", "steps at 30 s", "differ at half way, %", "at the end, %"]
    return f"{lead}\n\n{table([*head, 'divergence, nats / token', 'at 30 s, %', 'minutes'], told)}"


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
        listening=teaching["listening_s"] / 60,
        learning=teaching["learning_s"] / 60,
    )


def _measured(report: Report, words: AdaptWords) -> str:
    options = report["options"]
    return words.measured.format(lines=options["lines"], minutes=options["minutes"], unheard=options["unheard_lines"])


def _asked(each: Mapping[str, Any], words: AdaptWords) -> list[str]:
    kind, _, window = each["what"].partition(" ")
    least = each["at_least"] is not None
    value, bound = each["value"], each["at_least"] if least else each["at_most"]
    yes_or_no = kind == "calibrated"
    return [
        words.asked[kind].format(window=_window(window, words)),
        words.told[1] if yes_or_no else words.bounds[least if bound else 2].format(bound),
        words.told[bool(value)] if yes_or_no else f"{value:.2f}".rstrip("0").rstrip("."),
        words.met[each["met"]],
    ]


def _worth(report: Report, words: AdaptWords) -> list[str]:
    calibration, speed = report["calibration"], report["speed"]
    chosen = calibration["chosen"]
    rounds = report["options"]["rounds"]
    count = common.JA if words is JA else common.EN
    told = [
        words.each_rise.format(tail=tail["tail_s"], rise=_rise(tail["rise"]))
        for tail in calibration["tails"]
        if tail["rise"] is not None
    ]
    return [
        words.refused if chosen is None else words.accepted.format(tail=chosen["tail_s"]),
        words.rises.format(told=words.between.join(told)),
        words.speed.format(
            tail=speed["tail_s"],
            short=speed["short_s"],
            full=speed["full_s"],
            ratio=speed["ratio"],
            others=100 * speed["others_share"],
            rounds=count.one_round if rounds == 1 else count.rounds.format(n=rounds),
        ),
    ]


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
