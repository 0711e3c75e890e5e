"""Stacked bars of substitutions, deletions and insertions for each group and run. Needs matplotlib."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.evaluation.markdown import printable
from anime_whisper_ct2.evaluation.records import Score
from anime_whisper_ct2.evaluation.scoring import Evaluation
from anime_whisper_ct2.output.charts import fonts, write_chart

# A taller chart is no chart; the largest groups are shown.
MOST_GROUPS = 40
_MOST_LABEL = 40

_KINDS = (("substitutions", "#2a5d84"), ("deletions", "#e0a83c"), ("insertions", "#b5344a"))


@dataclass(frozen=True, slots=True)
class _Bar:
    """One bar, or without a score a heading over those that follow."""

    label: str
    score: Score | None


def draw_chart(evaluation: Evaluation, path: Path) -> str | None:
    """Write the chart; gives a warning to show where no font has the characters of its labels.

    Raises OutputError when the file cannot be written; it is there whole or not at all.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, for charts alone
    from matplotlib.figure import Figure  # noqa: PLC0415

    bars = list(_bars(evaluation))
    family, lacking = fonts("".join(bar.label for bar in bars))
    with mpl.rc_context({"font.family": family, "svg.fonttype": "path"}), warnings.catch_warnings():
        if lacking:
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(8, 1.5 + 0.3 * len(bars)), layout="constrained")
        _draw(figure.subplots(), bars, evaluation)
        write_chart(figure, path)
    if not lacking:
        return None
    return (
        f"{path}: no font here has {lacking[0]!r}, so names are drawn as boxes; install a Japanese font, or: "
        "pip install matplotlib-fontja"
    )


def _bars(evaluation: Evaluation) -> Iterable[_Bar]:
    """Give the bars from top to bottom: all recordings first, then the groups."""
    largest = sorted(range(len(evaluation.groups)), key=lambda at: -evaluation.runs[0].groups[at].errors.characters)
    blocks = [("all", [run.total for run in evaluation.runs])] if evaluation.groups else []
    for at in sorted(largest[:MOST_GROUPS]):
        blocks.append((evaluation.groups[at], [run.groups[at] for run in evaluation.runs]))
    names = [_label(run.name) for run in evaluation.runs]
    if not blocks:
        return [_Bar(name, run.total) for name, run in zip(names, evaluation.runs, strict=True)]
    if len(names) == 1:
        return [_Bar(_label(group), scores[0]) for group, scores in blocks]
    bars: list[_Bar] = []
    for group, scores in blocks:
        bars.append(_Bar(_label(group), None))
        bars += [_Bar(name, score) for name, score in zip(names, scores, strict=True)]
    return bars


def _label(text: str) -> str:
    clean = printable("".join(character if character.isprintable() else " " for character in text))
    return clean if len(clean) <= _MOST_LABEL else clean[: _MOST_LABEL - 1] + "…"


def _draw(axes: Any, bars: Sequence[_Bar], evaluation: Evaluation) -> None:
    places = [at for at, bar in enumerate(bars) if bar.score is not None]
    scores = [bar.score for bar in bars if bar.score is not None]
    left = [0.0] * len(places)
    for kind, colour in _KINDS:
        rates = [score.errors.percent(getattr(score.errors, kind)) for score in scores]
        axes.barh(places, rates, left=left, height=0.75, color=colour, label=kind)
        left = [start + rate for start, rate in zip(left, rates, strict=True)]
    low = [max(0.0, score.errors.cer - score.interval[0]) for score in scores]
    high = [max(0.0, score.interval[1] - score.errors.cer) for score in scores]
    axes.errorbar(left, places, xerr=(low, high), fmt="none", ecolor="#222222", elinewidth=0.8, capsize=2)
    reach = max((cer + up for cer, up in zip(left, high, strict=True)), default=0.0) or 1.0
    for place, cer, up in zip(places, left, high, strict=True):
        axes.text(cer + up + 0.01 * reach, place, f"{cer:.2f}", va="center", fontsize=8)
    axes.set_yticks(range(len(bars)))
    # Names are no mathematics, even with a $ in them.
    labels = axes.set_yticklabels([bar.label for bar in bars], parse_math=False)
    headed = any(bar.score is None for bar in bars)
    for bar, label in zip(bars, labels, strict=True):
        # No bold heads: few Japanese fonts come in two weights.
        if headed and bar.score is not None:
            label.set(color="#666666", fontsize=8)
    axes.set(xlabel="CER, %", xlim=(0, 1.12 * reach), ylim=(len(bars) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=8)
    shown = len(evaluation.groups)
    note = f", the {MOST_GROUPS} largest of {shown} groups" if shown > MOST_GROUPS else ""
    recordings = counted(evaluation.scored, "recording")
    axes.set_title(f"{recordings}, normalizer {evaluation.options.normalizer}{note}", fontsize=9, pad=24)
