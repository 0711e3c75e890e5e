"""The first look at a GPU: does cuBLAS load, does the memory stay, and are the numbers those of the CPU?

    python -m benchmarks.gpu.look [--size full] [--device cuda --compute-type float16] [--out FILE]

Its first batch has the driver compile the kernels, which a later process finds in the kernel cache. Encoder output is
compared on the stand-in, texts on the small trained checkpoint of the tests and its sample corpus: a stand-in writes
the same text whatever its encoder says. What is known is written after each part.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.engine.cuda import driver, gpus, keep_memory, load_cublas, memory_info
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import EngineOptions, available_cores
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Transcript
from anime_whisper_ct2.transcriber import Transcriber
from benchmarks.engine import batch_of, padded, run_batches
from benchmarks.measures import standins
from benchmarks.measures.places import ROOT, folder
from benchmarks.measures.process import about
from benchmarks.report import store

TRAINED, SPOKEN = ROOT / "tests" / "tiny" / "checkpoint", ROOT / "tests" / "sample" / "corpus"
ENCODED_FRAMES = (756, WINDOW_FRAMES)
WINDOWS = 2  # of each length: a CPU takes seconds for one of 30 s


def main() -> None:
    """Look, write JSON after each part, print it."""
    parser = store.parser(__doc__, "gpu-look")
    parser.add_argument("--size", choices=standins.SIZES, default="full")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--compute-type", default="float16")
    parser.add_argument("--recordings", type=int, help="so many of the sample corpus, instead of all")
    options = parser.parse_args()
    device, compute_type = options.device, options.compute_type
    chosen = {key: getattr(options, key) for key in ("size", "device", "compute_type")}
    where = about()
    figures: dict[str, Any] = {}
    with folder(options.temp) as temp:
        model = standins.make(options.size, temp / f"standin-{options.size}", quantization=compute_type)
        parts = {
            "cuda": lambda: cuda() if device == "cuda" else {},
            "engine": lambda: engine(model, device, compute_type),
            "encoder": lambda: encoder(model, device, compute_type),
            "texts": lambda: texts(temp / "trained", device, ("float32", compute_type), options.recordings),
        }
        problems: dict[str, str] = {}
        for name, part in parts.items():
            try:
                figures[name] = part()
            except Exception as error:  # the other parts may work all the same
                traceback.print_exc()
                problems[name] = f"{type(error).__name__}: {error}"
            store.save(options.out, chosen, {**figures, "problems": problems}, where)
    print(figures)
    if problems:
        sys.exit("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


def cuda() -> dict[str, Any]:
    """Say what cuBLAS, driver and GPU are, and whether the memory pool can be told to keep what it has."""
    cublas, ours, found = load_cublas(), driver(), gpus()
    if not cublas.loaded:
        raise RuntimeError(f"no cuBLAS 12: {cublas.problem}")
    return {
        # Through a link, where one to a newer cuBLAS stands in for version 12.
        "cublas": str(cublas.path.resolve()) if cublas.path else None,
        "driver": ours.version,
        "driver_problem": ours.problem,
        "gpu": found[0].name if found else None,
        "capability": found[0].capability if found else None,
        "memory_info": memory_info(),
        "keep_memory": keep_memory(),
    }


def engine(model: Path, device: str, compute_type: str) -> dict[str, Any]:
    """Time loading and the first batches, see what memory stays, and what batch size is measured."""
    windows, figures = 16, {}
    batch = batch_of(windows, WINDOW_FRAMES)
    for name, size in (("given", windows), ("measured", None)):
        start = time.perf_counter()
        options = EngineOptions(device=device, compute_type=compute_type, batch_size=size)  # type: ignore[arg-type]
        ours = CTranslate2Engine(open_model_dir(model / "converted"), options)
        try:
            figures[f"load_{name}_s"] = time.perf_counter() - start
            before = memory_info() if device == "cuda" else None
            for turn in ("first", "second"):
                start = time.perf_counter()
                run_batches(ours, batch)
                figures[f"{turn}_batches_{name}_s"] = time.perf_counter() - start
            after = memory_info() if device == "cuda" else None
            figures[f"batch_size_{name}"] = ours.description["batch_size"]
        finally:
            ours.close()
        if before and after:
            # Nothing is being computed: what is not free is the model's, or was kept by the pool.
            figures[f"kept_{name}_mib"] = (before[0] - after[0]) / 2**20
    cache = os.environ.get("CUDA_CACHE_PATH")
    if cache and device == "cuda":
        figures["kernel_cache_mib"] = (
            sum(path.stat().st_size for path in Path(cache).rglob("*") if path.is_file()) / 2**20
        )
    return figures


def encoder(model: Path, device: str, compute_type: str) -> dict[str, float]:
    """Give, for each length, how far the encoder's output is from the CPU's in float32: root mean square, relative."""
    batches = [batch_of(WINDOWS, frames) for frames in ENCODED_FRAMES]
    features = [np.stack([padded(window, batch.frames) for window in batch.windows]) for batch in batches]
    theirs = encoded(model, "cpu", "float32", features)
    ours = encoded(model, device, compute_type, features)
    return {
        str(frames): float(np.linalg.norm(one - other) / np.linalg.norm(other))
        for frames, one, other in zip(ENCODED_FRAMES, ours, theirs, strict=True)
    }


def encoded(
    model: Path, device: str, compute_type: str, features: Sequence[npt.NDArray[np.float32]]
) -> list[npt.NDArray[np.float32]]:
    """Encode batches with CTranslate2 itself; shape of each (windows, frames / 2, d_model)."""
    bare = ctranslate2.models.Whisper(
        str(model / "converted"), device=device, compute_type=compute_type, intra_threads=available_cores()
    )
    outputs = [bare.encode(ctranslate2.StorageView.from_array(each), to_cpu=True) for each in features]
    return [np.array(output.to(ctranslate2.DataType.float32)) for output in outputs]


def texts(converted: Path, device: str, compute_types: Sequence[str], most: int | None = None) -> dict[str, Any]:
    """Transcribe the sample corpus with the trained checkpoint, and compare with the CPU in float32, clip by clip."""
    from anime_whisper_ct2_convert import convert

    if not converted.is_dir():
        convert(str(TRAINED), converted, quantization="float32")
    theirs = transcribed(converted, "cpu", "float32", most)
    found = {}
    for compute_type in dict.fromkeys(compute_types):
        ours = transcribed(converted, device, compute_type, most)
        found[compute_type] = {
            "clips": len(theirs),
            "equal": sum(name in ours and ours[name][0] == text for name, (text, _) in theirs.items()),
            # Of equal texts: others have other tokens.
            "logprob_difference": max(
                (
                    abs(ours[name][1] - score)
                    for name, (text, score) in theirs.items()
                    if ours.get(name, ("",))[0] == text
                ),
                default=None,
            ),
        }
    return found


def transcribed(model: Path, device: str, compute_type: str, most: int | None = None) -> dict[str, tuple[str, float]]:
    """Give text and log-probability of each recording of the sample corpus."""
    with Transcriber(
        str(model), device=device, compute_type=compute_type, batch_size=8, workers=1, window="full"  # type: ignore[arg-type]
    ) as transcriber:  # fmt: skip
        return {
            each.id: (each.text, sum(segment.avg_logprob for segment in each.segments))
            for each in transcriber.transcribe(islice(Corpus((str(SPOKEN),)), most), on_error="yield")
            if isinstance(each, Transcript)
        }


if __name__ == "__main__":
    main()
