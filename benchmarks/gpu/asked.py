"""What the GPU part is asked to show, and what was measured of it. Figures are for an H200 with 16 cores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Figures = Mapping[str, Any]


def asked(figures: Figures) -> list[dict[str, Any]]:
    """List what is asked: `what`, `asked` in words, `measured` and whether it is `met`; None where it was not measured.

    `figures`: those of the GPU part so far.
    """
    systems = figures.get("systems", {})
    speed = {name: row["times_real_time"] for name, row in systems.items()}
    full, fit, by_file = (speed.get(name) for name in ("awct2-full", "awct2-fit", "fw-batched"))
    theirs = max((value for name, value in speed.items() if name.startswith("hf-")), default=None)
    wrong = sum(row["wrong_texts"] for row in systems.values())
    look, memory, pair = (figures.get(name, {}) for name in ("look", "out_of_memory", "stations, one killed"))
    encoder, trained = look.get("encoder", {}).values(), look.get("texts", {}).get("float32", {})
    return [
        _least("full, times real time", 600, full),
        _least("fit, times real time", 3_000, fit),
        _most("full, % of the time that the engine waits", 5, _waits(figures, "full")),
        _most("fit, % of the time that the engine waits", 5, _waits(figures, "fit")),
        _least("full, times as fast as faster-whisper file by file", 8, _ratio(full, by_file)),
        _least("full, times as fast as transformers at its best", 1, _ratio(full, theirs)),
        _least("fit, times as fast as transformers at its best", 3, _ratio(fit, theirs)),
        _most("wrong texts among all systems", 0, wrong if systems else None),
        _least("% of the clips transcribed though memory ran out", 100, _share(memory, "done", "found")),
        _least("batches halved for it", 1, memory.get("memory_halvings")),
        _most("encoder's relative difference from the CPU's in float32", 0.02, max(encoder, default=None)),
        _least("% of the texts in float32 as on the CPU, trained checkpoint", 100, _share(trained, "equal", "clips")),
        # One layer's attention alone takes 1,373 MiB for these 16 windows; kernels and cuBLAS take less than 500.
        _least("MiB that the memory pool keeps between batches", 500, look.get("engine", {}).get("kept_given_mib")),
        _least("% of the clips transcribed by two engines, one killed", 100, _share(pair, "done", "found")),
    ]  # fmt: skip


def waits(overhead: float) -> float:
    """Give the share of a run in which its engine waits, in %, from what the run takes longer than its engine alone."""
    return 100 * (1 - 1 / (1 + overhead))


def _waits(figures: Figures, window: str) -> float | None:
    row = figures.get(f"overhead-{window}", {}).get(window)
    return waits(row["overhead"]) if row else None


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours and theirs else None


def _share(row: Figures, part: str, whole: str) -> float | None:
    return 100 * row[part] / row[whole] if row.get(whole) else None


def _least(what: str, least: float, measured: float | None) -> dict[str, Any]:
    return _row(what, f"at least {least:,}", measured, met=measured is not None and measured >= least)


def _most(what: str, most: float, measured: float | None) -> dict[str, Any]:
    return _row(what, f"at most {most:,}", measured, met=measured is not None and measured <= most)


def _row(what: str, wanted: str, measured: float | None, *, met: bool) -> dict[str, Any]:
    return {"what": what, "asked": wanted, "measured": measured, "met": met if measured is not None else None}
