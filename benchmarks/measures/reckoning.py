"""The reckoning of what many hours of clips cost, and which part of a run gives out first.

Nothing is measured here: it is reckoned from `results/*.json`, and from what is assumed where nothing was measured. For
each part of a run it is said how many recordings a second that could do by itself; the least of them is what the whole
does. Every figure carries where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from benchmarks.report import store

Window: TypeAlias = Literal["full", "fit"]
Encoder: TypeAlias = Literal["torch", "ctranslate2"]
# Tars that the engines list (at URLs, or compressed), plain ones on disk, which the command lists, and loose files.
Form: TypeAlias = Literal["remote tars", "tars", "files"]
# In the order of the way that a recording goes.
Stage: TypeAlias = Literal["listing", "opens", "bandwidth", "front end", "gpu", "ledger"]
Kind: TypeAlias = Literal["measured", "calculated", "published", "assumed"]

HOURS = 100_000.0
CLIP_S = 5.1
GPUS = (8, 64, 512)
WINDOWS: tuple[Window, ...] = ("full", "fit")
FORMS: tuple[Form, ...] = ("remote tars", "tars", "files")
# At the end, engines wait for the one that has most left: three shards of some 20 s, by what the executor aims at.
TAIL_S = 60.0
MOST_RUNS = 64
# Times real time of one H200, by what computes the encoder: from the instructions of the kernels, and the card's speed.
CALCULATED: Mapping[Encoder, Mapping[Window, float]] = MappingProxyType(
    {"torch": {"full": 1_080.0, "fit": 4_600.0}, "ctranslate2": {"full": 270.0, "fit": 1_700.0}}
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and where it comes from; `result` names the file and the commit of what was measured."""

    value: float
    kind: Kind
    result: str = ""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the reckoning rests on. None: not measured, and then nothing is said of that part."""

    encoder: Encoder = "torch"
    # Of one GPU with that encoder, in times real time.
    speed: Mapping[Window, Figure] = field(default_factory=lambda: calculated_speed("torch"))
    cpu_ms: Figure | None = None  # of a core, for each recording, workers and what feeds them
    engine_cores: Figure = Figure(1.0, "assumed")  # that an engine's own process keeps busy
    cores: Figure = Figure(16.0, "assumed")  # for each GPU
    bytes_each: Figure = Figure(0.9e9 / 32_600, "published")
    storage_bytes_s: Figure = Figure(5e9, "assumed")
    opens_s: Figure = Figure(20_000.0, "assumed")
    stat_ms: Figure = Figure(0.3, "assumed")
    # Of the driver, for one recording each, in microseconds of a core.
    listing_us: Figure | None = None
    tar_listing_us: Figure | None = None
    shards_us: Figure | None = None
    ledger: Figure | None = None  # recordings a second through the driver, from the listing to the disk
    base_mib: Figure | None = None  # of the driver's memory, and what a million recordings add
    million_mib: Figure | None = None
    start_s: Figure = Figure(60.0, "assumed")
    usd: Figure = Figure(3.0, "assumed")  # for a GPU's hour, with its cores


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a corpus comes to on some GPUs, in one run or in several that each take a part of it.

    `limits`: recordings a second by part; `first`: the least of them, `per_s`. `busy_hours`: GPU-hours of work, where
    `gpu_hours` are those that are paid for.
    """

    gpus: int
    runs: int
    limits: Mapping[Stage, float]
    first: Stage
    per_s: float
    wall_s: float
    gpu_hours: float
    busy_hours: float
    usd: float
    read_bytes_s: float


def calculated_speed(encoder: Encoder) -> dict[Window, Figure]:
    """Give what was calculated of one GPU."""
    return {window: Figure(value, "calculated") for window, value in CALCULATED[encoder].items()}


def recordings(hours: float = HOURS) -> float:
    """Give how many clips so many hours are."""
    return hours * 3600 / CLIP_S


def clips_per_s(inputs: Inputs, window: Window) -> float:
    """Give the clips a second of one GPU."""
    return inputs.speed[window].value / CLIP_S


def cores_per_gpu(inputs: Inputs, window: Window) -> float | None:
    """Give the cores that one GPU's front end and engine keep busy when the GPU never waits."""
    if inputs.cpu_ms is None:
        return None
    return clips_per_s(inputs, window) * inputs.cpu_ms.value / 1000 + inputs.engine_cores.value


def limits(inputs: Inputs, gpus: int, window: Window, form: Form, runs: int = 1) -> dict[Stage, float]:
    """Give the recordings a second that each part could do by itself; what was not measured is left out.

    Of several runs over tars, each has tars of its own. Over files (`--shard`), each lists all names, and does the rest
    for its own.
    """
    found: dict[Stage, float] = {}
    if form == "tars" and inputs.tar_listing_us and inputs.shards_us:
        # A tar's headers say the sizes of its members.
        found["listing"] = 1e6 * runs / (inputs.tar_listing_us.value + inputs.shards_us.value)
    if form == "files" and inputs.listing_us and inputs.shards_us:
        # Sizes are asked for one after the other.
        own_us = inputs.shards_us.value + 1000 * inputs.stat_ms.value
        found["listing"] = 1e6 * runs / (runs * inputs.listing_us.value + own_us)
    if form == "files":
        found["opens"] = inputs.opens_s.value
    found["bandwidth"] = inputs.storage_bytes_s.value / inputs.bytes_each.value
    if inputs.cpu_ms:
        free = max(0.0, inputs.cores.value - inputs.engine_cores.value)
        found["front end"] = gpus * free / inputs.cpu_ms.value * 1000
    found["gpu"] = gpus * clips_per_s(inputs, window)
    if inputs.ledger:
        found["ledger"] = runs * inputs.ledger.value
    return found


