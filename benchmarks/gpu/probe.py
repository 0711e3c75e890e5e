"""What a GPU is good for, figure by figure, in one process: each is written as a line of JSON as soon as it is known.

    python -m benchmarks.gpu.probe --temp FOLDER --out FILE.jsonl [--size full] [--device cuda] [--seconds 90]

A part that fails is named and the next one begins; a process that hangs has written what was known before. What may
leave the device in a bad state, or takes long, comes last.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from benchmarks.gpu import stock_probes, torch_probes
from benchmarks.gpu.bench import Bench, Figure, said
from benchmarks.gpu.plan import SMOKE, Plan
from benchmarks.gpu.prepare import standin_of
from benchmarks.measures import standins
from benchmarks.measures.places import folder
from benchmarks.report import store

PARTS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "cuda": stock_probes.cuda,
    "kernels": stock_probes.kernels,
    "encode": stock_probes.encode,
    "decode": stock_probes.decode,
    "torch": torch_probes.torch_encoder,
    "handed_over": torch_probes.handed_over,
    "kernel_table": torch_probes.kernel_table,
    "threads": stock_probes.threads,
    "pool": stock_probes.pool,
    "rows": stock_probes.rows,
    "difference": stock_probes.differences,
    "precision": stock_probes.precisions,
    "engine": stock_probes.engine,
    "align": stock_probes.align,
    "fp8": torch_probes.fp8,
    "compile": torch_probes.compiled,
}


def main() -> None:
    """Go through the parts."""
    parser = store.parser(__doc__, "gpu-probe")
    parser.add_argument("--size", choices=standins.SIZES, default="full")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--compute-type", default="float16")
    parser.add_argument("--seconds", type=float, default=90.0, help="begin no figure after so long")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    plan = Plan() if options.device == "cuda" else SMOKE
    with folder(options.temp) as temp:
        model = standins.make(
            options.size,
            standin_of(temp, options.size),
            quantization=options.compute_type,
            half="16" in options.compute_type,
        )
        bench = bench_of(plan, model, options.size, options.device, options.compute_type)
        with options.out.open("w", encoding="utf-8") as out:
            parts = {name: PARTS[name] for name in options.parts}
            go_through(bench, parts, options.seconds, lambda line: _put(out, line))


def bench_of(plan: Plan, model: Path, size: str, device: str, compute_type: str) -> Bench:
    """Give what the parts ask, as a plan has it."""
    return Bench(
        model,
        size,
        device,
        compute_type,
        plan.positions,
        plan.fill,
        plan.copies,
        plan.precisions,
        plan.torch_types,
        plan.seconds,
    )


def go_through(
    bench: Bench,
    parts: Mapping[str, Callable[[Bench], Iterator[Figure]]],
    seconds: float,
    write: Callable[[Mapping[str, Any]], None],
) -> None:
    """Write `{"name", "took_s", …}` for each figure; of a part that fails or finds no time, that."""
    end = time.monotonic() + seconds
    for name, part in parts.items():
        before = time.monotonic()
        if before > end:
            write({"name": name, "error": "no time left"})
            continue
        try:
            for figure, value in part(bench):
                now = time.monotonic()
                write({"name": figure, "took_s": round(now - before, 2), **value})
                before = now
                if now > end:
                    break
        except Exception as error:  # the other parts may work all the same
            traceback.print_exc()
            write({"name": name, "error": said(error)})


def figures_of(path: Path) -> dict[str, dict[str, Any]]:
    """Read what a probe has written, by name; a line that it did not finish is left out."""
    figures = {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                figure = json.loads(line)
                figures[figure.pop("name")] = figure
    return figures


def _put(out: IO[str], line: Mapping[str, Any]) -> None:
    out.write(json.dumps(line, default=str) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
