"""The figures of a run as a chart: a histogram of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.output.charts import check_chart, write_chart
from anime_whisper_ct2.stats.distribution import Distribution
from anime_whisper_ct2.stats.figures import RunStats
from anime_whisper_ct2.stats.report import DECIMALS

# Name, title, what is on the axis, what is counted, colour.
_PANELS = (
    ("recording_seconds", "Length of recordings", "seconds", "recordings", "#2a5d84"),
    ("segment_seconds", "Length of segments", "seconds", "segments", "#2a5d84"),
    ("characters_per_second", "Speaking rate", "characters a second", "segments", "#3f7d58"),
    ("avg_logprob", "Log-probability", "mean of a segment's tokens", "segments", "#b5344a"),
)


def draw(stats: RunStats, path: Path) -> None:
    """Draw the distributions of a run into an `.svg` or `.png` file; the same figures give the same bytes.

    Raises what `check_chart` raises, and OutputError when the file cannot be written; it is there whole or not at all.
    """
    check_chart(path)
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415

    # Text stays text. A figure without pyplot leaves a notebook's backend alone.
    with mpl.rc_context({"svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10, 6.4), layout="constrained")
        for axis, panel in zip(figure.subplots(2, 2).flat, _PANELS, strict=True):
            name, title, unit, what, colour = panel
            axis.set_title(title, loc="left", fontweight="bold", pad=18)
            axis.set(xlabel=unit, ylabel=what)
            axis.spines[["top", "right"]].set_visible(False)
            _panel(axis, stats.distributions[name], colour, DECIMALS[name])
        total = stats.total
        figure.suptitle(
            f"{counted(total.recordings, 'recording')}, {total.hours:,.2f} hours, "
            f"{counted(total.characters, 'character')}; "
            f"{total.empty:,} empty, {total.flagged:,} flagged, {total.failed:,} failed"
        )
        write_chart(figure, path)


def _panel(axis: Any, values: Distribution | None, colour: str, decimals: int) -> None:
    if values is None:
        axis.set(xticks=[], yticks=[])
        axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", va="center", color="#777777")
        return
    histogram, percentiles = values.histogram, values.percentiles
    axis.stairs(histogram.counts, histogram.edges, fill=True, color=colour, alpha=0.75)
    axis.set_ylim(0, max(1, *histogram.counts) * 1.08)
    axis.set_xlim(histogram.edges[0], histogram.edges[-1])
    # Recordings come in whole numbers.
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.axvspan(percentiles[5], percentiles[95], color="#000000", alpha=0.06, linewidth=0)
    axis.axvline(percentiles[50], color="#222222", linewidth=1)
    low, median, high, smallest, largest = (
        f"{value:.{decimals}f}"
        for value in (percentiles[5], percentiles[50], percentiles[95], values.smallest, values.largest)
    )
    notes = [f"median {median}", f"90 % from {low} to {high}"]
    if histogram.below:
        notes.append(f"{histogram.below:,} below, to {smallest}")
    if histogram.above:
        notes.append(f"{histogram.above:,} above, to {largest}")
    axis.text(0, 1.02, "; ".join(notes), transform=axis.transAxes, fontsize=8, color="#444444")
