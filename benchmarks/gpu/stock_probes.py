"""What the probe asks CTranslate2 and its encoder."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from anime_whisper_ct2.engine.cuda import driver, gpus, keep_memory, load_cublas, memory_info
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions
from benchmarks.engine import batch_of, run_batches
from benchmarks.gpu.bench import COMPARED, Bench, Figure, difference, encoded, named
from benchmarks.measures import standins

_FRAMES_OF_ALIGNMENT = 400
_ALIGNED = 4  # windows
_SIXTEEN = 16


def cuda(bench: Bench) -> Iterator[Figure]:
    """Say what cuBLAS, driver and GPU are, and how the memory pool is set."""
    if bench.device != "cuda":
        yield "cuda", {"device": bench.device}
        return
    cublas, ours, found = load_cublas(), driver(), gpus()
    yield (
        "cuda",
        {
            "cublas": cublas.as_dict(),
            "cublas_problem": cublas.problem,
            "driver": ours.version,
            "driver_problem": ours.problem,
            "gpu": found[0].name if found else None,
            "capability": found[0].capability if found else None,
            "memory_info": memory_info(),
            "pool": keep_memory().as_dict(),
        },
    )


def kernels(bench: Bench) -> Iterator[Figure]:
    """Time the first model and its first batch, for which kernels are compiled, and the second batch."""
    start = time.perf_counter()
    model = bench.model
    figures = {"load_s": time.perf_counter() - start}
    view = ctranslate2.StorageView.from_array(bench.features(1, bench.few_positions[0]))
    for turn in ("first", "second"):
        start = time.perf_counter()
        model.generate(view, [bench.prompt], beam_size=1)
        figures[f"{turn}_batch_s"] = time.perf_counter() - start
    if cache := os.environ.get("CUDA_CACHE_PATH"):
        figures["cache_mib"] = sum(p.stat().st_size for p in Path(cache).rglob("*") if p.is_file()) / 2**20
    yield "kernels", figures


def encode(bench: Bench) -> Iterator[Figure]:
    """Time the encoder at each length, in batches that fill the device; features come from the host, as in a run."""

    def at(positions: int) -> dict[str, float]:
        windows = bench.windows(positions)
        view = ctranslate2.StorageView.from_array(bench.features(windows, positions))
        return {"windows": windows, "ms": bench.ms(lambda: bench.model.encode(view)) / windows}

    yield from named("encode", bench.positions, at)


def decode(bench: Bench) -> Iterator[Figure]:
    """Time the decoder on encoder output that is on the device."""

    def at(positions: int) -> dict[str, float]:
        windows = bench.windows(positions)
        output = bench.model.encode(ctranslate2.StorageView.from_array(bench.features(windows, positions)))
        ms = bench.ms(lambda: bench.model.generate(output, [bench.prompt] * windows, beam_size=1))
        # The prompt goes in at once, and the end is a step, too.
        return {"windows": windows, "ms": ms / windows, "step_ms": ms / (standins.EMITTED_TOKENS + 1)}

    yield from named("decode", bench.few_positions, at)


def threads(bench: Bench) -> Iterator[Figure]:
    """Time whole batches with one, two and three of them computed side by side; each has a stream of its own."""

    def at(number: int) -> dict[str, float]:
        model = bench.load(threads=number)
        return {str(positions): side_by_side(bench, model, number, positions) for positions in bench.few_positions}

    yield from named("threads", (1, 2, 3), at)


def pool(bench: Bench) -> Iterator[Figure]:
    """Time two threads with the pool's attribute 3, which may chain their streams, and without it."""
    model = bench.load(threads=2)

    def at(chained: int) -> dict[str, Any]:
        set_to = keep_memory(wishes={"internal_dependencies": chained}).as_dict()
        return {"pool": set_to, "ms": side_by_side(bench, model, 2, bench.few_positions[0])}

    # What is usual comes last, and stays.
    yield from named("pool.internal_dependencies", (0, 1), at)


def side_by_side(bench: Bench, model: Any, number: int, positions: int) -> float:
    """Give the milliseconds of a window, from mel to text, with one batch more handed in than are computed at once."""
    windows = bench.windows(positions)
    views = [
        ctranslate2.StorageView.from_array(bench.features(windows, positions)) for _ in range(number + 1)
    ]  # fmt: skip
    with ThreadPoolExecutor(number + 1) as crew:

        def all_of_them() -> None:
            for _ in crew.map(lambda view: model.generate(view, [bench.prompt] * windows, beam_size=1), views * 2):
                pass

        return bench.ms(all_of_them) / (2 * len(views) * windows)


