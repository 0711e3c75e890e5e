"""What is measured on a GPU, step by step, in the order of its weight."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.compare import Entry, measure
from benchmarks.gpu.budget import Clock, command_output
from benchmarks.gpu.watch import GpuWatch
from benchmarks.measures import corpora

# What a peer needs beyond this project's own packages.
PEERS = {"faster_whisper_batched": ("faster_whisper",), "transformers_loader": ("torch", "transformers")}
SHARED_MEMORY = Path("/dev/shm")  # where torch's loader workers leave their batches


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured, and on what."""

    size: str = "full"
    device: str = "cuda"
    compute_type: str = "float16"
    clips: dict[str, int] = field(
        default_factory=lambda: {
            "fit": 12_000,
            "full": 2_000,
            "one killed": 2_000,
            "file by file": 300,
            "transformers": 1_000,
        }
    )
    rounds: int = 3  # of the systems whose ratios are wanted most
    batches: tuple[int, ...] = (64, 32, 128)  # of transformers
    workers: int = 14  # of its loader, beside 16 cores
    frames: tuple[int, ...] = (756, 3000)
    engine_batches: tuple[int, ...] = (16, 64)
    engine_s: float = 0.5  # least time of one measurement
    oom_batch: int = 512  # windows of 30 s, into about 4 GiB
    recordings: int = 1_000  # of the sample corpus at most, GPU against CPU


SMOKE = Plan(
    size="tiny",
    device="cpu",
    compute_type="float32",
    clips={"fit": 120, "full": 24, "one killed": 120, "file by file": 6, "transformers": 12},
    rounds=2,
    batches=(2,),
    workers=1,
    engine_batches=(2,),
    engine_s=0.02,
    oom_batch=8,
    recordings=6,
)


