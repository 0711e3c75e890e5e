"""A million recordings with engines that answer at once: what one driver can list, hand out and write down.

    python -m benchmarks.million [--recordings 1000000] [--few 100000] [--nodes 1] [--cpus 1]
    python -m benchmarks.million --recordings 20000 --few 5000 --out FILE      to try it

`awct2 run --ray` over a folder of folders, a thousand files in each, on a cluster that was started beforehand on this
machine. Only what is behind `Terms.opener` is not real: no engine opens audio or computes. Listing, shards, engines on
nodes, parts, ledger and all are. Beside it, the same without a cluster, and the driver's work bit by bit, alone.

Memory is the driver's: private (anonymous) pages, pages of files, and shared ones, which are those of Ray's object
store that it looked at. The listing is of folders that the system has just made, so that their names are in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

from anime_whisper_ct2 import corpus_run
from anime_whisper_ct2.executors import opening
from anime_whisper_ct2.executors.cluster.messages import Terms
from anime_whisper_ct2.executors.cluster.shards import cut
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import to_json
from anime_whisper_ct2.output.metrics import Counts
from anime_whisper_ct2.output.storage.output import SharedOutput
from anime_whisper_ct2.output.storage.parts import Parts
from anime_whisper_ct2.output.storage.place import open_storage
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Recording
from benchmarks.measures import corpora, standins
from benchmarks.measures.clusters import about_with_ray, cluster, environment
from benchmarks.measures.instant import DURATION_S, OPENER, instant_here, transcript
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import PROC
from benchmarks.report import store
from benchmarks.report.ray_tables import million_table

IN_A_FOLDER = 1_000
# A clock of 15 ms, as Windows has it for processes, takes a few clips for none.
_LEAST_S = 1e-9
_LOOK_EVERY_S = 0.05


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "million")
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=100_000, help="for what memory grows with; and bit by bit")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--cpus", type=int, default=1, help="that each node declares")
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[], help="leave parts out")
    # Arguments of `awct2`, for the process that is measured.
    parser.add_argument("--command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.command:
        command(options.command)
        return
    where = about_with_ray()
    parts: dict[str, Any] = {}
    chosen = {key: getattr(options, key) for key in ("recordings", "few", "nodes", "cpus")}
    with folder(options.temp) as temp:
        model = standins.make("tiny", temp / "standin-tiny") / "converted"
        corpus, bytes_each = links(temp, options.recordings)
        few = sorted(corpus.iterdir())[: max(1, options.few // IN_A_FOLDER)]
        for name in (name for name in PARTS if name not in options.without):
            inputs = [corpus] if name in ("cluster", "local") else few
            out = temp / f"out-{name}"
            shutil.rmtree(out, ignore_errors=True)
            if name == "alone":
                parts[name] = alone([str(path) for path in inputs], out)
            elif name == "local":
                parts[name] = watched(inputs, model, out)
            else:
                with cluster(options.nodes, options.cpus) as address:
                    parts[name] = watched(inputs, model, out, address)
            print(f"{name}: {parts[name]}", file=sys.stderr)
            # After every part, so that a measurement that is cut short keeps what it has.
            store.save(options.out, chosen, {"bytes_per_recording": bytes_each, "parts": parts}, where)
    print(million_table({"about": where, "options": chosen, "bytes_per_recording": bytes_each, "parts": parts}))


PARTS = ("cluster_few", "alone", "cluster", "local")


def links(temp: Path, count: int) -> tuple[Path, float]:
    """Make a corpus of hard links to distinct clips, a thousand to a folder; its folder and its bytes a recording."""
    corpus = temp / f"links-{count}"
    clips = [clip.audio for clip in corpora.read_manifest(corpora.clips(temp / "originals", corpora.DISTINCT))]
    for start in range(0, count, IN_A_FOLDER):
        within = corpus / f"{start // IN_A_FOLDER:05d}"
        if within.is_dir():
            continue  # of an earlier run; it was renamed when it was complete
        beside = temp / f"{within.name}.new"
        beside.mkdir(parents=True, exist_ok=True)
        for number in range(start, min(count, start + IN_A_FOLDER)):
            path = beside / f"{number:08d}.ogg"
            path.unlink(missing_ok=True)
            os.link(clips[number % len(clips)], path)
        corpus.mkdir(exist_ok=True)
        beside.rename(within)
    return corpus, sum(os.stat(clip).st_size for clip in clips) / len(clips)  # noqa: PTH116 - they are strings


def watched(inputs: Sequence[Path], model: Path, out: Path, address: str | None = None) -> dict[str, Any]:
    """Run `awct2 run` in a process of its own and look at that, and at what it has written, until it ends."""
    given = ["run", *map(str, inputs), "-o", str(out), "-m", str(model), "--overwrite", "--quiet"]
    given += ["--ray", address] if address else ["--device", "cpu"]
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.million", "--command", *given],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        first_s: float | None = None
        memory: dict[str, float] = {}
        while process.poll() is None:
            seen = memory_mib(process.pid)
            memory = {name: max(value, memory.get(name, 0.0)) for name, value in seen.items()} or memory
            if first_s is None and written(out):
                first_s = time.perf_counter() - start
            time.sleep(_LOOK_EVERY_S)
        took_s = time.perf_counter() - start
        said = process.stdout.read().splitlines()
    if process.returncode or first_s is None:
        raise RuntimeError(f"awct2 ended with {process.returncode}")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    with (out / "transcripts.jsonl").open("rb") as file:
        lines = sum(1 for _ in file)
    if not run["found"] == run["done"] == lines:
        raise RuntimeError(f"{run['found']} found, {run['done']} done, {lines} lines")
    size = (out / "transcripts.jsonl").stat().st_size
    return {
        "recordings": lines,
        "bytes_per_line": size / lines,
        "command_s": took_s,
        "first_line_s": first_s,
        "load_s": run["load_seconds"],
        "wall_s": run["wall_seconds"],
        "per_s": lines / run["wall_seconds"],
        "driver_cpu_s": json.loads(said[-1])["cpu_s"],
        "driver_peak_mib": memory,
    }


def written(out: Path) -> bool:
    """Say whether there is a line in the output."""
    try:
        return (out / "transcripts.jsonl").stat().st_size > 0
    except OSError:
        return False


def memory_mib(pid: int) -> dict[str, float]:
    """Give what a process holds: `private`, `files`, `shared`, and their sum `resident`; empty when it is gone."""
    try:
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return {}
    names = {"private": "RssAnon", "files": "RssFile", "shared": "RssShmem", "resident": "VmRSS"}
    found = {key: re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE) for key, name in names.items()}
    return {key: int(match[1]) / 1024 for key, match in found.items() if match}


def command(given: Sequence[str]) -> None:
    """Be `awct2`, but with engines that answer at once, on a cluster and here."""
    from anime_whisper_ct2.cli import main as awct2

    with (
        patch.object(opening, "Terms", partial(Terms, opener=OPENER)),
        patch.object(corpus_run, "here", instant_here),
    ):
        try:
            awct2(list(given))
        except SystemExit as error:
            if error.code:
                raise
    import resource  # absent on Windows, where the tests read this module

    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime}))


def alone(inputs: Sequence[str], out: Path) -> dict[str, Any]:
    """Do the bits of the driver's work one after the other, each alone: recordings for each second of processor time.

    `listing` names, `tar_listing` reads the headers of a tar of them, `shards` asks for sizes, cuts and packs what is
    listed (the listing itself taken off), `ledger` reads parts that engines have written, takes their lines over, syncs
    them and removes the parts.
    """
    corpus = Corpus(tuple(inputs))
    listing_s, count = cpu_to_list(corpus)
    out.mkdir(parents=True, exist_ok=True)
    tar_listing_s, members = cpu_to_list(Corpus((tar_of(corpus, out / "some.tar"),)))
    from anime_whisper_ct2.executors.cluster.engines import Packed

    start = time.process_time()
    sizes = [len(Packed.of(shard).content) for shard in cut(enumerate(corpus.references()), lambda: 20_000.0)]
    shards_s = max(_LEAST_S, time.process_time() - start - listing_s)
    output = SharedOutput(out)
    for number, recordings in enumerate(portions(corpus.references(), 4_096)):
        write_part(output, f"{number:08d}", recordings)
    settings: dict[str, Any] = {}
    with Journal(out, settings, overwrite=True) as journal:
        journal.begin({})
        start, wall = time.process_time(), time.perf_counter()
        for part in output.left():
            journal.append(part)
        ledger_s, ledger_wall_s = max(_LEAST_S, time.process_time() - start), time.perf_counter() - wall
    return {
        "recordings": count,
        "listing_per_cpu_s": count / listing_s,
        "tar_listing_per_cpu_s": members / tar_listing_s,
        "shards_per_cpu_s": count / shards_s,
        "ledger_per_cpu_s": count / ledger_s,
        "ledger_per_s": count / ledger_wall_s,
        "shard_bytes_per_recording": sum(sizes) / count,
    }


def cpu_to_list(corpus: Corpus) -> tuple[float, int]:
    """List a corpus as a run on a cluster does: seconds of processor time, and how many recordings."""
    start = time.process_time()
    count = sum(1 for _ in corpus.references())
    return max(_LEAST_S, time.process_time() - start), count


def tar_of(corpus: Corpus, path: Path, most: int = 10_000) -> str:
    """Pack some of a corpus into a plain tar, as WebDataset has it, and give its path."""
    with tarfile.open(path, "w") as file:
        for recording in islice(corpus, most):
            file.add(str(recording.audio), arcname=recording.id.replace("/", "-"))
    return str(path)


def portions(recordings: Iterator[Recording], size: int) -> Iterator[list[Recording]]:
    """Give so many at a time."""
    while portion := list(islice(recordings, size)):
        yield portion


def write_part(output: SharedOutput, name: str, recordings: Sequence[Recording]) -> None:
    """Write what an engine would have written of these."""
    lines = "".join(to_json(transcript(each)) + "\n" for each in recordings).encode("utf-8")
    counts = Counts(done=len(recordings), audio_seconds=DURATION_S * len(recordings))
    Parts(open_storage(output.place)).write(name, lines, b"", counts)


if __name__ == "__main__":
    main()
