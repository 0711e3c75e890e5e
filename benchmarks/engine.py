"""The engine alone: milliseconds per window over window lengths and batch sizes, and what a short window costs.

    python -m benchmarks.engine [--size 33m] [--frames 384 768 1280 3000] [--batches 1 4 16] [--device cpu]
    python -m benchmarks.engine --size full --frames 768 3000 --batches 1 4 --out benchmarks/results/engine-full.json

`encode` and `decode` are CTranslate2's own calls on features in memory, `window` is `CTranslate2Engine.submit` with
batches of that size, as many side by side as it computes, from features to text. Lengths are such as occur in a run:
768 frames hold a clip of 5 s and a tail of 2.56 s.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import ctranslate2
import numpy as np

from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.features.mel import FRAMES_PER_S, SAMPLE_RATE, WINDOW_FRAMES, log_mel
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions, available_cores
from anime_whisper_ct2.records import Batch, Window
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import folder
from benchmarks.measures.process import about, span
from benchmarks.report import store
from benchmarks.report.tables import engine_table

TAIL_S = 2.56


def main() -> None:
    """Measure, write JSON, print the table."""
    parser = store.parser(__doc__, "engine")
    parser.add_argument("--size", choices=standins.SIZES, default="33m")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--compute-type", default="float32")
    parser.add_argument("--frames", type=int, nargs="+", default=[384, 768, 1280, WINDOW_FRAMES])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="least time of one measurement")
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp, span() as work:
        model = standins.make(options.size, temp / f"standin-{options.size}")
        rows = sweep(
            model,
            options.device,
            options.compute_type,
            options.frames,
            options.batches,
            options.rounds,
            options.seconds,
        )
    figures: dict[str, Any] = {"rows": rows, "others_share": work.others_share}
    if WINDOW_FRAMES in options.frames:
        figures["full_over_short"] = full_over_short(rows)
    chosen = {key: getattr(options, key) for key in ("size", "device", "compute_type", "rounds")}
    store.save(options.out, chosen, figures, where)
    print(engine_table({"about": where, "options": chosen, **figures}))


def sweep(
    model: Path,
    device: str,
    compute_type: str,
    frames: list[int],
    batches: list[int],
    rounds: int = 3,
    seconds: float = 2.0,
) -> list[dict[str, Any]]:
    """Measure every pair of length and batch size; medians over the rounds, which go over all pairs in turn."""
    path = model / "converted"
    # CTranslate2 by itself, beside the engine that wraps another of it.
    bare = ctranslate2.models.Whisper(
        str(path), device=device, compute_type=compute_type, intra_threads=available_cores()
    )
    rows: dict[tuple[int, int], list[dict[str, float]]] = {(n, size): [] for size in batches for n in frames}
    for size in batches:
        options = EngineOptions(device=device, compute_type=compute_type, batch_size=size)  # type: ignore[arg-type]
        engine = CTranslate2Engine(open_model_dir(path), options)
        try:
            for n in frames:
                run_batches(engine, batch_of(size, n))  # warm up
            for _ in range(rounds):
                for n in frames:
                    rows[n, size].append(one(engine, bare, batch_of(size, n), seconds))
        finally:
            engine.close()
    return [
        {"frames": n, "batch": size, **{key: median(run[key] for run in runs) for key in runs[0]}}
        for (n, size), runs in rows.items()
    ]


def one(engine: CTranslate2Engine, bare: Any, batch: Batch, seconds: float) -> dict[str, float]:
    """Give the milliseconds per window of encoding, of decoding and of the whole, for batches like this one."""
    size = len(batch.windows)
    whole = repeat(lambda: run_batches(engine, batch), seconds) / at_a_time(engine)
    # As the engine hands them over; a GPU has done with an output before it gives it, and keeps it.
    laid_out = np.stack([padded(w, batch.frames) for w in batch.windows]).astype(engine.feature_dtype)
    features = ctranslate2.StorageView.from_array(laid_out)
    encode = repeat(lambda: bare.encode(features), seconds)
    encoded = bare.encode(features)
    decode = repeat(lambda: bare.generate(encoded, [engine.prompt] * size, beam_size=1), seconds)
    return {name: ms / size for name, ms in (("encode_ms", encode), ("decode_ms", decode), ("window_ms", whole))}


def at_a_time(engine: CTranslate2Engine) -> int:
    """Give how many batches the engine computes side by side; it wants one more in hand."""
    return engine.in_flight - 1


def run_batches(engine: CTranslate2Engine, batch: Batch) -> None:
    """Have a batch computed as often as the engine does so side by side: no core is left without one at the end."""
    for done in [engine.submit(batch) for _ in range(at_a_time(engine))]:
        done.result()


def repeat(function: Callable[[], object], seconds: float) -> float:
    """Give the milliseconds of a call: the mean over as many as fill the time."""
    start = time.perf_counter()
    count = 0
    while not count or time.perf_counter() - start < seconds:
        function()
        count += 1
    return (time.perf_counter() - start) / count * 1000


def batch_of(size: int, frames: int) -> Batch:
    """Make a batch of `size` windows of speech-like sound, padded to `frames`: 5 s at 30 s, else all but a tail."""
    seconds = max(1.0, frames / FRAMES_PER_S - TAIL_S) if frames < WINDOW_FRAMES else 5.0
    windows = []
    for number in range(size):
        samples = corpora.speechlike(seconds, seed=number)
        windows.append(Window(number, 0, 0.0, len(samples) / SAMPLE_RATE, log_mel(samples, 128)))
    return Batch(tuple(windows), frames)


def padded(window: Window, frames: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Fill a window's features up to `frames`."""
    values = window.mel.values[:, :frames]
    out = np.full((values.shape[0], frames), window.mel.floor, np.float32)
    out[:, : values.shape[1]] = values
    return out


def full_over_short(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Say how many short windows cost as much as one of 30 s, for each length and batch size."""
    full = {row["batch"]: row["window_ms"] for row in rows if row["frames"] == WINDOW_FRAMES}
    return {
        f"{row['frames']} frames, batch {row['batch']}": full[row["batch"]] / row["window_ms"]
        for row in rows
        if row["frames"] != WINDOW_FRAMES
    }


if __name__ == "__main__":
    main()
