"""All of the GPU's part in one command, in less than ten minutes and without a network.

    python -m benchmarks.gpu [--minutes 9] [--only STEP …] [--skip STEP …] [--temp FOLDER] [--out FILE]
    python -m benchmarks.gpu --smoke        the same to its end on a CPU, with the tiny stand-in, in about a minute

The steps go in the order of what they settle, each in processes of its own. Systems are stopped when their time is
over, and give the figures of what they have done; what hangs is killed, and costs its step alone. Results are saved
after every step; what failed, is not installed or found no time left is named in them. What is made in --temp, compiled
kernels too, is found again by the next call, whose results join those in FILE where commit, machine and options are the
same. Rates are compared, not times: each system does what it can in about ten seconds.
"""

from __future__ import annotations

import argparse
import json
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
from benchmarks.gpu.plan import SMOKE, STEPS, Plan
from benchmarks.gpu.steps import Gpu
from benchmarks.measures.places import folder
from benchmarks.measures.process import about
from benchmarks.report import store
from benchmarks.report.gpu_tables import gpu_chart, gpu_table

# What is reckoned or told anew each time, and no figure of a step.
_TOLD = ("about", "options", "asked", "skipped", "took_s")


def main() -> None:
    """Go through the steps, writing what there is after each."""
    options = arguments()
    plan = SMOKE if options.smoke else Plan()
    where = about()
    if where["machine"]["gpu"] is None and not gpus() and not options.smoke:
        sys.exit("no GPU here; --smoke goes through all of it on the CPU")
    default = Path(tempfile.gettempdir()) / "gpu-smoke.json" if options.smoke else store.RESULTS / "gpu.json"
    out: Path = (options.out or default).absolute()
    print(f"results: {out}, after every step", file=sys.stderr)
    with folder(options.temp or usual_folder(smoke=options.smoke)) as temp:
        chosen: dict[str, Any] = {"size": plan.size, "device": plan.device, "compute_type": plan.compute_type}
        newer = prepare_environment(temp, plan.device)
        if newer:
            chosen["cublas"] = f"{newer.name} in the place of version 12"
        clock = Clock(options.minutes)
        gpu = Gpu(plan, temp, clock)
        if options.only or options.skip:
            gpu.figures.update(earlier(out, chosen, where))
        save = partial(write, out, chosen, where, gpu, clock)
        clock.after = save
        clock.guard(partial(give_up, clock, save))
        gpu.measure([name for name in STEPS if name in (options.only or STEPS) and name not in options.skip])
        report = save()
        print(gpu_table(report))
        if report["systems"]:
            gpu_chart(report, out.with_suffix(".svg"))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = store.parser(__doc__, "gpu")
    parser.epilog = "steps:\n" + "\n".join(f"  {name:15} {what}" for name, what in STEPS.items())
    parser.add_argument(
        "--smoke", action="store_true", help="on the CPU with the tiny stand-in; the result is no figure"
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="begin nothing that would not be done by then")
    parser.add_argument("--only", nargs="+", choices=STEPS, metavar="STEP", help="no others; see below")
    parser.add_argument("--skip", nargs="+", choices=STEPS, metavar="STEP", default=[], help="all but these")
    parser.set_defaults(out=None)
    return parser.parse_args()


def usual_folder(*, smoke: bool) -> Path:
    """Give the folder that is used where none is named: a fixed one, for the next call to find what this one made."""
    return Path(tempfile.gettempdir()) / ("awct2-gpu-smoke" if smoke else "awct2-gpu")


def prepare_environment(temp: Path, device: str) -> Path | None:
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
    return stand_in(temp) if device == "cuda" else None


def earlier(out: Path, chosen: dict[str, Any], where: dict[str, Any]) -> dict[str, Any]:
    """Give the figures that a file has already, where they are of this commit, this machine and these options."""
    try:
        report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        then = report["about"]
        same = (then["commit"], then["machine"]["gpu"], report["options"]) == (
            where["commit"], where["machine"]["gpu"], chosen,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {name: value for name, value in report.items() if name not in _TOLD} if same else {}


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
