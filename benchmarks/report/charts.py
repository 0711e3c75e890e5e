"""The charts, as SVG: three panels of bars for a comparison, curves over time for a soak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
# The same figures give the same file: no date, no random ids; text stays text.
mpl.rcParams.update({"svg.hashsalt": "awct2", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"})

from matplotlib import pyplot as plt  # noqa: E402 - after the backend was chosen

OURS, THEIRS = "#c2406b", "#8a93a3"
PANELS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("real_time_factor", "real-time factor\n(wall / audio time)", lambda value: f"{value:.3g}"),
    ("cpu_s_per_audio_hour", "CPU seconds\nfor an hour of audio", lambda value: f"{value:,.0f}"),
    ("peak_mib", "peak memory, MiB\n(all processes)", lambda value: f"{value:,.0f}"),
)


def bars(systems: Mapping[str, Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw each system's real-time factor, processor time and peak memory; in all three, less is better."""
    ordered = sorted(systems.items(), key=lambda item: -item[1]["real_time_factor"])
    labels = [system["label"] for _, system in ordered]
    colours = [OURS if name.startswith("awct2") else THEIRS for name, _ in ordered]
    figure, axes = plt.subplots(1, len(PANELS), figsize=(10, 0.42 * len(labels) + 1.4), sharey=True)
    for axis, (key, name, form) in zip(axes, PANELS, strict=True):
        values = [system[key] for _, system in ordered]
        drawn = axis.barh(labels, values, color=colours, height=0.66)
        axis.bar_label(drawn, [form(value) for value in values], padding=3)
        axis.set_title(name, fontsize=9)
        axis.set_xlim(0, max(values) * 1.25)
        axis.xaxis.set_visible(False)
        axis.tick_params(axis="y", length=0)
        axis.spines[["top", "right", "bottom"]].set_visible(False)
    figure.suptitle(f"{title}\nless is better", fontsize=10)
    figure.tight_layout()
    _save(figure, path)


def curves(parts: Mapping[str, Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw memory over the time of each part, and open files with processes over that of the longest."""
    figure, (memory, counts) = plt.subplots(1, 2, figsize=(10, 3))
    for label, part in parts.items():
        share = [100 * point[0] / part["curve"][-1][0] for point in part["curve"]]
        memory.plot(share, [point[1] for point in part["curve"]], label=label)
    longest = next(iter(parts.values()))
    share = [100 * point[0] / longest["curve"][-1][0] for point in longest["curve"]]
    counts.plot(share, [point[2] for point in longest["curve"]], label="open files", color=OURS)
    counts.plot(share, [point[3] for point in longest["curve"]], label="processes", color=THEIRS)
    for axis, name in ((memory, "resident memory of all processes, MiB"), (counts, next(iter(parts)))):
        axis.set_ylim(bottom=0)
        axis.set_xlabel("share of the run, %")
        axis.set_title(name, fontsize=9)
        axis.legend(frameon=False, fontsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
