"""What Ray costs on the very cores that a local run has.

    python -m benchmarks.ray_overhead [--clips 2800] [--window fit] [--size 33m] [--rounds 3]

`awct2 run` and `awct2 run --ray ADDRESS`, the same corpus, model and settings, in turn, each a process of its own; who
is first changes from round to round. The cluster is one node that declares all cores; it is started before each run on
it and ended behind it, so that the local run has the machine for itself. `--clips` should be so many that the local run
takes two minutes. Both must write the same lines, in whatever order.

Two figures: from the first recording to the last result, which `run.json` calls `wall_seconds`, and the whole command,
from its start to its exit, with Python, imports, connecting and loading the model. Starting the cluster is in neither;
what its processes use meanwhile is in both, since they share the cores.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

from anime_whisper_ct2.options import available_cores
from benchmarks.measures import corpora, standins
from benchmarks.measures.clusters import about_with_ray, cluster, environment
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import PROC, Span, busy_seconds, span, tree, undisturbed
from benchmarks.report import store
from benchmarks.report.ray_tables import ray_overhead_table
from benchmarks.systems.awct2 import corpus_folder

WAYS = ("local", "ray")
_LOOK_EVERY_S = 0.2
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0  # /proc is Linux's
_AWCT2 = "from anime_whisper_ct2.cli import main; main()"


def main() -> None:
    """Measure, write JSON after every round, print the table."""
    parser = store.parser(__doc__, "ray-overhead")
    parser.add_argument("--clips", type=int, default=2_800)
    parser.add_argument("--size", choices=standins.SIZES, default="33m")
    parser.add_argument("--window", choices=("full", "fit"), default="fit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tries", type=int, default=3, help="of each, where others disturb it; 1: do not wait either")
    options = parser.parse_args()
    where = about_with_ray()
    chosen = {key: getattr(options, key) for key in ("clips", "size", "window")}
    with folder(options.temp) as temp:
        model = standins.make(options.size, temp / f"standin-{options.size}") / "converted"
        clips = list(corpora.read_manifest(corpora.clips(temp / f"clips-{options.clips}", options.clips)))
        given = ["run", corpus_folder(clips), "-m", str(model), "--window", options.window, "--device", "cpu"]
        given += ["--overwrite", "--quiet"]
        rounds: list[dict[str, dict[str, float]]] = []
        for number in range(options.rounds):
            taken: dict[str, dict[str, float]] = {}
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                work = partial(measured, [*given, "-o", str(temp / f"out-{way}")], on_ray=way == "ray")
                taken[way] = undisturbed(work, itemgetter("others_share"), options.tries)
                print(f"round {number + 1}, {way}: {taken[way]['wall_s']:.1f} s", file=sys.stderr)
            compare_lines(temp / "out-local", temp / "out-ray", len(clips))
            rounds.append(taken)
            chosen["rounds"] = len(rounds)
            store.save(options.out, chosen, summary(rounds), where)
    print(ray_overhead_table({"about": where, "options": chosen, **summary(rounds)}))


def measured(given: Sequence[str], *, on_ray: bool) -> dict[str, float]:
    """Run `awct2` once, on a cluster that is there for it alone, or here."""
    if not on_ray:
        return timed(given)
    with cluster(nodes=1, cpus=available_cores()) as address:
        return timed([*given, "--ray", address])


def timed(given: Sequence[str]) -> dict[str, float]:
    """Run `awct2` to its end: seconds of the command, of its work, and processor time of all that runs for it."""
    with whole_span() as work:
        subprocess.run([sys.executable, "-c", _AWCT2, *given], cwd=ROOT, env=environment(), check=True)
    out = Path(given[given.index("-o") + 1])
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return {
        "command_s": work.wall_s,
        "wall_s": run["wall_seconds"],
        "load_s": run["load_seconds"],
        "cpu_s": work.cpu_s,
        "audio_s": run["audio_seconds"],
        "others_share": work.others_share,
    }


@contextlib.contextmanager
def whole_span() -> Iterator[Span]:
    """Measure as `span` does, but also the time of those processes that nobody waits for, as Ray does for none.

    It is looked at five times a second, so that what a process uses in its last moments may be left out.
    """
    used: dict[int, float] = {}
    ended = threading.Event()

    def look() -> None:
        for pid in tree():
            with contextlib.suppress(OSError):
                fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
                used[pid] = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def watch() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            look()

    look()
    before, busy = sum(used.values()), busy_seconds()
    thread = threading.Thread(target=watch, name="processor time", daemon=True)
    thread.start()
    try:
        with span() as result:
            yield result
    finally:
        ended.set()
        thread.join()
    look()
    result.cpu_s = sum(used.values()) - before
    others = max(0.0, busy_seconds() - busy - result.cpu_s)
    result.others_share = round(others / max(result.wall_s, 0.01) / (os.cpu_count() or 1), 4)


def compare_lines(one: Path, other: Path, clips: int) -> None:
    """Raise RuntimeError where two outputs do not hold the same texts of all clips."""
    texts = []
    for out in (one, other):
        lines = (out / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
        texts.append({row["id"]: row["text"] for row in map(json.loads, lines)})
        if not len(lines) == len(texts[-1]) == clips:
            raise RuntimeError(f"{out.name}: {len(lines)} lines of {len(texts[-1])} recordings, and there are {clips}")
    if texts[0] != texts[1]:
        raise RuntimeError("with Ray, texts are others than without")


def summary(rounds: Sequence[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Give the medians of both, and of what Ray takes longer within a round."""
    figures = {way: {key: median(each[way][key] for each in rounds) for key in rounds[0][way]} for way in WAYS}
    return {
        **figures,
        "overhead": median(each["ray"]["wall_s"] / each["local"]["wall_s"] - 1 for each in rounds),
        "command_overhead": median(each["ray"]["command_s"] / each["local"]["command_s"] - 1 for each in rounds),
        "others_share": max(each[way]["others_share"] for each in rounds for way in WAYS),
        "rounds": list(rounds),
    }


if __name__ == "__main__":
    main()
