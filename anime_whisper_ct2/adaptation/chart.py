"""How far short windows are from 30 s, before and after, over the silence behind the clip. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anime_whisper_ct2.adaptation.measuring import Comparison, Rate
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.output.charts import write_chart

_FITTED, _FULL = "#b5344a", "#2a5d84"
# How strong what was before is drawn, beside what is now.
_BEFORE = 0.45
# Two intervals over one tail would hide each other, so each is moved a little: by this factor, on an axis of doublings.
_APART = 1.025


def draw(compared: Comparison, path: Path) -> None:
    """Write the chart as .svg or .png. Raises OutputError when the file cannot be written; it is there whole or not."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    # Text stays text. A figure without pyplot leaves a notebook's backend alone.
    with mpl.rc_context({"svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log", base=2)
        tails_s = [tail.tail_s for tail in compared.tails]
        before = [tail.differs.before for tail in compared.tails]
        after = [tail.differs.after for tail in compared.tails]
        drawn = [
            _line(axes, [tail_s / _APART for tail_s in tails_s], before, "before", _BEFORE, "right"),
            _line(axes, [tail_s * _APART for tail_s in tails_s], after, "after", 1.0, "left"),
        ]
        full = compared.full.differs
        axes.axhspan(*full.interval, color=_FULL, alpha=0.12, linewidth=0)
        line = axes.axhline(full.percent, color=_FULL, linewidth=1, linestyle="--", label="windows of 30 s, after")
        axes.set_xticks(tails_s, [f"{tail_s:g}" for tail_s in tails_s])
        axes.minorticks_off()
        axes.set_xlim(min(tails_s) / 1.3, max(tails_s) * 1.3)
        reach = max(rate.interval[1] for rate in (*before, *after, full))
        axes.set_ylim(0, 1.08 * reach or 1.0)
        axes.set(xlabel="silence behind the clip, s", ylabel="characters that differ, %")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(handles=[*drawn, line], loc="upper right", frameon=False, fontsize=8)
        clips = counted(compared.clips - compared.looping, "clip")
        axes.set_title(f"First texts against the original's at 30 s: {clips} held out, intervals of 95 %", fontsize=9)
        write_chart(figure, path)


def _line(axes: Any, tails_s: Sequence[float], rates: Sequence[Rate], label: str, strength: float, side: str) -> Any:
    percents = [rate.percent for rate in rates]
    # A bootstrap may put the whole interval on one side of the rate, and a bar has no negative length.
    low = [max(0.0, rate.percent - rate.interval[0]) for rate in rates]
    high = [max(0.0, rate.interval[1] - rate.percent) for rate in rates]
    look = {"color": _FITTED, "alpha": strength, "elinewidth": 0.8, "capsize": 2}
    drawn = axes.errorbar(tails_s, percents, yerr=(low, high), fmt="o-", label=label, **look)
    note = {"textcoords": "offset points", "ha": side, "fontsize": 8, "color": _FITTED, "alpha": max(strength, 0.7)}
    for tail_s, percent, up in zip(tails_s, percents, high, strict=True):
        axes.annotate(f"{percent:.1f}", (tail_s, percent + up), (0, 3), **note)
    return drawn
