"""What the reckoning looks like as Markdown, in English and in Japanese."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measures.reckoning import (
    CLIP_S,
    FORMS,
    GPUS,
    HOURS,
    TAIL_S,
    WINDOWS,
    Estimate,
    Figure,
    Form,
    Inputs,
    cores_per_gpu,
    driver_mib,
    enough_runs,
    estimate,
    gather,
    limits,
    recordings,
)
from benchmarks.report.cost_words import EN, JA
from benchmarks.report.tables import table

_WORDS: Mapping[str, Mapping[str, Any]] = {"en": EN, "ja": JA}
_COUNT = {"count": recordings() / 1e6, "man": recordings() / 1e4}  # in millions; Japanese counts in tens of thousands
_UNITS = {"en": (" h ", " min ", " s"), "ja": ("時間", "分", "秒")}


def rendered_cost(language: str, results: Path) -> str:
    """Write the page from what is in a folder of results."""
    return page(gather(results), language, gather(results, "ctranslate2"))


def page(inputs: Inputs, language: str = "en", beside: Inputs | None = None) -> str:
    """Write the page: what it comes to, what limits, and what all of it rests on.

    `beside`: with another encoder, for which plain tars are told of.
    """
    words = _WORDS[language]
    kinds = {figure.kind for each in (inputs, beside) if each for figure in each.speed.values()}
    speed = words["speed"]["measured" if kinds == {"measured"} else "calculated"]
    intro = words["intro"].format(hours=HOURS, clip=CLIP_S, **_COUNT, speed=speed, usd=inputs.usd.value)
    intro += words["between"] + words["with"].format(encoder=words["encoder"][inputs.encoder])
    parts = [intro, table(words["head"], _rows(inputs, language))]
    if beside is not None:
        parts.append(words["beside"].format(encoder=words["encoder"][beside.encoder]))
        parts.append(table(words["head"], _rows(beside, language, ("tars",))))
    if inputs.ledger is None:
        parts.append(words["unmeasured"])
    parts += [words["limits"], table(words["limits_head"], _limits(inputs, words))]
    parts += [words["rests"], table(words["rests_head"], _rests(inputs, words, beside)), words["last"]]
    return "\n\n".join(parts)


def _rows(inputs: Inputs, language: str, forms: Sequence[Form] = FORMS) -> list[list[str]]:
    words = _WORDS[language]
    rows = []
    for form in forms:
        for window in WINDOWS:
            for gpus in GPUS:
                one = estimate(inputs, gpus, window, form)
                rows.append(
                    [
                        words["form"][form],
                        window,
                        str(gpus),
                        words["stage"][one.first],
                        f"{one.per_s:,.0f}",
                        takes(one.wall_s, language),
                        f"{one.gpu_hours:,.0f}, {one.busy_hours:,.0f}",
                        f"{one.usd:,.0f}",
                        f"{one.read_bytes_s / 1e6:,.0f}",
                        _more(inputs, one, window, form, language),
                    ]
                )
    return rows


def _more(inputs: Inputs, one: Estimate, window: Any, form: Any, language: str) -> str:
    words = _WORDS[language]
    runs = enough_runs(inputs, one.gpus, window, form)
    if runs == 1:
        return ""
    more = estimate(inputs, one.gpus, window, form, runs)
    first = words["stage"][more.first]
    return str(words["more"].format(runs=runs, takes=takes(more.wall_s, language), usd=f"{more.usd:,.0f}", first=first))


def _limits(inputs: Inputs, words: Mapping[str, Any]) -> list[list[str]]:
    # Only listing depends on how the corpus lies there, and opening files is of loose ones alone.
    by_form = {form: [limits(inputs, gpus, "fit", form) for gpus in GPUS] for form in FORMS}
    rows = [
        [words["listing"].format(form=words["form"][form]), *(f"{each['listing']:,.0f}" for each in by_form[form])]
        for form in FORMS
        if "listing" in by_form[form][0]
    ]
    rows += [
        [words["stage"][stage], *(f"{each[stage]:,.0f}" for each in by_form["files"])]
        for stage in by_form["files"][0]
        if stage != "listing"
    ]
    return rows


def _rests(inputs: Inputs, words: Mapping[str, Any], beside: Inputs | None = None) -> list[list[str]]:
    def row(name: str, figure: Figure | None, form: str, encoder: str = "") -> None:
        if figure is not None:
            source = words["kind"][figure.kind].format(result=figure.result)
            rows.append([words["figures"][name].format(**_COUNT, encoder=encoder), form.format(figure.value), source])

    rows: list[list[str]] = []
    for each in filter(None, (inputs, beside)):
        for window in WINDOWS:
            row(window, each.speed[window], words["fast"], words["encoder"][each.encoder])
    row("cpu_ms", inputs.cpu_ms, "{0:.2f} ms")
    row("engine_cores", inputs.engine_cores, "{0:g}")
    needed = [cores_per_gpu(inputs, window) for window in WINDOWS]
    if inputs.cpu_ms and all(needed):
        text = ", ".join(f"{cores:.1f}" for cores in needed if cores)
        rows.append([words["figures"]["needed"], text, words["kind"]["calculated"]])
    row("cores", inputs.cores, "{0:g}")
    row("bytes_each", Figure(inputs.bytes_each.value / 1000, inputs.bytes_each.kind), "{0:.1f} kB")
    row("storage_bytes_s", Figure(inputs.storage_bytes_s.value / 1e9, inputs.storage_bytes_s.kind), "{0:g} GB/s")
    row("opens_s", inputs.opens_s, words["per_s"])
    row("stat_ms", inputs.stat_ms, "{0:g} ms")
    for name in ("listing_us", "tar_listing_us", "shards_us"):
        row(name, getattr(inputs, name), "{0:.1f} µs")
    row("ledger", inputs.ledger, words["per_s"])
    if (mib := driver_mib(inputs, recordings())) is not None:
        row("memory", Figure(mib, "calculated"), "{0:,.0f} MiB")
    row("start_s", inputs.start_s, words["seconds"])
    row("tail", Figure(TAIL_S, "assumed"), words["seconds"])
    row("usd", inputs.usd, words["usd"])
    return rows


def takes(seconds: float, language: str = "en") -> str:
    """Write a time in the two units that say most of it."""
    hour, minute, second = _UNITS[language]
    whole = math.ceil(seconds)
    if whole < 3600:
        return f"{whole // 60}{minute}{whole % 60}{second}"
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60:,}{hour}{minutes % 60}{minute}".rstrip()
