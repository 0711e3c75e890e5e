"""What was measured of windows, drawn over the tail. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anime_whisper_ct2.calibration.measuring import Calibration
from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.output.charts import write_chart

_TEXTS, _SPEED, _RISE = "#b5344a", "#2a5d84", "#3d7a4e"


def draw_chart(measured: Calibration, path: Path) -> None:
    """Draw the difference from 30 s and the speed, and with references by how much the CER rises, below.

    Raises OutputError when the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to import

    has_rises = measured.max_cer_rise is not None
    figure = Figure(figsize=(7, 6.4 if has_rises else 4.2), layout="constrained")
    if has_rises:
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        _draw_rises(lower, measured)
    else:
        upper = lower = figure.subplots()
    _draw_texts(upper, measured)
    lower.set(xlabel="tail of silence, s")
    upper.set_title(f"Windows fitted to {counted(measured.clips, 'clip')}, {measured.audio_seconds / 60:.1f} min")
    write_chart(figure, path)


def _draw_texts(left: Any, measured: Calibration) -> None:
    results = measured.results
    tails = [result.tail_s for result in results]
    left.plot(tails, [result.cer for result in results], "o-", color=_TEXTS, label="CER against 30 s")
    left.plot(tails, [r.cer_before for r in results], "o:", color=_TEXTS, alpha=0.5, label="before second looks")
    left.axhline(measured.max_cer, color=_TEXTS, linewidth=0.8, linestyle="--", label="allowed")
    left.set(ylabel="characters that differ, %", ylim=(0, None))
    right = left.twinx()
    right.plot(tails, [result.speed for result in results], "s-", color=_SPEED, label="speed")
    right.axhline(measured.full_speed, color=_SPEED, linewidth=0.8, linestyle="--", label="speed at 30 s")
    right.set(ylabel="times real time", ylim=(0, None))
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    left.legend(handles, [str(handle.get_label()) for handle in handles], loc="upper center", ncols=2, fontsize=8)


def _draw_rises(axes: Any, measured: Calibration) -> None:
    rises = [(result.tail_s, result.rise) for result in measured.results if result.rise is not None]
    tails, points = [tail_s for tail_s, _ in rises], [rise.points for _, rise in rises]
    low = [max(0.0, rise.points - rise.interval[0]) for _, rise in rises]
    high = [max(0.0, rise.interval[1] - rise.points) for _, rise in rises]
    axes.axhline(0, color="#888888", linewidth=0.8)
    axes.errorbar(
        tails, points, yerr=(low, high), fmt="o-", color=_RISE, elinewidth=1, capsize=3, label="rise, with its 95 %"
    )
    axes.axhline(measured.max_cer_rise, color=_RISE, linewidth=0.8, linestyle="--", label="allowed, upper end")
    axes.set(ylabel="CER above 30 s, points")
    axes.legend(loc="upper right", ncols=2, fontsize=8)
    # Of all that have a reference, and no others.
    axes.set_title(f"{counted(measured.references, 'clip')} with a reference", fontsize=9)
