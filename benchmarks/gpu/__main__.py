"""All of the GPU's part in one command, in less than ten minutes and without a network.

    python -m benchmarks.gpu [--minutes 9] [--temp FOLDER] [--out FILE]
    python -m benchmarks.gpu --smoke        the same to its end on a CPU, with the tiny stand-in, in about a minute

It makes the stand-in and the corpora, has the kernels compiled, compares the GPU's numbers with the CPU's, and then
measures, what matters most first: this project, full and fit; how long its engine waits; faster-whisper file by file;
transformers in float16 with SDPA, one beam, at several batch sizes with loader workers; a run whose batches really do
not fit the memory; two engine processes on the GPU, one of them killed; the engine alone. Results are saved after every
step. What fails, is not installed or finds no time left is named in them. Systems get as many clips as take each about
half a minute, so that no start or end weighs; rates are compared, not times.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from anime_whisper_ct2.engine.cuda import gpus
from benchmarks.gpu.asked import asked
from benchmarks.gpu.budget import Clock
from benchmarks.gpu.cublas_link import stand_in
from benchmarks.gpu.steps import SMOKE, Gpu, Plan
from benchmarks.measures.places import folder
from benchmarks.measures.process import about
from benchmarks.report import store
from benchmarks.report.tables import gpu_chart, gpu_table


def prepare_environment(temp: Path) -> Path | None:
    """Set what child processes need: no network, kernels kept for the next process, a cuBLAS.

    Gives the newer cuBLAS that stands in for version 12, where one does.
    """
    defaults = {
        "CUDA_CACHE_PATH": str(temp / "kernels"),
        "CUDA_CACHE_MAXSIZE": str(2**32 - 1),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    return stand_in(temp)


def main() -> None:
    """Go through the steps, writing what there is after each."""
    parser = store.parser(__doc__, "gpu")
    parser.add_argument(
        "--smoke", action="store_true", help="on the CPU with the tiny stand-in; the result is no figure"
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="begin nothing that would not be done by then")
    parser.set_defaults(out=None)
    options: argparse.Namespace = parser.parse_args()
    plan = SMOKE if options.smoke else Plan()
    where = about()
    if where["machine"]["gpu"] is None and not gpus() and not options.smoke:
        sys.exit("no GPU here; --smoke goes through all of it on the CPU")
    default = Path(tempfile.gettempdir()) / "gpu-smoke.json" if options.smoke else store.RESULTS / "gpu.json"
    out: Path = (options.out or default).absolute()
    print(f"results: {out}, after every step", file=sys.stderr)
    with folder(options.temp) as temp:
        chosen: dict[str, Any] = {"size": plan.size, "device": plan.device, "compute_type": plan.compute_type}
        if not options.smoke and (newer := prepare_environment(temp)):
            chosen["cublas"] = f"{newer.name} in the place of version 12"
        clock = Clock(options.minutes)
        gpu = Gpu(plan, temp, clock)
        save = partial(write, out, chosen, where, gpu, clock)
        clock.after = save
        clock.guard(partial(give_up, clock, save))
        gpu.measure()
        report = save()
        print(gpu_table(report))
        if report["systems"]:
            gpu_chart(report, out.with_suffix(".svg"))


def write(out: Path, chosen: dict[str, Any], where: dict[str, Any], gpu: Gpu, clock: Clock) -> dict[str, Any]:
    """Save what there is so far, and give it."""
    figures = {**gpu.figures, "asked": asked(gpu.figures), "skipped": clock.skipped, "took_s": clock.took}
    # Written beside and renamed: who stops this in the middle of it keeps what was there before.
    beside = out.with_name(f"{out.name}.new")
    store.save(beside, chosen, figures, where)
    beside.replace(out)
    return {"about": where, "options": chosen, **figures}


def give_up(clock: Clock, save: Callable[[], dict[str, Any]]) -> None:
    """Save what there is and end, whatever the main thread waits for."""
    clock.skipped[clock.under_way] = "did not end"
    print(gpu_table(save()), flush=True)
    os._exit(1)


if __name__ == "__main__":
    main()
