"""What was measured on genuine weights, as tables and charts: systems and their errors, and what doubt finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from benchmarks.measures.places import ROOT
from benchmarks.report.charts import PANELS, Curve, bars, found_lines
from benchmarks.report.tables import Report, table
from benchmarks.report.words import EN, JA, Words

Interval: TypeAlias = Sequence[float]
# Where the handbook shows what doubt finds.
DOUBT_CHARTS = {ROOT / "docs" / name / "guides" / "doubt.svg": words for name, words in (("en", EN), ("ja", JA))}


def compare_real_table(report: Report, words: Words = EN) -> str:
    """Give all systems, the quickest first, with their errors, and how many times faster this project is than each."""
    systems = sorted(report["systems"].items(), key=lambda item: item[1]["real_time_factor"])
    labels = {key: words.labels.get(key, system["label"]) for key, system in systems}
    ours = [name for name in ("awct2-full", "awct2-fit") if name in report["systems"]]
    head = [*words.real_head, *(words.times_as_fast.format(name=labels[name]) for name in ours)]
    rows = [
        [
            labels[key],
            f"{system['times_real_time']:.1f}",
            _percent(system["cer"], system["cer_interval"]),
            _percent(system["above"], system["above_interval"], "+") if "above" in system else "",
            system.get("equal", ""),
            f"{system['cpu_s_per_audio_hour']:,.0f}",
            f"{system['peak_mib']:,.0f}",
            *(f"{report['ratios'][name][key]:.2f}" if key in report["ratios"][name] else "" for name in ours),
        ]
        for key, system in systems
    ]
    options, run = report["options"], next(iter(report["rounds"][0].values()))
    n = options["rounds"]
    said = words.between.join(
        (
            words.real.format(
                clips=options["clips"],
                minutes=run["audio_s"] / 60,
                model=options["model"],
                compute_type=run["settings"]["compute_type"],
                rounds=words.one_round if n == 1 else words.rounds.format(n=n),
            ),
            words.others.format(share=100 * max(system["others_share"] for _, system in systems)),
            words.real_rates,
        )
    )
    return f"{said}\n\n{table(head, rows)}"


def compare_real_chart(report: Report, path: Path) -> None:
    """Draw the comparison, errors among it."""
    options, cores = report["options"], report["about"]["machine"]["cores"]
    title = f"{options['clips']} spoken lines, {options['model']}, {cores} cores"
    bars(report["systems"], title, path, (*PANELS, ("cer", "CER, %\n(with 95 % interval)", lambda rate: f"{rate:.1f}")))


def doubt_table(report: Report, words: Words = EN) -> str:
    """Give what the default bound finds, in silence and in noise, and what becomes of sounds without speech."""
    rows = []
    for name, condition in report["conditions"].items():
        held = condition["held_out"]
        told = [_percent(held[key], held[f"{key}_interval"], digits=0) for key in ("found", "wrongly", "first_third")]
        third = -(-held["lines"] // 3)
        if held["bad"] > third:
            told[-1] += words.at_most.format(percent=100 * third / held["bad"])
        few = held["bound"] is None
        rows.append([words.conditions[name], held["lines"], held["bad"], *(["–"] * 3 if few else told)])
    sounds = report["sounds"]
    highest = {name: condition["no_speech_prob"] for name, condition in report["conditions"].items()}
    lead = words.doubt.format(bound=report["options"]["bound"], model=report["options"]["model"])
    sentence = words.sounds.format(
        marked=sounds["marked"],
        but="".join(words.sounds_but.format(name=name) for name in sounds["unmarked"]),
        sounds=len(sounds["no_speech_prob"]),
        least=min(sounds["no_speech_prob"].values()),
        most=max(highest.values()),
    )
    behind = words.between.join((_fitted(report["conditions"], words), sentence))
    return f"{lead}\n\n{table(words.doubt_head, rows)}\n\n{behind}"


def _fitted(conditions: Mapping[str, Any], words: Words) -> str:
    lead, each, between = words.fitted
    parts = [
        each.format(
            condition=words.conditions[name],
            found=fitted["found"],
            bad=fitted["bad"],
            wrongly=fitted["wrongly"],
            others=fitted["lines"] - fitted["bad"],
        )
        for name, fitted in ((name, condition["fitted"]) for name, condition in conditions.items())
    ]
    lines = next(iter(conditions.values()))["fitted"]["lines"]
    return lead.format(lines=lines, told=between.join(parts))


def doubt_chart(report: Report, path: Path, words: Words = EN) -> None:
    """Draw what share of the bad lines is found, over the lines heard, and over the others that are marked."""
    curves = []
    for name, condition in report["conditions"].items():
        held = condition["held_out"]
        doubts, bad = np.asarray(held["doubts"]), np.asarray(held["cers"]) >= report["options"]["bad_cer"]
        if bad.any() and not bad.all():
            label = words.conditions[name]
            curves.append(Curve(label, *shares(doubts, bad), int((doubts >= report["options"]["bound"]).sum())))
    title = words.doubt_title.format(model=report["options"]["model"])
    bound, in_no_order = words.doubt_marks
    marks = (bound.format(bound=report["options"]["bound"]), in_no_order)
    found_lines(curves, title, words.doubt_axes, marks, path)


def shares(doubts: Any, bad: Any) -> tuple[list[float], list[float], list[float]]:
    """Give the percentages heard, of the bad lines found, and of the others marked, line by line by falling doubt.

    `doubts`: shape (lines,), float; `bad`: shape (lines,), bool. Each list begins with 0 and ends with 100.
    """
    found = bad[np.argsort(-doubts, kind="stable")]

    def share(kind: Any) -> list[float]:
        """Count up, in percent."""
        counted = np.concatenate(([0], np.cumsum(kind)))
        return [float(percent) for percent in 100 * counted / counted[-1]]

    return share(np.ones(len(found))), share(found), share(~found)


def _percent(rate: float, interval: Interval, sign: str = "-", digits: int = 1) -> str:
    low, high = interval
    form = f"{sign}.{digits}f"
    return f"{rate:{form}} ({low:{form}} … {high:{form}})"
