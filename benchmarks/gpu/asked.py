"""What the GPU part is asked to show, and what was calculated, beside what was measured.

Figures are for an H200 with 16 cores. What was calculated comes from the instructions of the shipped kernels and the
card's speed; a measured figure outside of its range refutes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.gpu.plan import ENCODERS
from benchmarks.measures.reckoning import CALCULATED

Figures = Mapping[str, Any]

# Of CTranslate2's encoder, milliseconds a window at so many positions: calculated, at best and at worst.
_ENCODE = {"256": (1.6, 1.3, 2.1), "384": (2.7, 2.2, 3.5), "512": (3.8, 3.1, 4.9), "1500": (18.9, 15.0, 24.0)}
# At that many milliseconds at 1,500 positions, the kernels are not what was read in them.
_REFUTED_MS = 8.0
# How far a calculated speed may be off, as the encoder's times above are.
_RANGE = 0.25


def asked(figures: Figures) -> list[dict[str, Any]]:
    """List what is asked: `what`, `asked` in words, `measured` and whether it is `met`; None where it was not measured.

    `figures`: those of the GPU part so far.
    """
    return [
        *_speeds(figures),
        *_beside_others(figures),
        *_of_the_probe(figures.get("probe", {})),
        *_of_the_numbers(figures),
        *_of_what_broke(figures),
    ]


def _speeds(figures: Figures) -> list[dict[str, Any]]:
    rows = []
    for encoder in ENCODERS:
        for window in ("full", "fit"):
            system = _system(figures, window, encoder)
            calculated = CALCULATED[encoder][window]
            low, high = calculated * (1 - _RANGE), calculated * (1 + _RANGE)
            rows.append(_range(f"{window}, {encoder} encodes: times real time", calculated, low, high, _speed(system)))
            waits = system.get("engine_waits")
            rows.append(
                _most(
                    f"{window}, {encoder} encodes: % of the time that the engine waits",
                    5,
                    None if waits is None else 100 * waits,
                )
            )
    return rows


def _beside_others(figures: Figures) -> list[dict[str, Any]]:
    systems = figures.get("systems", {})
    full, fit = (
        max((speed for encoder in ENCODERS if (speed := _speed(_system(figures, window, encoder)))), default=None)
        for window in ("full", "fit")
    )
    by_file = _speed(systems.get("fw-batched", {}))
    theirs = max((row["times_real_time"] for name, row in systems.items() if name.startswith("hf-")), default=None)
    wrong = sum(row["wrong_texts"] for row in systems.values())
    return [
        _least("full, times as fast as faster-whisper file by file", 8, _ratio(full, by_file)),
        _least("full, times as fast as transformers at its best", 1, _ratio(full, theirs)),
        _least("fit, times as fast as transformers at its best", 3, _ratio(fit, theirs)),
        _most("wrong texts among all systems", 0, wrong if systems else None),
    ]


def _of_the_probe(probe: Figures) -> list[dict[str, Any]]:
    encode = {positions: probe.get(f"encode.{positions}", {}).get("ms") for positions in _ENCODE}
    rows = [
        _range(f"encoder alone, {positions} positions: ms a window", *_ENCODE[positions], ms)
        for positions, ms in encode.items()
    ]
    ms = encode["1500"]
    rows.append(
        _row(
            "the calculation, by the encoder at 1500 positions: ms a window",
            f"refuted at {_REFUTED_MS:g} or less",
            ms,
            met=ms is not None and ms > _REFUTED_MS,
        )
    )
    sizes = {int(name.partition(".")[2]): row for name, row in probe.items() if name.startswith("rows.")}
    # The largest batch that CTranslate2's indices hold, and the first that they do not; both as they are on a GPU.
    for copies, equal in ((95, True), (96, False)):
        found = sizes.get(copies, {}).get("wrong_rows")
        what = f"wrong rows among {copies} equal windows of 30 s"
        wanted = "at most 0" if equal else "calculated 1 or more"
        rows.append(_row(what, wanted, found, met=found is not None and (found == 0) == equal))
    # One layer's attention alone takes 1,373 MiB for these 16 windows; kernels and cuBLAS take less than 500.
    kept = probe.get("engine.given", {}).get("kept_mib")
    rows.append(_least("MiB that the memory pool keeps between batches", 500, kept))
    return rows


def _of_the_numbers(figures: Figures) -> list[dict[str, Any]]:
    probe = figures.get("probe", {})
    stock = [
        away
        for row in probe.get("difference.ctranslate2", {}).values()
        if isinstance(row, dict)
        for away in row.values()
    ]
    torch = [
        away
        for name, row in probe.items()
        if name.startswith("torch.")
        for away in row.get("difference", {}).values()
    ]  # fmt: skip
    texts = {name: row for name, row in figures.get("texts", {}).items() if name.startswith("float32, ")}
    rows = [
        _most("CTranslate2's encoder: relative difference from the CPU's in float32", 0.02, max(stock, default=None)),
        _most("torch's encoder: relative difference from the CPU's in float32", 0.02, max(torch, default=None)),
    ]
    for encoder in ENCODERS:
        row = texts.get(f"float32, {encoder}", {})
        what = f"% of the texts in float32 as on the CPU, trained checkpoint, {encoder} encodes"
        rows.append(_least(what, 100, _share(row, "equal", "clips")))
    words = [row for row in figures.get("words", {}).values() if "words_equal" in row]
    share = min((100 * row["words_equal"] / row["words"] for row in words if row["words"]), default=None)
    rows.append(_least("% of the words within 20 ms of where they are on the CPU", 95, share))
    return rows


def _of_what_broke(figures: Figures) -> list[dict[str, Any]]:
    rows = []
    for encoder in ENCODERS:
        memory = figures.get(f"memory, {encoder}", {})
        rows += [
            _least(
                f"% of the clips transcribed though memory ran out, {encoder} encodes",
                100,
                _share(memory, "done", "found"),
            ),
            _least(f"batches halved for it, {encoder} encodes", 1, memory.get("memory_halvings")),
        ]
    pair = figures.get("stations", {})
    rows.append(_least("% of the clips transcribed by two engines, one killed", 100, _share(pair, "done", "found")))
    return rows


def _system(figures: Figures, window: str, encoder: str) -> Figures:
    found: Figures = figures.get("systems", {}).get(f"awct2-{window}-{encoder}", {})
    return found


def _speed(system: Figures) -> float | None:
    return system.get("times_real_time")


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def _share(row: Figures, part: str, whole: str) -> float | None:
    return 100 * row[part] / row[whole] if row.get(whole) else None


def _least(what: str, least: float, measured: float | None) -> dict[str, Any]:
    return _row(what, f"at least {least:,}", measured, met=measured is not None and measured >= least)


def _most(what: str, most: float, measured: float | None) -> dict[str, Any]:
    return _row(what, f"at most {most:,}", measured, met=measured is not None and measured <= most)


def _range(what: str, calculated: float, low: float, high: float, measured: float | None) -> dict[str, Any]:
    wanted = f"calculated {calculated:,g} ({low:,g} – {high:,g})"
    return _row(what, wanted, measured, met=measured is not None and low <= measured <= high)


def _row(what: str, wanted: str, measured: float | None, *, met: bool) -> dict[str, Any]:
    return {"what": what, "asked": wanted, "measured": measured, "met": met if measured is not None else None}
