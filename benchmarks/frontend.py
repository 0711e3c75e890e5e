"""The front end, one clip at a time and in worker processes, beside faster-whisper's.

    python -m benchmarks.frontend [--clips 60] [--rounds 5] [--pool-clips 1500]

Milliseconds per clip on one thread: read, decode and resample; log-mel; and the whole of `extract`, which is what a
worker does. faster-whisper's: `decode_audio`, VAD with the options of its batched pipeline, and its feature extractor.
Then clips per second through `WorkerPool` with one worker and with two, from the moment that all of them are at work.
Files are in the page cache. Not timed: imports, opening Silero.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile
import soxr

from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.executors.pool import WorkerPool
from anime_whisper_ct2.features.mel import SAMPLE_RATE, log_mel
from anime_whisper_ct2.records import Broken, Closed, Float32, Recording
from benchmarks.measures import corpora
from benchmarks.measures.places import folder
from benchmarks.measures.process import about, span, undisturbed
from benchmarks.report import store
from benchmarks.report.tables import frontend_table

N_MELS = 128
FORMATS = (("ogg", 16_000), ("flac", 48_000), ("wav", 48_000))
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SETTINGS = FeatureSettings(N_MELS, half=False)


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "frontend")
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pool-clips", type=int, default=1500)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    if any(os.environ.get(key) != value for key, value in SINGLE.items()):
        # The libraries read it when they are loaded.
        command = [sys.executable, "-m", "benchmarks.frontend", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **SINGLE})
    where = about()
    with folder(options.temp) as temp:
        figures = undisturbed(partial(measure, temp, options), itemgetter("others_share"))
    chosen = {key: getattr(options, key) for key in ("clips", "rounds", "pool_clips")}
    store.save(options.out, chosen, figures, where)
    print(frontend_table({"about": where, "options": chosen, **figures}))


def measure(temp: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure all formats, and the workers."""
    corpus = {}
    for extension, rate in FORMATS:
        name = f"{extension} {rate // 1000} kHz"
        corpus[name] = corpora.clips(temp / name.replace(" ", "-"), options.clips, extension=extension, rate=rate)
    pool_paths = paths_of(corpora.clips(temp / f"pool-{options.pool_clips}", options.pool_clips))
    with span() as work:
        formats = {name: stages(paths_of(manifest), options.rounds) for name, manifest in corpus.items()}
        runs = [{n: clips_per_second(pool_paths, n) for n in options.workers} for _ in range(max(3, options.rounds))]
    first, last = options.workers[0], options.workers[-1]
    return {
        "formats": formats,
        "pool_clips_per_s": {str(n): median(run[n] for run in runs) for n in options.workers},
        "pool_scaling": median(run[last] / run[first] for run in runs),
        "others_share": work.others_share,
    }


def paths_of(manifest: Path) -> list[str]:
    """Give the clips' paths."""
    return [clip.audio for clip in corpora.read_manifest(manifest)]


def stages(paths: Sequence[str], rounds: int) -> dict[str, Any]:
    """Give the milliseconds of each stage for one clip, and the ratios that follow; medians over the rounds."""
    sounds = [read(path) for path in paths]
    theirs = faster_whisper_stages(paths)
    timed: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "read": (read, paths),
        "log_mel": (partial(log_mel, n_mels=N_MELS), sounds),
        "extract": (whole, paths),
        **theirs,
    }
    # In turns, so that a slow moment of the machine falls on all of them.
    runs = [{name: once_ms(function, items) for name, (function, items) in timed.items()} for _ in range(rounds)]
    figures: dict[str, Any] = {name: median(run[name] for run in runs) for name in timed}
    figures["extract_over_bare"] = median(run["extract"] / (run["read"] + run["log_mel"]) for run in runs)
    figures["times_faster"] = median(sum(run[name] for name in theirs) / run["extract"] for run in runs)
    return figures


def read(path: str) -> Float32:
    """Decode and resample a file with nothing around it."""
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE), np.float32)


def whole(path: str) -> None:
    """Do what a worker does with a reference."""
    for message in extract(0, path, SETTINGS):
        if isinstance(message, Broken):
            raise RuntimeError(message)


def faster_whisper_stages(paths: Sequence[str]) -> dict[str, tuple[Callable[[Any], object], Sequence[Any]]]:
    """Give what faster-whisper 1.2.1 does before its model sees a clip."""
    from faster_whisper import decode_audio
    from faster_whisper.audio import pad_or_trim
    from faster_whisper.feature_extractor import FeatureExtractor
    from faster_whisper.vad import VadOptions, collect_chunks, get_speech_timestamps

    extractor = FeatureExtractor(feature_size=N_MELS)
    vad_options = VadOptions(max_speech_duration_s=30, min_silence_duration_ms=160)
    sounds = [decode_audio(path) for path in paths]
    chunks = [collect_chunks(each, get_speech_timestamps(each, vad_options), max_duration=30)[0][0] for each in sounds]
    return {
        "their_decode": (decode_audio, paths),
        "their_vad": (lambda sound: get_speech_timestamps(sound, vad_options), sounds),
        "their_features": (lambda chunk: pad_or_trim(extractor(chunk)[..., :-1]), chunks),
    }


def once_ms(function: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Give the mean milliseconds of one call."""
    start = time.perf_counter()
    for item in items:
        function(item)
    return (time.perf_counter() - start) / len(items) * 1000


def clips_per_second(paths: Sequence[str], workers: int) -> float:
    """Run clips through worker processes; the rate between the first tenth and the last."""
    pool = WorkerPool(SETTINGS, workers, capacity=64)
    tasks = [(key, Recording(Path(path).name, path, path)) for key, path in enumerate(paths)]
    moments = [time.perf_counter() for _ in closed(pool(tasks))]
    tenth = len(moments) // 10
    return (len(moments) - 2 * tenth - 1) / (moments[-tenth - 1] - moments[tenth])


def closed(messages: Iterator[Any]) -> Iterator[Closed]:
    """Give one item for each finished recording."""
    for message in messages:
        if isinstance(message, Closed):
            yield message
        elif isinstance(message, Broken):
            raise RuntimeError(message)


if __name__ == "__main__":
    main()
