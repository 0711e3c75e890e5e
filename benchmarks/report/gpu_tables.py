"""What the GPU's part looks like: tables of what was asked, of systems, encoders and kernels, and a chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.report.charts import bars
from benchmarks.report.tables import Report, table

_HEAD = (
    "",
    "batch",
    "workers",
    "clips",
    "runs",
    "× real time",
    "engine waits",
    "GPU busy",
    "GPU MiB",
    "CPU s / audio h",
    "peak MiB",
)
_KERNELS = 8  # shown of each encoder


def gpu_table(report: Report) -> str:
    """Give what was asked, the systems, the encoders alone, and the runs that lost memory or an engine."""
    probe = report.get("probe", {})
    parts = [_systems(report), _asked(report)]
    if cublas := report["options"].get("cublas"):
        parts.append(f"cuBLAS: {cublas}.")
    parts += [*_encoders(probe), *_threads(probe), *_rows(probe), *_kernel_tables(probe)]
    parts += [*_texts(report), *_broken(report)]
    if skipped := report.get("skipped"):
        parts.append("Not measured: " + "; ".join(f"{name} ({why})" for name, why in skipped.items()) + ".")
    return "\n\n".join(parts)


def gpu_chart(report: Report, path: Path) -> None:
    """Draw the comparison on a GPU."""
    bars(report["systems"], f"{report['options']['size']} stand-in, {report['about']['machine']['gpu'] or 'CPU'}", path)


def _systems(report: Report) -> str:
    rows = [
        [
            row["label"],
            row["batch_size"] or "auto",
            row["workers"],
            f"{row['clips']:,}",
            len(row["runs"]),
            f"{row['times_real_time']:,.0f}",
            f"{100 * row['engine_waits']:.1f} %" if row["engine_waits"] is not None else "",
            f"{100 * row['gpu_busy']:.0f} %" if row["gpu_busy"] is not None else "",
            f"{row['gpu_peak_mib']:,.0f}" if row["gpu_peak_mib"] is not None else "",
            f"{row['cpu_s_per_audio_hour']:,.0f}",
            f"{row['peak_mib']:,.0f}",
        ]
        for row in sorted(report["systems"].values(), key=lambda row: row["real_time_factor"])
    ]
    return table(_HEAD, rows)


def _asked(report: Report) -> str:
    verdict = {True: "yes", False: "NO", None: ""}
    rows = [
        [row["what"], row["asked"], figure(row["measured"]), verdict[row["met"]]] for row in report.get("asked", ())
    ]
    return table(["", "asked of an H200, or calculated for it", "measured", "so it is"], rows)


def _encoders(probe: Mapping[str, Any]) -> Iterator[str]:
    """Give the encoders' milliseconds a window, by length."""
    lengths = [name.partition(".")[2] for name in probe if name.startswith("encode.") and "ms" in probe[name]]
    if not lengths:
        return
    rows = [["CTranslate2", *(figure(probe[f"encode.{length}"]["ms"]) for length in lengths)]]
    for name, row in probe.items():
        kind, _, what = name.partition(".")
        if kind in ("torch", "precision") and "ms" in row:
            label = {"torch": "torch", "precision": "CTranslate2"}[kind]
            rows.append([f"{label}, {what}", *(figure(row["ms"][n]) if n in row["ms"] else "" for n in lengths)])
    yield table(["encoder alone, ms a window, by positions", *lengths], rows)


def _threads(probe: Mapping[str, Any]) -> Iterator[str]:
    found = {name.partition(".")[2]: row for name, row in probe.items() if name.startswith("threads.")}
    if sides := [f"{number}: {_listed(row)}" for number, row in found.items() if "error" not in row]:
        yield f"Batches side by side, ms a window from mel to text, by positions: {'; '.join(sides)}."


def _rows(probe: Mapping[str, Any]) -> Iterator[str]:
    found = {name.partition(".")[2]: row for name, row in probe.items() if name.startswith("rows.")}
    if told := [f"{copies}: {row['wrong_rows']} wrong" for copies, row in found.items() if "wrong_rows" in row]:
        yield f"One window of 30 s in batches of several sizes, rows that differ from it alone: {'; '.join(told)}."


def _kernel_tables(probe: Mapping[str, Any]) -> Iterator[str]:
    for name, row in probe.items():
        if name.startswith("kernel_table.") and row.get("kernels"):
            _, encoder, positions = name.split(".")
            rows = [
                [f"`{each['name'][:80]}`", figure(each["ms"]), each["calls"], f"{100 * each['share']:.0f} %"]
                for each in row["kernels"][:_KERNELS]
            ]
            yield table([f"{encoder}, {positions} positions, one batch", "ms", "calls", "share"], rows)


def _texts(report: Report) -> Iterator[str]:
    rows = [
        [
            what,
            name,
            f"{row['equal']} of {row['clips']}",
            figure(row["logprob_difference"]),
            f"{row['words_equal']} of {row['words']}" if "words" in row else "",
        ]
        for what in ("texts", "words")
        for name, row in report.get(what, {}).items()
        if "clips" in row
    ]
    if rows:
        head = ["beside the CPU in float32", "computed in, encoded by", "equal texts", "log-probability apart", "words"]
        yield table(head, rows)


def _broken(report: Report) -> Iterator[str]:
    for name, oom in report.items():
        if name.startswith("memory, "):
            yield (
                f"Memory too small for the batch, {name.partition(', ')[2]} encodes: {oom['done']:,} of "
                f"{oom['found']:,} clips transcribed, batches halved {oom['memory_halvings']} times, from "
                f"{oom['batch_size']} windows."
            )
    for name, what in (("engines", "Two engines on it"), ("stations", "Two engines on it, one killed")):
        if row := report.get(name):
            yield (
                f"{what}: {row['done']:,} of {row['found']:,} clips transcribed, "
                f"{row['times_real_time']:,.0f} times real time."
            )


def _listed(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{figure(ms)} at {positions}" for positions, ms in row.items() if positions.isdigit())


def figure(value: float | None) -> str:
    """Write a number in as many digits as tell anything."""
    if value is None:
        return "not measured"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
