"""A run whose batches do not fit the memory: every clip must come out all the same.

    python -m benchmarks.gpu.oom [--size full] [--clips 1000] [--batch-size 64] [--encoder torch]
        [--device cuda --compute-type float16]

On a GPU the memory is first filled up but for a little, so that a batch of 30 s windows, as large as is allowed, really
does not fit. On a CPU the engine is made to raise what CTranslate2 raises, for any batch beyond one window.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.cuda import memory_info
from anime_whisper_ct2.errors import EngineMemoryError
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Batch, Decoded
from benchmarks.engine import batch_of, run_batches
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import folder
from benchmarks.measures.process import about
from benchmarks.report import store
from benchmarks.systems import Settings
from benchmarks.systems.awct2 import run_options

# 64 windows of 30 s take about 6 GiB of CTranslate2's encoder for one layer's attention, and 1 GiB of torch's, which
# never writes that down, for one layer's feed-forward.
LEAVE_GIB = {"ctranslate2": 3.0, "torch": 1.0}
MOST_WINDOWS = 1


class Cramped:
    """An engine on a CPU that fails as a GPU does when a batch is too large for it."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Fail for more than one window."""
        if len(batch.windows) <= MOST_WINDOWS:
            done: Future[list[Decoded]] = self._engine.submit(batch)
            return done
        failed: Future[list[Decoded]] = Future()
        failed.set_exception(EngineMemoryError("CUDA failed with error out of memory"))
        return failed


def main() -> None:
    """Run it, write JSON, print the figures."""
    parser = store.parser(__doc__, "oom")
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--size", choices=standins.SIZES, default="full")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--compute-type", default="float16")
    parser.add_argument("--encoder", choices=tuple(LEAVE_GIB), default="ctranslate2")
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp:
        half = "16" in options.compute_type
        model = standins.make(
            options.size, temp / f"standin-{options.size}", quantization=options.compute_type, half=half
        )
        manifest = corpora.clips(temp / f"clips-{options.clips}", options.clips)
        settings = Settings(
            model, temp / "oom", options.device, options.compute_type, options.batch_size, encoder=options.encoder
        )
        figures = survive(manifest, settings)
    chosen = {
        key: getattr(options, key) for key in ("clips", "size", "batch_size", "device", "compute_type", "encoder")
    }
    store.save(options.out, chosen, figures, where)
    print(figures)
    if figures["done"] != figures["found"] or not figures["memory_halvings"]:
        sys.exit("nothing ran out of memory" if figures["done"] == figures["found"] else "clips were lost")


def survive(manifest: Path, settings: Settings) -> dict[str, Any]:
    """Run the corpus with too little memory, and say what became of it."""
    model, options = open_model_dir(settings.model / "converted"), run_options(settings)
    engine: Any = open_whisper(model, options)
    # In use already when memory gets short: a cuBLAS that cannot even start is another failure.
    run_batches(engine, batch_of(1, WINDOW_FRAMES))
    held = fill_gpu(LEAVE_GIB[settings.encoder]) if settings.device == "cuda" else None
    free = memory_info() if held is not None else None
    if held is None:
        engine = Cramped(engine)
    run = CorpusRun(
        Corpus((str(manifest.parent / "clips"),)), settings.out, model, options, open_engine=lambda *_: engine
    )
    totals = run.run()
    del held
    told = json.loads((settings.out / "run.json").read_text(encoding="utf-8"))
    lines = (settings.out / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    return {
        "found": totals.found,
        "done": totals.done,
        "wrong_texts": sum(json.loads(line)["text"] != standins.TEXT for line in lines),
        "encoder": told["engine"]["encoder"],
        "memory_halvings": told["memory_halvings"],
        "batch_size": settings.batch_size,
        "batch_size_after": engine.capacity(WINDOW_FRAMES),
        "free_gib": free[0] / 2**30 if free else None,
        "times_real_time": totals.speed,
    }


def fill_gpu(leave_gib: float) -> Any:
    """Take all but so much of the GPU's memory; it is free again when the result is let go of."""
    import torch

    free, _ = torch.cuda.mem_get_info()
    return torch.empty(max(0, int(free - leave_gib * 2**30)), dtype=torch.uint8, device="cuda")


if __name__ == "__main__":
    main()