class Gpu:
    """The steps, in the order of their weight."""

    def __init__(self, plan: Plan, temp: Path, clock: Clock) -> None:
        self._plan = plan
        self._temp = temp
        self._clock = clock
        self._common = [f"device={plan.device}", f"compute_type={plan.compute_type}"]
        self._manifests: dict[int, Path] = {}
        self.figures: dict[str, Any] = {"systems": {}}

    def measure(self) -> None:
        """Go through all of it."""
        self._prepare()
        look = ["benchmarks.gpu.look", *self._flags(), "--recordings", str(self._plan.recordings)]
        self._part("look", look, most_s=150)
        warm_up = Entry("warm-up", "awct2", {"window": "fit", "batch_size": 0})
        self._clock.step(warm_up.label, partial(self._run, warm_up, min(self._plan.clips.values())), most_s=90)
        self._ours(1)
        for window in ("fit", "full"):
            self._waiting(window)
        self._peers()
        self._out_of_memory()
        self._stations()
        self._ours(2)
        self._engine()
        for turn in range(3, self._plan.rounds + 1):
            self._ours(turn)

    def _prepare(self) -> None:
        """Write the stand-in and the corpora."""
        plan, temp, step = self._plan, self._temp, self._clock.step
        # In a process of its own: it takes 3 GB, and leaves the memory to what is measured.
        arguments = [plan.size, str(temp / f"standin-{plan.size}"), "--quantization", plan.compute_type]
        step("stand-in", partial(command_output, ["benchmarks.measures.standins", *arguments]), most_s=180)
        originals: list[corpora.Clip] = []
        for count in sorted(set(plan.clips.values()), reverse=True):
            make = partial(corpora.clips, temp / f"clips-{count}", count, originals=originals)
            manifest = step(f"{count} clips", lambda _, make=make: make())
            if manifest is not None:
                self._manifests[count] = manifest
                originals = originals or list(corpora.read_manifest(manifest))[: corpora.DISTINCT]

    def _ours(self, turn: int) -> None:
        for window in ("full", "fit"):
            entry = Entry(f"awct2, {window}", "awct2", {"window": window, "batch_size": 0})
            self._system(f"awct2-{window}", entry, self._plan.clips[window], turn)

    def _peers(self) -> None:
        plan = self._plan
        fw = Entry("faster-whisper, batched, file by file", "faster_whisper_batched")
        self._system("fw-batched", fw, plan.clips["file by file"])
        for size in plan.batches:
            a_batch = size * 128 * 3000 * np.dtype(plan.compute_type).itemsize
            settings = {"batch_size": size, "workers": loader_workers(plan.workers, a_batch)}
            entry = Entry(f"transformers, batch {size}", "transformers_loader", settings)
            self._system(f"hf-{size}", entry, plan.clips["transformers"])

    def _waiting(self, window: str) -> None:
        """Measure what the run takes longer than its engine alone, fed the same batches from memory."""
        clips = ["--clips", str(self._plan.clips[window]), "--rounds", "1", "--tries", "1", "--windows", window]
        command = ["benchmarks.overhead", "--size", self._plan.size, *clips, "--set", *self._common, "batch_size=0"]
        self._part(f"overhead-{window}", command, needs_s=40, most_s=120)

    def _out_of_memory(self) -> None:
        command = ["benchmarks.gpu.oom", *self._flags(), "--clips", str(self._plan.clips["transformers"])]
        self._part("out_of_memory", [*command, "--batch-size", str(self._plan.oom_batch)], needs_s=25)

    def _stations(self) -> None:
        """Two engine processes on the one GPU: first what must work, then how fast it is."""
        for name, clips, more in (("stations, one killed", "one killed", ["--kill"]), ("stations", "fit", [])):
            command = ["benchmarks.gpu.stations", *self._flags(), "--clips", str(self._plan.clips[clips]), *more]
            self._part(name, command, needs_s=35)

    def _engine(self) -> None:
        plan = self._plan
        sweep = ["benchmarks.engine", *self._flags(), "--rounds", "1", "--seconds", str(plan.engine_s)]
        sweep += ["--frames", *map(str, plan.frames), "--batches", *map(str, plan.engine_batches)]
        self._part("engine", sweep, needs_s=25)

    def _flags(self) -> list[str]:
        plan = self._plan
        return ["--size", plan.size, "--device", plan.device, "--compute-type", plan.compute_type]

    def _run(self, entry: Entry, clips: int, limit_s: float) -> dict[str, Any]:
        model, out = self._temp / f"standin-{self._plan.size}", self._temp / "out" / entry.runner
        with GpuWatch() as watch:
            result = measure(entry, self._manifests[clips], model, out, self._common, timeout_s=limit_s)
        # The model's weights are on the GPU before and after; what counts is its load while it worked.
        return {**result, "gpu_busy": watch.busy(result["wall_s"]), "gpu_peak_mib": watch.peak_mib}

    def _system(self, name: str, entry: Entry, clips: int, turn: int = 1) -> None:
        step = entry.label if turn == 1 else f"{entry.label}, round {turn}"
        if missing := [package for package in PEERS.get(entry.runner, ()) if find_spec(package) is None]:
            self._clock.skipped[step] = f"{' and '.join(missing)} not installed"
            return
        result = self._clock.step(step, partial(self._run, entry, clips), needs_s=30, most_s=90)
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
            "wrong_texts": max(run["wrong_texts"] for run in runs),
            "gpu_busy": median(seen) if (seen := [run["gpu_busy"] for run in runs if run["gpu_busy"]]) else None,
            "gpu_peak_mib": max(run["gpu_peak_mib"] or 0 for run in runs) or None,
            "runs": runs,
        }

    def _part(self, name: str, command: list[str], needs_s: float = 1.0, most_s: float = 100.0) -> None:
        out = self._temp / "out" / f"{name}.json"
        out.unlink(missing_ok=True)
        arguments = [*command, "--temp", str(self._temp), "--out", str(out)]

        def work(limit_s: float) -> None:
            try:
                command_output(arguments, timeout_s=limit_s)
            finally:
                if out.is_file():  # a part that failed in the end may have written what it had
                    figures = json.loads(out.read_text(encoding="utf-8"))
                    self.figures[name] = {key: each for key, each in figures.items() if key not in ("about", "options")}

        self._clock.step(name, work, needs_s=needs_s, most_s=most_s)


def loader_workers(wanted: int, batch_bytes: int, shared: Path = SHARED_MEMORY) -> int:
    """Give how many loader workers shared memory has room for: each has five batches there. Full, it kills them."""
    if not shared.is_dir():
        return wanted
    stat = os.statvfs(shared)
    return max(1, min(wanted, int(0.8 * stat.f_bavail * stat.f_frsize / (5 * batch_bytes))))
