"""What a clip costs the engine's own process: its way from the workers to the engine, and its text's way out.

    python -m benchmarks.plumbing [--clips 4000] [--workers 2] [--rounds 3]

`LocalExecutor` as a run has it, with its worker processes and fitted windows, around an engine that answers at once: it
lays each batch's features (float16, 128 mel bands) into one array, as any engine does, and takes 64 windows of 30 s or
256 short ones, as a GPU does. Counted is the processor time of this process's own threads, by what they do; the workers
are other processes. Beside it, in the same round, features go as they do where there is no shared memory: inline, in
the messages. The journal is left out. An engine that is never busy gets many small batches; a GPU's are larger.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from functools import partial
from operator import itemgetter
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np

from anime_whisper_ct2.engine.capacity import Capacity
from anime_whisper_ct2.engine.crew import Crew
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions
from anime_whisper_ct2.records import Batch, Decoded, FeatureType, Recording, Transcript, Worked
from benchmarks.measures import corpora
from benchmarks.measures.places import folder
from benchmarks.measures.process import about, span, undisturbed
from benchmarks.measures.standins import TEXT
from benchmarks.report import store
from benchmarks.report.plumbing_tables import plumbing_table

# What this process's threads are called, and what they do.
PARTS = {"frontend": "attendants", "ahead": "listing", "engine": "engine", "MainThread": "stages"}
WAYS = ("shared", "inline")
ANSWER = Decoded(TEXT, tuple(range(len(TEXT))), avg_logprob=-0.27, no_speech_prob=0.03)


class InstantEngine:
    """Takes batches as a GPU's engine does, and has their texts at once."""

    n_mels = 128
    feature_dtype: FeatureType = np.float16
    in_flight = 3

    def __init__(self) -> None:
        self.description: dict[str, Any] = {"device": "none"}
        self.capacity = Capacity(64.0)
        self.shrink = self.capacity.shrink
        self._crew: Crew[list[Decoded]] = Crew(2)

    def submit(self, batch: Batch) -> Future[list[Decoded]]:
        """Lay a batch out and answer it."""
        return self._crew.submit(partial(self._answer, batch))

    def _answer(self, batch: Batch) -> list[Decoded]:
        stack(batch, self.n_mels, self.feature_dtype)
        return [ANSWER] * len(batch.windows)

    def take_worked(self) -> Worked:
        """Give what the threads did since the last time."""
        return self._crew.take_worked()

    def close(self) -> None:
        """End the threads."""
        self._crew.close()


@contextmanager
def thread_times() -> Iterator[dict[str, float]]:
    """Note the processor seconds of this thread, and of all that begin and end meanwhile, by their names."""
    spent: dict[str, float] = defaultdict(float)
    run = threading.Thread.run

    def timed(thread: threading.Thread) -> None:
        """Run a thread, and note what it took."""
        try:
            run(thread)
        finally:
            spent[thread.name] += time.thread_time()

    start = time.thread_time()
    with patch.object(threading.Thread, "run", timed):
        yield spent
    spent["MainThread"] += time.thread_time() - start


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "plumbing")
    parser.add_argument("--clips", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tries", type=int, default=3, help="of each, where others disturb it; 1: do not wait either")
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp:
        manifest = corpora.clips(temp / f"wav-{options.clips}", options.clips, extension="wav")
        paths = [clip.audio for clip in corpora.read_manifest(manifest)]
        work = partial(measure, paths, options.workers, options.rounds)
        figures = undisturbed(work, itemgetter("others_share"), options.tries)
    chosen = {key: getattr(options, key) for key in ("clips", "workers", "rounds")}
    store.save(options.out, chosen, figures, where)
    print(plumbing_table({"about": where, "options": chosen, **figures}))


def measure(paths: Sequence[str], workers: int, rounds: int) -> dict[str, Any]:
    """Let clips through both ways in turn; the medians, and the median of what one takes of the other's time."""
    done = [{way: once(paths, workers, shared=way == "shared") for way in WAYS} for _ in range(rounds)]
    return {
        **{way: {key: median(each[way][key] for each in done) for key in done[0][way]} for way in WAYS},
        "shared_over_inline": median(each["shared"]["whole"] / each["inline"]["whole"] for each in done),
        "others_share": max(each[way]["others_share"] for each in done for way in WAYS),
        "rounds": done,
    }


def once(paths: Sequence[str], workers: int, *, shared: bool) -> dict[str, float]:
    """Let clips through; the milliseconds of this process's processor time for each, by part and as a whole."""
    tasks = ((key, Recording(str(key), path, path)) for key, path in enumerate(paths))
    with span() as work, thread_times() as spent, _memory(shared=shared):
        start = time.process_time()
        engine = InstantEngine()
        executor = LocalExecutor(engine, DecodingOptions(), FrontendOptions(workers=workers), WindowLength("fit"))
        done = sum(isinstance(item, tuple) and isinstance(item[1], Transcript) for item in executor.run(tasks))
        engine.close()
        whole_s = time.process_time() - start
    assert done == len(paths), done
    parts = dict.fromkeys(PARTS.values(), 0.0)
    for name, seconds in spent.items():
        parts[PARTS[name.partition("-")[0]]] += 1000 * seconds / done
    rates = {"clips_per_s": done / work.wall_s, "others_share": work.others_share}
    return {**parts, "whole": 1000 * whole_s / done, **rates}


@contextmanager
def _memory(*, shared: bool) -> Iterator[None]:
    """Give no shared memory, unless it is wanted."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    with nullcontext() if shared else patch("anime_whisper_ct2.executors.slots.Block", refuse):
        yield


if __name__ == "__main__":
    main()