def estimate(inputs: Inputs, gpus: int, window: Window, form: Form, runs: int = 1) -> Estimate:
    """Reckon time and money for the whole corpus."""
    can = limits(inputs, gpus, window, form, runs)
    first = min(can, key=lambda stage: can[stage])
    wall_s = recordings() / can[first] + inputs.start_s.value + TAIL_S
    return Estimate(
        gpus=gpus,
        runs=runs,
        limits=can,
        first=first,
        per_s=can[first],
        wall_s=wall_s,
        gpu_hours=gpus * wall_s / 3600,
        busy_hours=HOURS / inputs.speed[window].value,
        usd=gpus * wall_s / 3600 * inputs.usd.value,
        read_bytes_s=can[first] * inputs.bytes_each.value,
    )


def enough_runs(inputs: Inputs, gpus: int, window: Window, form: Form) -> int:
    """Give the least number of runs in which no driver is what limits; else the least that does nearly the most."""
    tried = [estimate(inputs, gpus, window, form, runs) for runs in range(1, min(gpus, MOST_RUNS) + 1)]
    most = max(each.per_s for each in tried)
    free = (each.runs for each in tried if each.first not in ("listing", "ledger"))
    return next(free, next(each.runs for each in tried if each.per_s >= 0.98 * most))


def driver_mib(inputs: Inputs, count: float) -> float | None:
    """Give the driver's memory over so many recordings, along the line through the two that were measured."""
    if inputs.base_mib is None or inputs.million_mib is None:
        return None
    return inputs.base_mib.value + inputs.million_mib.value * count / 1e6


def gather(results: Path = store.RESULTS, encoder: Encoder = "torch") -> Inputs:
    """Read what was measured; the rest stays as it is assumed or calculated."""
    inputs = Inputs(encoder=encoder, speed=calculated_speed(encoder))
    fronts = {path.stem: store.load(path.stem, results) or {} for path in results.glob("frontend*.json")}
    if fronts:
        name, report = max(fronts.items(), key=lambda each: _pool_ms(each[1]))
        inputs = replace(inputs, cpu_ms=Figure(_pool_ms(report), "measured", _named(name, report)))
    if million := store.load("million", results):
        inputs = replace(inputs, **_of_million(million))
    if (gpu := store.load("gpu", results)) and gpu["about"]["machine"]["gpu"]:
        inputs = replace(inputs, **_of_gpu(gpu, inputs))
    return inputs


def _pool_ms(report: Mapping[str, Any]) -> float:
    """Give a core's milliseconds for a clip with as many workers as were tried, what feeds them included."""
    workers, rate = max(((int(workers), rate) for workers, rate in report["pool_clips_per_s"].items()))
    return 1000 * workers / float(rate)


def _of_million(report: Mapping[str, Any]) -> dict[str, Any]:
    parts, source = report["parts"], _named("million", report)
    found: dict[str, Any] = {}
    if alone := parts.get("alone"):
        names = {"listing": "listing_us", "tar_listing": "tar_listing_us", "shards": "shards_us"}
        for name, key in names.items():
            if rate := alone.get(f"{name}_per_cpu_s"):
                found[key] = Figure(1e6 / rate, "measured", source)
    if whole := parts.get("cluster"):
        found["ledger"] = Figure(whole["per_s"], "measured", source)
        few = parts.get("cluster_few")
        if few and whole["recordings"] > few["recordings"]:
            peaks = [each["driver_peak_mib"]["resident"] for each in (few, whole)]
            slope = max(0.0, peaks[1] - peaks[0]) / (whole["recordings"] - few["recordings"])
            found["million_mib"] = Figure(1e6 * slope, "measured", source)
            found["base_mib"] = Figure(peaks[1] - slope * whole["recordings"], "measured", source)
    return found


def _of_gpu(report: Mapping[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Take a GPU's own speed in the place of the calculated one, and what its run took of the cores."""
    source = _named("gpu", report)
    systems = {window: report["systems"].get(f"awct2-{window}-{inputs.encoder}") for window in WINDOWS}
    speed = {
        window: Figure(row["times_real_time"], "measured", source) if row else inputs.speed[window]
        for window, row in systems.items()
    }
    found: dict[str, Any] = {"speed": speed}
    if fit := systems["fit"]:
        # All that a run takes of the cores is in it, the engine's own process too.
        found["cpu_ms"] = Figure(fit["cpu_s_per_audio_hour"] / 3600 * CLIP_S * 1000, "measured", source)
        found["engine_cores"] = Figure(0.0, "measured", source)
    loads = [run["load_s"] for row in systems.values() if row for run in row.get("runs", ()) if "load_s" in run]
    if loads:
        found["start_s"] = Figure(max(loads), "measured", source)
    return found


def _named(name: str, report: Mapping[str, Any]) -> str:
    return f"{name}.json, {report['about']['commit']}"
