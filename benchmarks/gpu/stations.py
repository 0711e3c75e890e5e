"""Two engine processes on one device: the work is shared, and one that is killed is replaced.

    python -m benchmarks.gpu.stations [--clips 2000] [--size full] [--encoder torch]
        [--device cuda --compute-type float16] [--kill]

`awct2 run` starts one process for each GPU; here two share one, so that one GPU is enough to see several of them at
work. With `--kill`, one of them is killed as soon as the first text is there; every clip must come out all the same.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from anime_whisper_ct2.executors.fleet import Fleet
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EncoderLibrary, EngineOptions, FrontendOptions, available_cores
from anime_whisper_ct2.records import Recording, Transcript
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import folder
from benchmarks.measures.process import about
from benchmarks.report import store

ENGINES = 2


def main() -> None:
    """Run it, write JSON, print the figures."""
    parser = store.parser(__doc__, "stations")
    parser.add_argument("--clips", type=int, default=2_000)
    parser.add_argument("--size", choices=standins.SIZES, default="full")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--compute-type", default="float16")
    parser.add_argument("--encoder", choices=get_args(EncoderLibrary), default="auto")
    parser.add_argument("--kill", action="store_true", help="kill one of them")
    options = parser.parse_args()
    where = about()
    with folder(options.temp) as temp:
        half = "16" in options.compute_type
        model = standins.make(
            options.size, temp / f"standin-{options.size}", quantization=options.compute_type, half=half
        )
        clips = list(corpora.read_manifest(corpora.clips(temp / f"clips-{options.clips}", options.clips)))
        computing = EngineOptions(device=options.device, compute_type=options.compute_type, encoder=options.encoder)
        figures = shared(clips, model, computing, kill=options.kill)
    chosen = {key: getattr(options, key) for key in ("clips", "size", "device", "compute_type", "encoder", "kill")}
    store.save(options.out, chosen, figures, where)
    print(figures)
    if figures["done"] != figures["found"]:
        sys.exit("clips were lost")
    if figures["engine_deaths"] != options.kill:
        sys.exit(f"{figures['engine_deaths']} engines died")


def shared(clips: Sequence[corpora.Clip], standin: Path, computing: EngineOptions, *, kill: bool) -> dict[str, Any]:
    """Transcribe the clips with two engine processes, and say what became of it."""
    threads = max(1, available_cores() // ENGINES) if computing.device == "cpu" else 0
    settings = StationSettings(
        model=str(open_model_dir(standin / "converted").path),
        engine=replace(computing, cpu_threads=threads),
        decoding=DecodingOptions(window="fit"),
        frontend=FrontendOptions(FrontendOptions().resolved_workers(ENGINES)),
        length=WindowLength("fit"),
    )
    fleet = Fleet([settings] * ENGINES)
    start = time.perf_counter()
    done: set[int] = set()
    wrong, seconds = 0, 0.0
    try:
        fleet.open()
        load_s, start = time.perf_counter() - start, time.perf_counter()
        for item in fleet.run(enumerate(Recording(clip.id, clip.audio, clip.audio) for clip in clips)):
            if not isinstance(item, tuple):
                continue
            key, outcome = item
            if isinstance(outcome, Transcript) and key not in done:
                done.add(key)
                seconds += outcome.duration
                wrong += outcome.text != standins.TEXT
            if kill:
                kill_one(fleet)
                kill = False
        wall_s = time.perf_counter() - start
    finally:
        fleet.close()
    return {
        "engines": ENGINES,
        "found": len(clips),
        "done": len(done),
        "wrong_texts": wrong,
        "engine_deaths": fleet.figures["engine_deaths"],
        "engine_waits": fleet.figures.get("engine_waits"),
        "encoder": fleet.description.get("encoder"),
        "load_s": round(load_s, 2),
        "wall_s": round(wall_s, 2),
        "times_real_time": seconds / wall_s,
    }


def kill_one(fleet: Fleet) -> None:
    """Kill the engine process with the most in hand, as a fault of its driver would."""
    # A run never names its engines; a benchmark may look inside.
    station = max(fleet._stations, key=lambda each: len(each.in_hand))
    os.kill(station.child.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
