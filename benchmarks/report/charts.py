"""The charts, as SVG: bars of a comparison, curves of a soak and of what doubt finds, and what a model learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import matplotlib as mpl

mpl.use("svg")
# The same figures give the same file: no date, no random ids; text stays text.
mpl.rcParams.update({"svg.hashsalt": "awct2", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif"})

from matplotlib import pyplot as plt  # noqa: E402 - after the backend was chosen

OURS, THEIRS, ALSO = "#c2406b", "#8a93a3", "#2a5d84"
# The key of a figure, what it is called, and how it is written.
Panel: TypeAlias = tuple[str, str, Callable[[float], str]]
PANELS: tuple[Panel, ...] = (
    ("real_time_factor", "real-time factor\n(wall / audio time)", lambda value: f"{value:.3g}"),
    ("cpu_s_per_audio_hour", "CPU seconds\nfor an hour of audio", lambda value: f"{value:,.0f}"),
    ("peak_mib", "peak memory, MiB\n(all processes)", lambda value: f"{value:,.0f}"),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Percentages, line by line: heard, of the bad ones found, of the others marked.

    `marked`: how many lines come before a bound.
    """

    label: str
    heard: Sequence[float]
    found: Sequence[float]
    others: Sequence[float]
    marked: int


@dataclass(frozen=True, slots=True)
class Points:
    """A figure over something, with the ends between which it lies; `level`: what it is without such a thing."""

    label: str
    over: Sequence[float]
    values: Sequence[float]
    ends: Sequence[Sequence[float]]
    level: float | None
    level_label: str


def bars(systems: Mapping[str, Mapping[str, Any]], title: str, path: Path, panels: Sequence[Panel] = PANELS) -> None:
    """Draw each system's figures, such as real-time factor, processor time and memory; in all of them, less is better.

    Where there is `KEY_interval` beside `KEY`, it is drawn over the bar.
    """
    ordered = sorted(systems.items(), key=lambda item: -item[1]["real_time_factor"])
    labels = [system["label"] for _, system in ordered]
    colours = [OURS if name.startswith("awct2") else THEIRS for name, _ in ordered]
    figure, axes = plt.subplots(1, len(panels), figsize=(10, 0.42 * len(labels) + 1.4), sharey=True)
    for axis, (key, name, form) in zip(axes, panels, strict=True):
        values = [system[key] for _, system in ordered]
        ends = [system.get(f"{key}_interval", (system[key], system[key])) for _, system in ordered]
        beside = [(value - low, high - value) for value, (low, high) in zip(values, ends, strict=True)]
        known = list(zip(*beside, strict=True)) if any(map(any, beside)) else None
        drawn = axis.barh(labels, values, color=colours, height=0.66, xerr=known, ecolor="#333333")
        axis.bar_label(drawn, [form(value) for value in values], padding=3)
        axis.set_title(name, fontsize=9)
        axis.set_xlim(0, max(high for _, high in ends) * 1.25)
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


def found_lines(
    curves: Sequence[Curve], title: str, axes: tuple[str, str, str], marks: tuple[str, str], path: Path
) -> None:
    """Draw what share of the bad lines is found, over the lines heard, and over the others that are marked with them.

    `axes` names the three shares, `marks` the point where lines are no longer marked, and lines in no order.
    """
    with mpl.rc_context({"font.family": _families()}):
        figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True)
        for axis, name in zip(panels, axes[1:], strict=True):
            for curve, colour in zip(curves, (OURS, ALSO), strict=False):
                over = curve.heard if axis is panels[0] else curve.others
                axis.plot(over, curve.found, color=colour, label=curve.label)
                axis.plot(over[curve.marked], curve.found[curve.marked], "o", color=colour)
            axis.plot([], [], "o", color="#333333", label=marks[0])
            axis.plot([0, 100], [0, 100], "--", color=THEIRS, linewidth=1, label=marks[1])
            axis.set(xlabel=name, xlim=(-2, 102), ylim=(-2, 104))
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylabel(axes[0])
        panels[1].legend(frameon=False, fontsize=9, loc="lower right")
        figure.suptitle(title, fontsize=10)
        figure.tight_layout()
        _save(figure, path)


def before_and_after(
    panels: Sequence[tuple[str, Sequence[Points]]],
    learnt: tuple[Sequence[float], Sequence[float]],
    title: str,
    axes: tuple[str, ...],
    path: Path,
) -> None:
    """Draw figures over the silence behind a clip, before and after a model was taught, and how it learnt.

    Each panel has a name, and the points before and after. `learnt`: steps, and what still differs behind them. `axes`
    names the silence, the steps, and what differs.
    """
    with mpl.rc_context({"font.family": _families()}):
        figure, drawn = plt.subplots(1, len(panels) + 1, figsize=(12, 4.0))
        for axis, (name, kinds) in zip(drawn[:-1], panels, strict=True):
            for points, colour in zip(kinds, (THEIRS, OURS), strict=True):
                pairs = zip(points.values, points.ends, strict=True)
                # Most draws of a bootstrap may lie on one side of the figure, and matplotlib takes no length below 0.
                reach = ((max(0.0, value - low), max(0.0, high - value)) for value, (low, high) in pairs)
                around = list(zip(*reach, strict=True))
                axis.errorbar(points.over, points.values, around, color=colour, fmt="o-", capsize=3, label=points.label)
                if points.level is not None:
                    axis.axhline(points.level, color=colour, linestyle="--", linewidth=1, label=points.level_label)
            over = kinds[0].over
            axis.set(xlabel=axes[0], ylabel=name, xscale="log", xticks=over, xticklabels=[f"{at:g}" for at in over])
            axis.minorticks_off()
            axis.axhline(0, color="#333333", linewidth=0.8)
        drawn[-1].plot(*learnt, "o-", color=OURS)
        drawn[-1].set(xlabel=axes[1], ylabel=axes[2], ylim=(0, None))
        for axis in drawn:
            axis.grid(alpha=0.3)
            axis.spines[["top", "right"]].set_visible(False)
        drawn[0].legend(frameon=False, fontsize=9)
        figure.suptitle(title, fontsize=10)
        figure.tight_layout()
        _save(figure, path)


def _families() -> list[str]:
    """Name the usual font and, behind it, one whose Japanese letters can be measured; readers have their own."""
    from matplotlib import font_manager

    # Found and not imported: it would make its font everybody's.
    (package,) = find_spec("matplotlib_fontja").submodule_search_locations  # type: ignore[union-attr, misc]
    path = Path(package) / "fonts" / "ipaexg.ttf"
    font_manager.fontManager.addfont(path)
    return ["DejaVu Sans", font_manager.FontProperties(fname=path).get_name(), "sans-serif"]


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
