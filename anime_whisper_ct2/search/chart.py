"""A search, drawn: what was tried, which averages read best, and where the training was best. Needs matplotlib."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anime_whisper_ct2.output.charts import fonts, write_chart
from anime_whisper_ct2.search.candidates import REST
from anime_whisper_ct2.search.naming import short_names, shortened
from anime_whisper_ct2.search.panels import Sheet, draw_history, draw_map, draw_training, draw_weights
from anime_whisper_ct2.search.records import Search
from anime_whisper_ct2.search.words import EN, ChartWords, chart_words

# A group of tensors has a row of panels; of more, the first have.
_MOST_GROUPS = 6


def draw(search: Search, path: Path, words: ChartWords | None = None) -> str | None:
    """Write the chart as .svg or .png, in the locale's language; gives a warning to show where no font has a letter.

    Raises OutputError when the file cannot be written; it is there whole or not at all.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import
    from matplotlib.figure import Figure  # noqa: PLC0415 - as above

    prefix, labels = short_names(search.names)
    names = "".join((prefix, *labels))
    words = words or chart_words()
    family, lacking = fonts(names + _letters(words))
    if set(lacking) - set(names):
        # Rather in English than in boxes.
        words, (family, lacking) = EN, fonts(names)
    sheet = Sheet(search, words, labels, prefix)
    look = {"font.family": family, "font.size": 9, "svg.fonttype": "path", "hatch.linewidth": 0.6}
    with mpl.rc_context(look), _quiet(lacking):
        # A figure without pyplot leaves a notebook's backend alone.
        figure: Any
        if search.options.strategy == "range":
            figure = Figure(figsize=(11, 8.4), layout="constrained")
            upper, lower = figure.subfigures(2, 1, height_ratios=(3, 5))
            draw_history(upper.subplots(), sheet)
            # What is written beside the colours stands apart from the next panel's axis.
            left, right = lower.subplots(1, 2, width_ratios=(6, 5), gridspec_kw={"wspace": 0.06})
            draw_map(left, sheet)
            draw_training(right, sheet, REST, words.singles)
        else:
            groups = _groups(search)[:_MOST_GROUPS]
            figure = Figure(figsize=(11, 3.4 + 3.2 * len(groups)), layout="constrained")
            upper, lower = figure.subfigures(2, 1, height_ratios=(3, 3 * len(groups)))
            draw_history(upper.subplots(), sheet)
            panels = lower.subplots(len(groups), 2, squeeze=False, width_ratios=(6, 5))
            for (left, right), group in zip(panels, groups, strict=True):
                named = f"\n{words.group.format(pattern=group)}" if len(groups) > 1 else ""
                draw_weights(left, sheet, group, named)
                draw_training(right, sheet, group, words.singles + named)
        figure.suptitle(f"{_told(sheet)}\n{_best(sheet)}", fontsize=10, parse_math=False)
        write_chart(figure, path)
    if not lacking:
        return None
    return (
        f"{path.name}: no font here has {lacking[0]!r}, so it is drawn as a box; install a Japanese font, or: "
        "pip install matplotlib-fontja"
    )


@contextmanager
def _quiet(lacking: str) -> Iterator[None]:
    with warnings.catch_warnings():
        if lacking:
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def _letters(words: ChartWords) -> str:
    return "".join(getattr(words, name) for name in words.__slots__)


def _told(sheet: Sheet) -> str:
    search = sheet.search
    return sheet.words.title.format(
        recordings=f"{search.recordings:,}",
        characters=f"{search.characters:,}",
        normalizer=search.options.normalizer,
    )


def _best(sheet: Sheet) -> str:
    """Name the best average and its CER."""
    candidate, words, names = sheet.best.candidate, sheet.words, tuple(map(shortened, sheet.search.names))
    what = names[candidate.first]
    if candidate.weights:
        what = words.weights
    elif candidate.first != candidate.last:
        count = candidate.last - candidate.first + 1
        what = words.average_of.format(first=what, last=names[candidate.last], count=count)
    return words.best.format(what=what, cer=sheet.best.cer)


def _groups(search: Search) -> list[str]:
    """Give the patterns that have weights of their own, those of the best first."""
    found = dict.fromkeys(pattern for pattern, _ in search.trial(search.best).candidate.weights)
    found |= dict.fromkeys(pattern for trial in search.trials for pattern, _ in trial.candidate.weights)
    return list(found) or [REST]
