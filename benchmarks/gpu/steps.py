"""Each step of the GPU's part: its processes, and what is kept of what they wrote."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.compare import Entry
from benchmarks.gpu.budget import Clock, command_output
from benchmarks.gpu.plan import ENCODERS, STEPS, Plan
from benchmarks.gpu.prepare import manifest_of, standin_of
from benchmarks.gpu.probe import figures_of
from benchmarks.gpu.watch import GpuWatch
from benchmarks.measures import standins

# What a peer needs beyond this project's own packages.
PEERS = {"faster_whisper_batched": ("faster_whisper",), "transformers_loader": ("torch", "transformers")}
SHARED_MEMORY = Path("/dev/shm")  # where torch's loader workers leave their batches


class Gpu:
    """Goes through the steps in the order of what they settle; `figures` is what there is so far.

    `launch` runs a module with its arguments, within so many seconds, as `command_output` does.
    """

    def __init__(
        self, plan: Plan, temp: Path, clock: Clock, launch: Callable[[Sequence[str], float], object] = command_output
    ) -> None:
        self._plan = plan
        self._temp = temp
        self._out = temp / "out"
        self._clock = clock
        self._launch = launch
        self.figures: dict[str, Any] = {"systems": {}}

    def measure(self, steps: Collection[str] = tuple(STEPS)) -> None:
        """Go through all of them, or through those that are named."""
        self._out.mkdir(parents=True, exist_ok=True)
        ways: Mapping[str, Callable[[], None]] = {
            "prepare": self._prepare,
            "probe": self._probe,
            "fit": partial(self._ours, "fit", 1),
            "full": partial(self._ours, "full", 1),
            "texts": self._texts,
            "words": partial(self._texts, words=True),
            "memory": self._memory,
            "stations": partial(self._stations, "stations", kill=True),
            "faster-whisper": self._faster_whisper,
            "transformers": self._transformers,
            "rounds": self._rounds,
            "engines": partial(self._stations, "engines", kill=False),
        }
        for name in STEPS:
            if name in steps:
                ways[name]()

    def _prepare(self) -> None:
        plan = self._plan
        command = ["benchmarks.gpu.prepare", "--size", plan.size, "--compute-type", plan.compute_type]
        self._part("prepare", [*command, "--clips", *map(str, sorted(set(plan.clips.values())))], "prepare")

    def _probe(self) -> None:
        out = self._out / "probe.jsonl"
        out.unlink(missing_ok=True)

        def work(limit_s: float) -> None:
            # It ends by itself before it is killed, but for a call that hangs.
            command = ["benchmarks.gpu.probe", *self._flags(), "--seconds", f"{0.8 * limit_s:.0f}"]
            try:
                self._launch([*command, "--temp", str(self._temp), "--out", str(out)], limit_s)
            finally:
                self.figures["probe"] = figures_of(out)

        self._clock.step("probe", work, most_s=self._plan.limits["probe"])

    def _ours(self, window: str, turn: int, step: str = "") -> None:
        for encoder in ENCODERS:
            settings = {"window": window, "encoder": encoder, "batch_size": 0}
            entry = Entry(f"awct2, {window}, {encoder}", "awct2", settings)
            self._system(f"awct2-{window}-{encoder}", entry, step or window, window, turn)

    def _rounds(self) -> None:
        for turn in range(2, self._plan.rounds + 1):
            for window in ("fit", "full"):
                self._ours(window, turn, "rounds")

    def _texts(self, *, words: bool = False) -> None:
        plan, name = self._plan, "words" if words else "texts"
        command = ["benchmarks.gpu.texts", "--device", plan.device, "--compute-type", plan.compute_type]
        command += ["--recordings", str(plan.recordings), *(["--words"] if words else [])]
        self._part(name, command, name)

    def _memory(self) -> None:
        plan = self._plan
        for encoder in ENCODERS:
            command = ["benchmarks.gpu.oom", *self._flags(), "--encoder", encoder]
            command += ["--clips", str(plan.clips["memory"]), "--batch-size", str(plan.oom_batch)]
            self._part(f"memory, {encoder}", command, "memory")

    def _stations(self, name: str, *, kill: bool) -> None:
        """Two engine processes on the one GPU: first what must work, and in the end how fast it is."""
        command = ["benchmarks.gpu.stations", *self._flags(), "--clips", str(self._plan.clips["stations"])]
        self._part(name, [*command, "--encoder", ENCODERS[0], *(["--kill"] if kill else [])], name)

    def _faster_whisper(self) -> None:
        entry = Entry("faster-whisper, batched, file by file", "faster_whisper_batched")
        self._system("fw-batched", entry, "faster-whisper", "file by file")

    def _transformers(self) -> None:
        plan = self._plan
        for size in plan.batches:
            a_batch = size * 128 * 3000 * np.dtype(plan.compute_type).itemsize
            settings = {"batch_size": size, "workers": loader_workers(plan.workers, a_batch)}
            entry = Entry(f"transformers, batch {size}", "transformers_loader", settings)
            self._system(f"hf-{size}", entry, "transformers", "transformers")

    def _flags(self) -> list[str]:
        plan = self._plan
        return ["--size", plan.size, "--device", plan.device, "--compute-type", plan.compute_type]

    def _part(self, name: str, command: Sequence[str], step: str) -> None:
        """Run a module that writes its figures into `--out`, now and then or in the end; what it wrote counts."""
        out = self._out / f"{name.replace(', ', '-')}.json"
        out.unlink(missing_ok=True)

        def work(limit_s: float) -> None:
            try:
                self._launch([*command, "--temp", str(self._temp), "--out", str(out)], limit_s)
            finally:
                if out.is_file():
                    figures = json.loads(out.read_text(encoding="utf-8"))
                    self.figures[name] = {key: each for key, each in figures.items() if key not in ("about", "options")}

        self._clock.step(name, work, needs_s=self._needs_s, most_s=self._plan.limits[step])

    def _system(self, name: str, entry: Entry, step: str, corpus: str, turn: int = 1) -> None:
        """Run a system over a corpus until its time is over: it ends by itself, and so with a figure."""
        label = entry.label if turn == 1 else f"{entry.label}, round {turn}"
        if missing := [package for package in PEERS.get(entry.runner, ()) if find_spec(package) is None]:
            self._clock.skipped[label] = f"{' and '.join(missing)} not installed"
            return
        run = partial(self._run, entry, corpus)
        result = self._clock.step(label, run, needs_s=self._needs_s, most_s=self._plan.limits[step])
        if result is not None:
            runs = [*self.figures["systems"].get(name, {}).get("runs", []), result]
            self.figures["systems"][name] = summary(entry.label, runs)

    def _run(self, entry: Entry, corpus: str, limit_s: float) -> dict[str, Any]:
        plan = self._plan
        out = self._out / entry.runner
        settings: dict[str, Any] = {"device": plan.device, "compute_type": plan.compute_type, **entry.settings}
        settings["limit_s"] = min(plan.run_s[corpus], limit_s / 2)
        command = [f"benchmarks.systems.{entry.runner}", "--manifest", str(manifest_of(self._temp, plan.clips[corpus]))]
        command += ["--model", str(standin_of(self._temp, plan.size)), "--out", str(out)]
        (out / "result.json").unlink(missing_ok=True)
        with GpuWatch() as watch:
            self._launch([*command, "--set", *(f"{key}={value}" for key, value in settings.items())], limit_s)
        result: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
        lines = (out / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
        result["wrong_texts"] = sum(json.loads(line)["text"] != standins.TEXT for line in lines)
        # The model's weights are on the GPU before and after; what counts is its load while it worked.
        return {**result, "gpu_busy": watch.busy(result["wall_s"]), "gpu_peak_mib": watch.peak_mib}

    @property
    def _needs_s(self) -> float:
        """What no process ends within: starting it, and loading a model."""
        return 15.0


def summary(label: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give a system's medians over its runs, and the runs."""
    last = runs[-1]
    waits = [run["notes"]["engine_waits"] for run in runs if "engine_waits" in run["notes"]]
    busy = [run["gpu_busy"] for run in runs if run["gpu_busy"]]
    return {
        "label": label,
        "clips": max(run["clips"] for run in runs),
        "batch_size": last["settings"]["batch_size"],
        "workers": last["notes"].get("workers", last["notes"].get("loader_workers", 0)),
        "times_real_time": median(run["audio_s"] / run["wall_s"] for run in runs),
        "real_time_factor": median(run["wall_s"] / run["audio_s"] for run in runs),
        "cpu_s_per_audio_hour": median(run["cpu_s"] / run["audio_s"] * 3600 for run in runs),
        "peak_mib": median(run["peak_mib"] for run in runs),
        "wrong_texts": max(run["wrong_texts"] for run in runs),
        "engine_waits": median(waits) if waits else None,
        "gpu_busy": median(busy) if busy else None,
        "gpu_peak_mib": max(run["gpu_peak_mib"] or 0 for run in runs) or None,
        "runs": list(runs),
    }


def loader_workers(wanted: int, batch_bytes: int, shared: Path = SHARED_MEMORY) -> int:
    """Give how many loader workers shared memory has room for: each has five batches there. Full, it kills them."""
    if not shared.is_dir():
        return wanted
    stat = os.statvfs(shared)
    return max(1, min(wanted, int(0.8 * stat.f_bavail * stat.f_frsize / (5 * batch_bytes))))
