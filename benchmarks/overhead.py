"""What a run costs beyond its engine: the run, and then the engine alone fed from memory with the same batches.

    python -m benchmarks.overhead [--clips 240] [--size 33m] [--rounds 3]

The run is `CorpusRun` with its worker process, journal and all, on all cores; its batches are kept as they pass. The
bare engine then gets those very batches, on the same cores, with as many in flight, and nothing else is done meanwhile.
Both are timed from a loaded model to the last text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Batch, Decoded
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import folder
from benchmarks.measures.process import about, span, undisturbed
from benchmarks.report import store
from benchmarks.report.tables import overhead_table
from benchmarks.systems import Settings, changed
from benchmarks.systems.awct2 import corpus_folder, run_options


class Recorder:
    """An engine that keeps the batches it passes on."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.batches: list[Batch] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Keep the batch and pass it on."""
        self.batches.append(batch)
        return self._engine.submit(batch)

    def close(self) -> None:
        """Leave the engine open: it is used again."""


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "overhead")
    parser.add_argument("--clips", type=int, default=240)
    parser.add_argument("--size", choices=standins.SIZES, default="33m")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tries", type=int, default=3, help="of each, where others disturb it; 1: do not wait either")
    parser.add_argument("--windows", nargs="+", choices=("full", "fit"), default=["full", "fit"])
    parser.add_argument("--set", dest="changes", nargs="*", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp:
        model = standins.make(options.size, temp / f"standin-{options.size}")
        manifest = corpora.clips(temp / f"clips-{options.clips}", options.clips)
        clips = list(corpora.read_manifest(manifest))
        figures = {
            window: measure(clips, Settings(model, temp / "overhead"), [*options.changes, f"window={window}"], options)
            for window in options.windows
        }
    chosen = {key: getattr(options, key) for key in ("clips", "size", "rounds", "changes")}
    store.save(options.out, chosen, figures, where)
    print(overhead_table({"about": where, "options": chosen, **figures}))


def measure(clips: list[corpora.Clip], settings: Settings, changes: list[str], options: Any) -> dict[str, Any]:
    """Time run and bare engine in turn; the medians, and the median of what the run takes longer."""
    settings = changed(settings, changes)
    model = open_model_dir(settings.model / "converted")
    chosen = run_options(settings)
    engine = open_whisper(model, chosen)
    rounds = []
    try:
        for _ in range(options.rounds):
            rounds.append(
                undisturbed(
                    partial(pair, engine, clips, settings.out, model, chosen), itemgetter("others_share"), options.tries
                )
            )
    finally:
        engine.close()
    return {
        **{key: median(each[key] for each in rounds) for key in rounds[0]},
        "overhead": median(each["run_s"] / each["bare_s"] - 1 for each in rounds),
        "rounds": rounds,
    }


def pair(
    engine: Engine, clips: list[corpora.Clip], out: Path, model: ModelDir, options: RunOptions
) -> dict[str, float]:
    """Time a run, and then its engine alone with the same batches."""
    recorder = Recorder(engine)
    run = CorpusRun(Corpus((corpus_folder(clips),)), out, model, options, open_engine=lambda *_: recorder)
    with span() as whole:
        totals = run.run()
    with span() as bare:
        feed(engine, recorder.batches)
    assert totals.done == len(clips), totals
    return {
        "run_s": whole.wall_s,
        "run_cpu_s": whole.cpu_s,
        "bare_s": bare.wall_s,
        "bare_cpu_s": bare.cpu_s,
        "others_share": max(whole.others_share, bare.others_share),
        "batches": len(recorder.batches),
        "windows": sum(len(batch.windows) for batch in recorder.batches),
    }


def feed(engine: Engine, batches: Iterable[Batch]) -> None:
    """Give the engine its batches from memory, as many in flight as it wants."""
    pending: deque[Future[list[Decoded]]] = deque()
    for batch in batches:
        pending.append(engine.submit(batch))
        while len(pending) >= engine.in_flight:
            pending.popleft().result()
    while pending:
        pending.popleft().result()


if __name__ == "__main__":
    main()