def rows(bench: Bench) -> Iterator[Figure]:
    """Encode one window of 30 s in batches of several sizes: every row must be the one that it is alone.

    With 20 heads, 32 bits do not count the attention's values from 96 windows on.
    """
    one = bench.features(1, bench.few_positions[1])
    alone = encoded(bench.model, one)[0]
    scale = float(np.abs(alone).max())

    def of(copies: int) -> dict[str, Any]:
        output = encoded(bench.model, np.repeat(one, copies, axis=0))
        apart = np.array([float(np.nan_to_num(np.abs(row - alone), nan=np.inf).max()) / scale for row in output])
        wrong = np.flatnonzero(apart > 0.02)
        return {
            "equal": not len(wrong),
            "wrong_rows": len(wrong),
            "first_wrong": int(wrong[0]) if len(wrong) else None,
            "largest_difference": float(min(apart.max(), 1e9)),
        }

    yield from named("rows", bench.copies, of)


def differences(bench: Bench) -> Iterator[Figure]:
    """Say how far the encoder's output is from the CPU's in float32."""
    yield "difference.ctranslate2", {bench.compute_type: of_model(bench, bench.model)}


def precisions(bench: Bench) -> Iterator[Figure]:
    """Time the encoder in other types, and say how far each is from the CPU in float32."""

    def of(compute_type: str) -> dict[str, Any]:
        model = bench.load(compute_type)
        ms = {}
        for positions in bench.few_positions:
            windows = bench.windows(positions)
            view = ctranslate2.StorageView.from_array(bench.features(windows, positions))
            ms[str(positions)] = bench.ms(lambda view=view: model.encode(view)) / windows  # type: ignore[misc]
        return {"ms": ms, "difference": of_model(bench, model)}

    yield from named("precision", bench.precisions, of)


def of_model(bench: Bench, model: Any) -> dict[str, float]:
    """Give how far a model's encoder is from the CPU's in float32, for each of a few lengths."""
    return {
        str(positions): difference(encoded(model, bench.features(COMPARED, positions)), theirs)
        for positions, theirs in bench.reference.items()
    }


def engine(bench: Bench) -> Iterator[Figure]:
    """Time the engine's start, see what memory stays, and what batch size is measured."""
    batch = batch_of(min(_SIXTEEN, bench.windows(1500)), WINDOW_FRAMES)
    for name, size in (("given", len(batch.windows)), ("measured", None)):
        start = time.perf_counter()
        options = EngineOptions(
            device=bench.device,  # type: ignore[arg-type]
            compute_type=bench.compute_type,  # type: ignore[arg-type]
            batch_size=size,
            encoder="ctranslate2",
        )
        ours = CTranslate2Engine(open_model_dir(bench.converted), options)
        try:
            figures: dict[str, Any] = {"load_s": time.perf_counter() - start}
            before = memory_info() if bench.device == "cuda" else None
            run_batches(ours, batch)
            after = memory_info() if bench.device == "cuda" else None
            figures["batch_size"] = ours.description["batch_size"]
        finally:
            ours.close()
        if before and after:
            # Nothing is being computed: what is not free is the model's, or was kept by the pool.
            figures["kept_mib"] = (before[0] - after[0]) / 2**20
        yield f"engine.{name}", figures


def align(bench: Bench) -> Iterator[Figure]:
    """Ask for word times, and whether a batch after that still comes out: launches that fail show up there."""
    tokens = standins.emitted_ids(standins.SIZES[bench.size].text_tokens)
    features = bench.features(_ALIGNED, bench.few_positions[0])
    output = bench.model.encode(ctranslate2.StorageView.from_array(features))
    start = time.perf_counter()
    found = bench.model.align(output, bench.prompt[:-1], [tokens] * _ALIGNED, [_FRAMES_OF_ALIGNMENT] * _ALIGNED)
    yield "align", {"s": time.perf_counter() - start, "windows": len(found)}
    again = bench.model.generate(output, [bench.prompt] * _ALIGNED, beam_size=1)
    yield "align.next_batch", {"equal": all(result.sequences_ids[0] == tokens for result in again)}
