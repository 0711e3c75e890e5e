"""All of the GPU's part in one command, in less than ten minutes and without a network.

    python -m benchmarks.gpu [--minutes 9.5] [--temp FOLDER]
    python -m benchmarks.gpu --smoke        the same to its end on a CPU, with the tiny stand-in, in about two minutes

It makes the stand-in and the corpora, has the kernels compiled, and then measures: this project, full and fit; the
engine alone; faster-whisper file by file; transformers in float16 with SDPA, one beam, at several batch sizes with
loader workers; what a run costs beyond its engine; and a run whose batches really do not fit the memory. Results are
written after every step; what the time does not suffice for is named in them. Systems get as many clips as take each
about half a minute, so that no start or end weighs; rates are compared, not times.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import corpora, store
from benchmarks.compare import Entry, folder, measure
from benchmarks.measure import about
from benchmarks.oom import command_output
from benchmarks.render import gpu_chart, gpu_table


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and on what."""

    size: str = "full"
    device: str = "cuda"
    compute_type: str = "float16"
    clips: dict[str, int] = field(
        default_factory=lambda: {"fit": 14_000, "full": 2_000, "file by file": 400, "transformers": 1_500}
    )
    rounds: int = 3  # of the systems whose ratios are wanted most
    batches: tuple[int, ...] = (32, 64, 128)  # of transformers
    workers: int = 14  # of its loader, beside 16 cores
    frames: tuple[int, ...] = (756, 3000)
    engine_batches: tuple[int, ...] = (16, 64, 128)
    oom_batch: int = 512  # windows of 30 s, into about 4 GiB


SMOKE = Plan(
    size="tiny",
    device="cpu",
    compute_type="float32",
    clips={"fit": 24, "full": 24, "file by file": 6, "transformers": 12},
    rounds=1,
    batches=(2, 4),
    workers=1,
    engine_batches=(2,),
    oom_batch=8,
)


class Clock:
    """How much of the time is left, and what it did not suffice for."""

    def __init__(self, minutes: float) -> None:
        self._end = time.monotonic() + 60 * minutes
        self.skipped: dict[str, str] = {}
        self.took: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def step(self, name: str, needs_s: float, work: Callable[[], Any]) -> Any:
        """Do a step where the time suffices; what fails is named and costs nothing else."""
        if self.left_s < needs_s:
            self.skipped[name] = "no time left"
            return None
        start = time.monotonic()
        try:
            return work()
        except RuntimeError as error:
            self.skipped[name] = str(error).strip().splitlines()[-1]
            print(f"{name}: {error}", file=sys.stderr)
            return None
        finally:
            self.took[name] = round(time.monotonic() - start, 1)
            print(f"{name}: {self.took[name]:.0f} s; {self.left_s:.0f} s left", file=sys.stderr)


