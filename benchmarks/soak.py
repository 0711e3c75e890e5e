"""Whether a run stays as it began: memory, open files and processes over many clips, and over one very long recording.

    python -m benchmarks.soak [--clips 50000] [--few 2000] [--many 20000] [--hours 10]
    python -m benchmarks.soak --clips 500 --few 100 --many 300 --hours 0.2      to try it

Front end, batching, journal and all are real; the engine is the public `FakeEngine`, which answers at once, so that
they are under more pressure than with a model. Memory is that of the process and its workers together, each page that
they share counted for each of them. Every part is a process of its own. Links to 300 distinct clips stand for a corpus.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Batch, Decoded
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import Watch, about, span
from benchmarks.report import store
from benchmarks.report.tables import soak_chart, soak_table

POINTS = 200  # of each curve, in the result


class Forgetful(FakeEngine):
    """The fake engine without its memory of every batch."""

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Answer a batch and let go of it."""
        self.batches.clear()
        return super().submit(batch)


def main() -> None:
    """Measure, write JSON and chart, print the table."""
    parser = store.parser(__doc__, "soak")
    parser.add_argument("--clips", type=int, default=50_000)
    parser.add_argument("--few", type=int, default=2_000)
    parser.add_argument("--many", type=int, default=20_000)
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    # The part that runs in a process of its own: a corpus and a model.
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        corpus, model = options.one
        print(json.dumps(watched(corpus, model, options.workers)))
        return
    where = about()
    parts: dict[str, Any] = {}
    with folder(options.temp) as temp:
        model = standins.make("tiny", temp / "standin-tiny")
        for name, count in (("soak", options.clips), ("few", options.few), ("many", options.many), ("one", 1)):
            manifest = corpora.clips(temp / f"clips-{count}", count)
            parts[name] = part(manifest.parent / "clips", model, options.workers)
            print(f"{count} clips: {parts[name]['peak_mib']:.0f} MiB at most", file=sys.stderr)
        path = corpora.recording(temp / "long" / "long.flac", options.hours)
        parts["long"] = part(path.parent, model, options.workers)
    figures = {
        "parts": parts,
        "many_over_few": parts["many"]["peak_mib"] / parts["few"]["peak_mib"],
        "long_beyond_one_mib": parts["long"]["peak_mib"] - parts["one"]["peak_mib"],
    }
    chosen = {key: getattr(options, key) for key in ("clips", "few", "many", "hours", "workers")}
    store.save(options.out, chosen, figures, where)
    report = {"about": where, "options": chosen, **figures}
    soak_chart(report, options.out.with_suffix(".svg"))
    print(soak_table(report))


def part(corpus: Path, model: Path, workers: int) -> dict[str, Any]:
    """Run a corpus in a fresh process and give what was seen of it."""
    command = [sys.executable, "-m", "benchmarks.soak", "--one", str(corpus), str(model), "--workers", str(workers)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def watched(corpus: Path, standin: Path, workers: int) -> dict[str, Any]:
    """Transcribe a corpus with the fake engine and sample this process's tree meanwhile."""
    model = open_model_dir(standin / "converted")
    options = RunOptions(DecodingOptions(window="full"), frontend=FrontendOptions(workers))
    engine = Forgetful(n_mels=model.n_mels, batch_size=16)
    with tempfile.TemporaryDirectory() as out:
        run = CorpusRun(Corpus((str(corpus),)), Path(out), model, options, open_engine=lambda *_: engine)
        with Watch(every_s=0.1) as watch, span() as work:
            totals = run.run()
    if totals.failed or totals.done != totals.found:
        raise SystemExit(f"not all was transcribed: {totals}")
    # The last sample is from after the end: nothing may be left over by then.
    *curve, after = watch.samples
    curve = curve or [after]  # one clip can be done before the first look
    step = max(1, len(curve) // POINTS)
    return {
        "done": totals.done,
        "audio_s": round(totals.audio_seconds, 1),
        "wall_s": round(work.wall_s, 2),
        "cpu_s": round(work.cpu_s, 2),
        "peak_mib": round(watch.peak_mib, 1),
        "processes_after": after[1].processes,
        "open_files_after": after[1].open_files,
        "curve": [
            [round(at, 1), round(each.rss_mib, 1), each.open_files, each.processes] for at, each in curve[::step]
        ],
    }


if __name__ == "__main__":
    main()
