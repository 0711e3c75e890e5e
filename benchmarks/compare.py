"""This project beside its peers, over the same clips, weights, precision and cores.

    python -m benchmarks.compare [--clips 240] [--size 33m] [--rounds 3] [--systems NAME …] [--python whisper_s2t=PATH]
    python -m benchmarks.compare --real [--clips 150] [--rounds 2] [--systems NAME …]

Each run is a process of its own; the systems take turns, and that `--rounds` times. Ratios are taken within a round,
and all figures are medians over the rounds. A run during which others used more than 3 % of the machine is done again,
until there were `--tries` of it.

On stand-ins, every system must give the known text for every clip; writes `results/compare.json` and the chart
`results/compare.svg`. With `--real`, Whisper base hears lines of neural voices, and what each system makes of them is
held against their texts; writes `results/compare-real.json` and its chart.
"""

from __future__ import annotations

import argparse
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

from benchmarks.measures import corpora, genuine, standins
from benchmarks.measures.places import ROOT, folder, search_path
from benchmarks.measures.process import about, undisturbed
from benchmarks.report import store
from benchmarks.report.genuine_tables import compare_real_chart, compare_real_table
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
    "fw-single": Entry("faster-whisper, one by one", "faster_whisper_single"),
    "fw-concat": Entry("faster-whisper, clips end to end", "faster_whisper_concat"),
    "hf-1": Entry("transformers pipeline, one beam", "transformers_pipeline"),
    "hf-5": Entry("transformers pipeline as it comes (five beams)", "transformers_pipeline", {"beam_size": 0}),
    "s2t": Entry("WhisperS2T", "whisper_s2t"),
}
BASELINES = ("fw-batched", "fw-single", "fw-concat", "hf-1", "hf-5", "s2t")
# Of the systems on real lines, the one that the errors, and the one that the texts of the others are compared with.
OURS, LIKE = "awct2-full", "hf-1"
STANDIN: Mapping[str, Any] = {
    "out": store.RESULTS / "compare.json",
    "clips": 240,
    "rounds": 3,
    "size": "33m",
    "systems": ["awct2-fit", "awct2-full", "fw-batched", "fw-concat", "hf-1", "hf-5"],
}
REAL: Mapping[str, Any] = {
    "out": store.RESULTS / "compare-real.json",
    "clips": genuine.LINES,
    "rounds": 2,
    "systems": ["awct2-full", "awct2-fit", "fw-batched", "fw-single", "hf-1"],
}


def main() -> None:
    """Measure, write JSON and chart, print the table."""
    options = arguments()
    pythons = dict(each.split("=", 1) for each in options.python)
    where = about()
    with folder(options.temp) as temp:
        if options.real:
            model = genuine.model(temp / "whisper-base")
            manifest = genuine.corpus(temp / f"spoken-{options.clips}", options.clips)
        else:
            model = standins.make(options.size, temp / f"standin-{options.size}")
            manifest = corpora.clips(temp / f"clips-{options.clips}", options.clips)
        known = None if options.real else standins.TEXT
        rounds: list[dict[str, Any]] = [{} for _ in range(options.rounds)]
        for number, name in product(range(options.rounds), options.systems):
            run = partial(measure, ENTRIES[name], manifest, model, temp / "out" / name, options.changes, pythons, known)
            result = rounds[number][name] = undisturbed(run, lambda each: float(each["others_share"]), options.tries)
            speed = result["audio_s"] / result["wall_s"]
            print(
                f"round {number + 1}: {ENTRIES[name].label}: {speed:.1f} times real time, "
                f"{100 * result['others_share']:.1f} % of the machine used by others",
                file=sys.stderr,
            )
            if name == options.systems[-1]:
                # After every round, so that a measurement that is cut short keeps what it has.
                figures = gathered(rounds[: number + 1])
                if options.real:
                    # First what the others' errors are subtracted from.
                    ordered = sorted(options.systems, key=lambda each: each != OURS)
                    texts = {each: temp / "out" / each / "transcripts.jsonl" for each in ordered}
                    scores = genuine.scores(texts, manifest.with_name(genuine.REFERENCES), LIKE)
                    figures["systems"] = {each: {**row, **scores[each]} for each, row in figures["systems"].items()}
                store.save(options.out, described(options, number + 1), figures, where)
    report = json.loads(options.out.read_text(encoding="utf-8"))
    table, chart = (compare_real_table, compare_real_chart) if options.real else (compare_table, compare_chart)
    chart(report, options.out.with_suffix(".svg"))
    print(table(report))


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; what is not given is as usual for stand-ins, or for what is real."""
    parser = store.parser(__doc__, "compare")
    parser.set_defaults(out=None)
    parser.add_argument("--real", action="store_true", help="genuine weights and spoken lines instead of stand-ins")
    parser.add_argument("--clips", type=int)
    parser.add_argument("--size", choices=standins.SIZES, help="of the stand-in")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--tries", type=int, default=3, help="of a run that others disturb; 1: never wait")
    parser.add_argument("--systems", nargs="+", choices=ENTRIES)
    parser.add_argument("--python", action="append", default=[], metavar="RUNNER=PATH", help="its own environment's")
    parser.add_argument("--set", dest="changes", nargs="*", default=[], metavar="KEY=VALUE", help="for every system")
    options = parser.parse_args(given)
    if options.real and options.size:
        parser.error("--size is that of a stand-in; --real has a model of its own")
    for name, usual in (REAL if options.real else STANDIN).items():
        if getattr(options, name) is None:
            setattr(options, name, usual)
    if options.real and not 1 <= options.clips <= genuine.LINES:
        parser.error(f"--clips {options.clips}: there are {genuine.LINES} lines to take from")
    return options


def described(options: argparse.Namespace, rounds: int) -> dict[str, Any]:
    """Say what was asked for, as the result keeps it."""
    what = {"model": genuine.MODEL} if options.real else {"size": options.size}
    return {"clips": options.clips, "rounds": rounds, "changes": options.changes, **what}


def gathered(rounds: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Give what is told of rounds: medians, ratios, and each run."""
    return {"systems": summary(rounds), "ratios": ratios(rounds), "rounds": rounds}


def measure(
    entry: Entry,
    manifest: Path,
    model: Path,
    out: Path,
    changes: Sequence[str],
    pythons: Mapping[str, str] | None = None,
    known: str | None = standins.TEXT,
    timeout_s: float | None = None,
) -> dict[str, Any]:
    """Run a system in its own process and environment; its result, after its texts were held against the `known` one.

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
    if known is not None:
        lines = (out / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
        result["wrong_texts"] = sum(json.loads(line)["text"] != known for line in lines)
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
        }
        if "wrong_texts" in runs[0]:
            out[name]["wrong_texts"] = max(run["wrong_texts"] for run in runs)
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
