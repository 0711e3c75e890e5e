"""This project beside its peers, over the same clips, weights, precision and cores.

    python -m benchmarks.compare [--clips 240] [--size 33m] [--rounds 3] [--systems NAME …] [--python whisper_s2t=PATH]

Each run is a process of its own; the systems take turns, and that `--rounds` times. Ratios are taken within a round,
and all figures are medians over the rounds. A run during which others used more than 3 % of the machine is done again,
at most twice. Every system must give the stand-in's known text for every clip. Writes `results/compare.json` and the
chart `results/compare.svg`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measures import corpora, standins
from benchmarks.measures.places import ROOT, folder, search_path
from benchmarks.measures.process import about, undisturbed
from benchmarks.report import store
from benchmarks.report.tables import compare_chart, compare_table


@dataclass(frozen=True, slots=True)
class Entry:
    """A system with the settings it runs under."""

    label: str
    runner: str  # module in benchmarks.systems
    settings: Mapping[str, str | int] = field(default_factory=dict)


ENTRIES = {
    "awct2-fit": Entry("awct2, fit", "awct2", {"window": "fit"}),
    "awct2-full": Entry("awct2, full", "awct2", {"window": "full"}),
    "fw-batched": Entry("faster-whisper, batched, file by file", "faster_whisper_batched"),
    "fw-concat": Entry("faster-whisper, clips end to end", "faster_whisper_concat"),
    "hf-1": Entry("transformers pipeline, one beam", "transformers_pipeline"),
    "hf-5": Entry("transformers pipeline as it comes (five beams)", "transformers_pipeline", {"beam_size": 0}),
    "s2t": Entry("WhisperS2T", "whisper_s2t"),
}
BASELINES = ("fw-batched", "fw-concat", "hf-1", "hf-5", "s2t")


def main() -> None:
    """Measure, write JSON and chart, print the table."""
    parser = store.parser(__doc__, "compare")
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--size", choices=standins.SIZES, default="33m")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", nargs="+", choices=ENTRIES, default=[name for name in ENTRIES if name != "s2t"])
    parser.add_argument("--python", action="append", default=[], metavar="RUNNER=PATH", help="its own environment's")
    parser.add_argument("--set", dest="changes", nargs="*", default=[], metavar="KEY=VALUE", help="for every system")
    options = parser.parse_args()
    pythons = dict(each.split("=", 1) for each in options.python)
    where = about()
    with folder(options.temp) as temp:
        model = standins.make(options.size, temp / f"standin-{options.size}")
        manifest = corpora.clips(temp / f"clips-{options.clips}", options.clips)
        rounds: list[dict[str, Any]] = [{} for _ in range(options.rounds)]
        for number, name in product(range(options.rounds), options.systems):
            run = partial(measure, ENTRIES[name], manifest, model, temp / "out" / name, options.changes, pythons)
            result = rounds[number][name] = undisturbed(run, lambda each: float(each["others_share"]))
            speed = result["audio_s"] / result["wall_s"]
            print(
                f"round {number + 1}: {ENTRIES[name].label}: {speed:.1f} times real time, "
                f"{100 * result['others_share']:.1f} % of the machine used by others",
                file=sys.stderr,
            )
            if name == options.systems[-1]:
                # After every round, so that a measurement that is cut short keeps what it has.
                done = rounds[: number + 1]
                about_run = {
                    "clips": options.clips,
                    "size": options.size,
                    "rounds": len(done),
                    "changes": options.changes,
                }
                figures = {"systems": summary(done), "ratios": ratios(done), "rounds": done}
                store.save(options.out, about_run, figures, where)
    report = json.loads(options.out.read_text(encoding="utf-8"))
    compare_chart(report, options.out.with_suffix(".svg"))
    print(compare_table(report))


def measure(
    entry: Entry,
    manifest: Path,
    model: Path,
    out: Path,
    changes: Sequence[str],
    pythons: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> dict[str, Any]:
    """Run a system in its own process and environment; its result, after its texts were checked.

    Raises RuntimeError where it fails or takes longer than `timeout_s`.
    """
    python = (pythons or {}).get(entry.runner, sys.executable)
    settings = [*changes, *(f"{key}={value}" for key, value in entry.settings.items())]
    command = [python, "-m", f"benchmarks.systems.{entry.runner}"]
    command += ["--manifest", str(manifest), "--model", str(model), "--out", str(out), "--set", *settings]
    path = search_path()
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    environment = {**os.environ, **quiet, "PYTHONPATH": path}
    try:
        subprocess.run(
            command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{entry.label} took more than {timeout_s:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{entry.label} failed:\n{error.stderr[-4000:]}") from error
    result: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    lines = (out / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    result["wrong_texts"] = sum(json.loads(line)["text"] != standins.TEXT for line in lines)
    return result


def summary(rounds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Give each system's medians: real-time factor, CPU seconds for an hour of audio, peak memory, load."""
    out = {}
    for name in rounds[0]:
        runs = [each[name] for each in rounds]
        out[name] = {
            "label": ENTRIES[name].label,
            "real_time_factor": median(run["wall_s"] / run["audio_s"] for run in runs),
            "times_real_time": median(run["audio_s"] / run["wall_s"] for run in runs),
            "ms_per_clip": median(run["wall_s"] / run["clips"] * 1000 for run in runs),
            "cpu_s_per_audio_hour": median(run["cpu_s"] / run["audio_s"] * 3600 for run in runs),
            "peak_mib": median(run["peak_mib"] for run in runs),
            "load_s": median(run["load_s"] for run in runs),
            "others_share": max(run["others_share"] for run in runs),
            "wrong_texts": max(run["wrong_texts"] for run in runs),
        }
    return out


def ratios(rounds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, float]]:
    """Say how many times faster each system is than each peer: ratios within a round, their median."""
    names = list(rounds[0])
    return {
        name: {
            base: median(each[base]["wall_s"] / each[name]["wall_s"] for each in rounds)
            for base in BASELINES
            if base in names and base != name
        }
        for name in names
    }


if __name__ == "__main__":
    main()
