"""The panels of a search's chart. Need matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anime_whisper_ct2.search.naming import LEAST_SHARE, shares
from anime_whisper_ct2.search.records import Search, Trial
from anime_whisper_ct2.search.words import ChartWords

_OURS, _SINGLE, _TRIAL = "#b5344a", "#e0a83c", "#2a5d84"
# Dark is good: a low CER, and a large share.
_RATES, _SHARES = "viridis", "Blues"
# Of so many checkpoints, each has its name at the axis and its figure in the cell; of more, some names.
_MOST_FIGURES, _MOST_LARGE, _MOST_NAMES = 12, 8, 16
_MOST_ROWS = 10
# An axis of rates reaches so many times as far above the lowest as three quarters of them do.
_REACH = 3.0
# Fewer averages than these are coloured together with the single checkpoints.
_FEW = 4


@dataclass(frozen=True, slots=True)
class Sheet:
    """What all panels need. `labels`: short names, which begin with `prefix`, in the order of the training."""

    search: Search
    words: ChartWords
    labels: tuple[str, ...]
    prefix: str

    @property
    def count(self) -> int:
        return len(self.labels)

    @property
    def best(self) -> Trial:
        return self.search.trial(self.search.best)

    @property
    def axis(self) -> str:
        """What names along an axis are: what all of them begin with, or a word."""
        return f"{self.prefix}…" if self.prefix else self.words.checkpoint


def _reach(cers: Sequence[float]) -> tuple[float, float]:
    """Give the ends of an axis of rates: some that are far off do not squeeze all others together."""
    low, high = min(cers), max(cers)
    usual = low + _REACH * max(float(np.percentile(cers, 75)) - low, 0.02 * low, 0.01)
    return low, min(high, usual) if high > low else low + 1.0


def _reach_to(axes: Any, low: float, high: float, most: float) -> None:
    """Have an axis of rates end so; it has no ticks below nothing, nor above `most`, where what is beyond it stands."""
    axes.set_ylim(low, high)
    axes.set_yticks([tick for tick in axes.get_yticks() if max(low, 0.0) <= tick <= most])


def draw_history(axes: Any, sheet: Sheet) -> None:
    """Draw the CER of all that was tried, in order, and the best so far."""
    words, trials = sheet.words, sheet.search.trials
    low, high = _reach([trial.cer for trial in trials if trial.state == "complete"])
    above = high + 0.05 * (high - low)
    kinds = (
        ("single", "complete", words.single, "s", _SINGLE, _SINGLE),
        ("uniform", "complete", words.uniform, "D", "#3d7a4e", "#3d7a4e"),
        ("trial", "complete", words.complete, "o", _TRIAL, _TRIAL),
        ("trial", "pruned", words.pruned, "o", "none", _TRIAL),
    )
    end = trials[-1].number + 0.6
    for kind, state, label, marker, face, edge in kinds:
        of = [trial for trial in trials if (trial.kind, trial.state) == (kind, state)]
        inside = [trial for trial in of if trial.cer <= high]
        if of:
            at = [trial.number for trial in inside], [trial.cer for trial in inside]
            axes.scatter(*at, marker=marker, facecolors=face, edgecolors=edge, s=26, zorder=3, label=label)
        beyond = [trial.number for trial in of if trial.cer > high]
        axes.scatter(beyond, [above] * len(beyond), marker="^", facecolors=face, edgecolors=edge, s=26, zorder=3)
    if any(trial.cer > high for trial in trials):
        axes.scatter([], [], marker="^", facecolors="none", edgecolors="#555555", s=26, label=words.above)
    singles = [trial.cer for trial in trials if (trial.kind, trial.state) == ("single", "complete")]
    if singles:
        axes.axhspan(min(singles), min(max(singles), above), color=_SINGLE, alpha=0.12, linewidth=0)
        axes.axhline(min(singles), color=_SINGLE, linewidth=1, linestyle="--")
    _best_so_far(axes, trials, end, words.best_so_far)
    axes.plot([sheet.best.number], [sheet.best.cer], "o", ms=12, mfc="none", mec=_OURS, mew=1.6, zorder=4)
    axes.set(xlabel=words.trials, ylabel=words.cer, xlim=(trials[0].number - 0.6, end))
    _reach_to(axes, low - 0.08 * (high - low), above + 0.06 * (high - low), high)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)


def _best_so_far(axes: Any, trials: Sequence[Trial], end: float, label: str) -> None:
    complete = [trial for trial in trials if trial.state == "complete"]
    lowest = np.minimum.accumulate([trial.cer for trial in complete])
    over = [*(trial.number for trial in complete), end]
    axes.step(over, [*lowest, lowest[-1]], where="post", color=_OURS, linewidth=1.2, label=label)


def draw_map(axes: Any, sheet: Sheet) -> None:
    """Draw the CER by the first and the last checkpoint of an average; single ones are on the diagonal."""
    words, count = sheet.words, sheet.count
    rates = np.full((count, count), np.nan)
    pruned: set[tuple[int, int]] = set()
    # A trial that was heard to its end counts more than one that was not.
    for trial in sorted(sheet.search.trials, key=lambda trial: trial.state == "complete"):
        if not trial.candidate.weights:
            at = trial.candidate.first, trial.candidate.last
            rates[at] = trial.cer
            (pruned.discard if trial.state == "complete" else pruned.add)(at)
    complete = [trial for trial in sheet.search.trials if trial.state == "complete"]
    averages = [trial for trial in complete if trial.kind != "single"]
    # What tells averages from each other is wanted; single ones are often worse than all of them.
    low, high = _reach([trial.cer for trial in (averages if len(averages) >= _FEW else complete)])
    low = min(low, sheet.best.cer)
    image = axes.imshow(rates, cmap=_RATES, vmin=low, vmax=high, origin="upper", aspect="auto")
    extend = "max" if np.nanmax(rates) > high else "neither"
    axes.figure.colorbar(image, ax=axes, label=words.cer, extend=extend, fraction=0.05, pad=0.02)
    for first, last in pruned:
        _frame(axes, first, last, fill=False, hatch="////", edgecolor="#ffffff", linewidth=0)
    best = sheet.best.candidate
    if not best.weights:
        # White around it: a frame alone is lost on some of the colours.
        for colour, width in (("#ffffff", 4.5), (_OURS, 2.2)):
            _frame(axes, best.first, best.last, fill=False, edgecolor=colour, linewidth=width, zorder=5)
    if count <= _MOST_FIGURES:
        form = ".2f" if count <= _MOST_LARGE else ".1f"
        _figures(axes, rates, image, lambda cer: "" if np.isnan(cer) else f"{cer:{form}}", pruned)
    _name(axes.xaxis, sheet, turned=True)
    _name(axes.yaxis, sheet)
    axes.set_xlabel(words.last.format(what=sheet.axis), parse_math=False)
    axes.set_ylabel(words.first.format(what=sheet.axis), parse_math=False)
    axes.set_title(words.map, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _frame(axes: Any, first: int, last: int, **look: Any) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - as above

    axes.add_patch(Rectangle((last - 0.5, first - 0.5), 1, 1, **look))


def _figures(
    axes: Any, values: Any, image: Any, write: Callable[[float], str], hatched: Container[tuple[int, ...]] = ()
) -> None:
    """Write the figures into the cells, light on dark and dark on light."""
    size = 8 if len(values[0]) <= _MOST_LARGE else 7
    for (row, column), value in np.ndenumerate(values):
        red, green, blue, _ = image.cmap(image.norm(value))
        light = 0.299 * red + 0.587 * green + 0.114 * blue
        drawn = axes.text(column, row, write(value), ha="center", va="center", fontsize=size)
        drawn.set_color("#000000" if light > 0.55 else "#ffffff")
        if (row, column) in hatched:
            drawn.set_bbox({"facecolor": image.cmap(image.norm(value)), "edgecolor": "none", "pad": 1.0})


def _name(axis: Any, sheet: Sheet, *, turned: bool = False) -> None:
    """Put names at an axis: all, or of many the last one and some before it."""
    step = -(-sheet.count // _MOST_NAMES)
    shown = list(range(sheet.count - 1, -1, -step))[::-1]
    axis.set_ticks(shown, [sheet.labels[at] for at in shown])
    for label in axis.get_ticklabels():
        label.set(fontsize=8, parse_math=False)
        if turned and max(map(len, sheet.labels)) * len(shown) > 40:
            label.set(rotation=90)


def draw_weights(axes: Any, sheet: Sheet, group: str, named: str) -> None:
    """Draw the shares of the checkpoints in those averages that read best, the best one on top."""
    words = sheet.words
    tried = [trial for trial in sheet.search.trials if trial.state == "complete" and trial.kind != "single"]
    rows = sorted({*tried, sheet.best}, key=lambda trial: (trial.cer, trial.number))[:_MOST_ROWS]
    parts = np.array([shares(trial.candidate, group, sheet.count) for trial in rows])
    image = axes.imshow(parts, cmap=_SHARES, vmin=0, vmax=max(0.01, parts.max()), aspect="auto")
    if sheet.count <= _MOST_FIGURES:
        _figures(axes, parts, image, lambda share: f"{100 * share:.0f}" if share >= LEAST_SHARE else "")
    axes.set_yticks(range(len(rows)), [f"{trial.cer:.2f}" for trial in rows], fontsize=8)
    axes.set_ylabel(words.cer)
    axes.set_xlabel(sheet.axis, parse_math=False)
    _name(axes.xaxis, sheet, turned=True)
    axes.set_title(words.shares + named, fontsize=9, parse_math=False)


def draw_training(axes: Any, sheet: Sheet, group: str, title: str) -> None:
    """Draw the CER of each checkpoint by itself, along the training, and its share in the best average."""
    words, count = sheet.words, sheet.count
    beside = axes.twinx()
    beside.bar(range(count), [100 * share for share in shares(sheet.best.candidate, group, count)], color="#d5dfe8")
    beside.set(ylabel=words.share, ylim=(0, None))
    beside.spines[["top"]].set_visible(False)
    singles = [trial for trial in sheet.search.trials if (trial.kind, trial.state) == ("single", "complete")]
    by_number = sorted((trial.candidate.first, trial.cer) for trial in singles)
    # The line over the bars, whose axis would else be drawn later.
    axes.set_zorder(beside.get_zorder() + 1)
    axes.patch.set_visible(False)
    low, high = _reach([sheet.best.cer, *(cer for _, cer in by_number)])
    above = high + 0.05 * (high - low)
    placed = [(at, cer, cer if cer <= high else above) for at, cer in by_number]
    axes.plot([at for at, _, _ in placed], [height for _, _, height in placed], "-", color=_SINGLE)
    for at, cer, height in placed:
        axes.scatter([at], [height], marker="s" if cer <= high else "^", color=_SINGLE, s=26, zorder=3)
        if cer > high or count <= _MOST_FIGURES:
            axes.annotate(f"{cer:.1f}", (at, height), (0, 5), textcoords="offset points", ha="center", fontsize=7)
    axes.axhline(sheet.best.cer, color=_OURS, linewidth=1.2)
    note = f"{words.the_best} {sheet.best.cer:.2f}"
    axes.annotate(note, (0, sheet.best.cer), (2, -10), textcoords="offset points", color=_OURS, fontsize=8)
    axes.set(ylabel=words.cer, xlim=(-0.6, count - 0.4))
    axes.set_xlabel(sheet.axis, parse_math=False)
    _reach_to(axes, low - 0.18 * (high - low), above + 0.14 * (high - low), high)
    _name(axes.xaxis, sheet, turned=True)
    axes.spines[["top"]].set_visible(False)
    axes.set_title(title, fontsize=9, parse_math=False)