class Gpu:
    """The steps, in the order of their weight."""

    def __init__(self, plan: Plan, temp: Path, clock: Clock) -> None:
        self._plan = plan
        self._temp = temp
        self._clock = clock
        self._common = [f"device={plan.device}", f"compute_type={plan.compute_type}"]
        self._manifests: dict[int, Path] = {}
        self.figures: dict[str, Any] = {"systems": {}}

    def prepare(self) -> None:
        """Write the stand-in and the corpora, and let the driver compile the kernels for this GPU."""
        plan, temp = self._plan, self._temp
        self._clock.step("stand-in", 0, self._make_standin)
        originals: list[corpora.Clip] = []
        for count in sorted(set(plan.clips.values()), reverse=True):
            make = partial(corpora.clips, temp / f"clips-{count}", count, originals=originals)
            self._manifests[count] = self._clock.step(f"{count} clips", 0, make)
            originals = originals or list(corpora.read_manifest(self._manifests[count]))[: corpora.DISTINCT]
        few = min(self._manifests)
        for window in ("full", "fit"):
            entry = Entry(f"warm-up, {window}", "awct2", {"window": window})
            self._clock.step(entry.label, 0, partial(self._run, entry, few))

    def systems(self) -> None:
        """Measure this project and its peers."""
        plan = self._plan
        ours = {
            "awct2-full": (Entry("awct2, full", "awct2", {"window": "full", "batch_size": 0}), plan.clips["full"]),
            "awct2-fit": (Entry("awct2, fit", "awct2", {"window": "fit", "batch_size": 0}), plan.clips["fit"]),
        }
        fw = Entry("faster-whisper, batched, file by file", "faster_whisper_batched")
        for number in range(plan.rounds):
            for name, (entry, clips) in ours.items():
                self._system(name, entry, clips, needs_s=45)
            if number == 0:
                self._system("fw-batched", fw, plan.clips["file by file"], needs_s=60)
                self._transformers()

    def _transformers(self) -> None:
        for size in self._plan.batches:
            settings = {"batch_size": size, "workers": self._plan.workers}
            entry = Entry(f"transformers, batch {size}", "transformers_loader", settings)
            self._system(f"hf-{size}", entry, self._plan.clips["transformers"], needs_s=45)

    def engine(self) -> None:
        """Measure the engine alone, and what the run costs beyond it."""
        plan = self._plan
        sweep = ["benchmarks.engine", "--size", plan.size, *self._flags(), "--seconds", "0.5"]
        sweep += ["--frames", *map(str, plan.frames), "--batches", *map(str, plan.engine_batches)]
        self._part("engine", sweep, needs_s=40)
        for window in ("fit", "full"):
            overhead = [
                "benchmarks.overhead",
                "--size",
                plan.size,
                "--windows",
                window,
                "--rounds",
                "1",
                "--tries",
                "1",
            ]
            overhead += ["--clips", str(plan.clips[window]), "--set", *self._common, "batch_size=0"]
            self._part(f"overhead-{window}", overhead, needs_s=45)

    def out_of_memory(self) -> None:
        """Run with batches that do not fit."""
        plan = self._plan
        command = ["benchmarks.oom", "--size", plan.size, "--clips", str(plan.clips["full"]), *self._flags()]
        self._part("out_of_memory", [*command, "--batch-size", str(plan.oom_batch)], needs_s=40)

    def _flags(self) -> list[str]:
        return ["--device", self._plan.device, "--compute-type", self._plan.compute_type]

    def _make_standin(self) -> None:
        # In a process of its own: it takes 3 GB, and leaves the memory to what is measured.
        model = self._temp / f"standin-{self._plan.size}"
        arguments = [self._plan.size, str(model), "--quantization", self._plan.compute_type]
        command_output(["benchmarks.standins", *arguments], timeout_s=self._clock.left_s)

    def _run(self, entry: Entry, clips: int) -> dict[str, Any]:
        model, out = self._temp / f"standin-{self._plan.size}", self._temp / "out" / entry.runner
        return measure(entry, self._manifests[clips], model, out, self._common, timeout_s=self._clock.left_s)

    def _system(self, name: str, entry: Entry, clips: int, needs_s: float) -> None:
        result = self._clock.step(entry.label, needs_s, lambda: self._run(entry, clips))
        if result is None:
            return
        runs = [*self.figures["systems"].get(name, {}).get("runs", []), result]
        self.figures["systems"][name] = {
            "label": entry.label,
            "clips": clips,
            "batch_size": result["settings"]["batch_size"],
            "workers": result["notes"].get("workers", result["notes"].get("loader_workers", 0)),
            "times_real_time": median(run["audio_s"] / run["wall_s"] for run in runs),
            "real_time_factor": median(run["wall_s"] / run["audio_s"] for run in runs),
            "cpu_s_per_audio_hour": median(run["cpu_s"] / run["audio_s"] * 3600 for run in runs),
            "peak_mib": median(run["peak_mib"] for run in runs),
            "runs": runs,
        }

    def _part(self, name: str, command: list[str], needs_s: float) -> None:
        out = self._temp / "out" / f"{name}.json"
        arguments = [*command, "--temp", str(self._temp), "--out", str(out)]
        done = self._clock.step(name, needs_s, lambda: command_output(arguments, timeout_s=self._clock.left_s))
        if done is not None:
            figures = json.loads(out.read_text(encoding="utf-8"))
            self.figures[name] = {key: value for key, value in figures.items() if key not in ("about", "options")}


def main() -> None:
    """Go through the steps, writing what there is after each."""
    parser = store.parser(__doc__, "gpu")
    parser.add_argument("--smoke", action="store_true", help="on the CPU with the tiny stand-in; committed nowhere")
    parser.add_argument("--minutes", type=float, default=9.5, help="begin nothing that would not be done by then")
    options: argparse.Namespace = parser.parse_args()
    plan = SMOKE if options.smoke else Plan()
    where = about()
    if where["machine"]["gpu"] is None and not options.smoke:
        sys.exit("no GPU here (nvidia-smi names none); --smoke goes through all of it on the CPU")
    clock = Clock(options.minutes)
    with folder(options.temp) as temp:
        out = temp / "gpu-smoke.json" if options.smoke else options.out
        gpu = Gpu(plan, temp, clock)
        for step in (gpu.prepare, gpu.out_of_memory, gpu.systems, gpu.engine):
            step()
            chosen = {"size": plan.size, "device": plan.device, "compute_type": plan.compute_type}
            store.save(out, chosen, {**gpu.figures, "skipped": clock.skipped, "took_s": clock.took}, where)
        report = json.loads(out.read_text(encoding="utf-8"))
        if report["systems"]:
            gpu_chart(report, out.with_suffix(".svg"))
        print(gpu_table(report))
        if os.environ.get("OUT"):  # what a borrowed machine sends back
            for path in (out, out.with_suffix(".svg")):
                (Path(os.environ["OUT"]) / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
