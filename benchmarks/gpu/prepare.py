"""The stand-in, the corpora and the trained checkpoint of the GPU's part, made side by side and kept.

python -m benchmarks.gpu.prepare --temp FOLDER --clips 16000 4000 [--size full] [--compute-type float16]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from anime_whisper_ct2.options import available_cores
from benchmarks.measures import corpora, standins
from benchmarks.measures.places import ROOT, folder, search_path
from benchmarks.report import store

TRAINED = ROOT / "tests" / "tiny" / "checkpoint"


def main() -> None:
    """Make what is not there yet, and say what took how long."""
    parser = store.parser(__doc__, "gpu-prepare")
    parser.add_argument("--size", choices=standins.SIZES, default="full")
    parser.add_argument("--compute-type", default="float16")
    parser.add_argument("--clips", type=int, nargs="+", required=True)
    options = parser.parse_args()
    with folder(options.temp) as temp:
        figures = {}
        start = time.perf_counter()
        # In a process of its own: it takes 3 GB, and keeps a core busy while others encode sound.
        command = [sys.executable, "-m", "benchmarks.measures.standins", options.size]
        command += [str(standin_of(temp, options.size))]
        command += ["--quantization", options.compute_type, *(["--half"] if "16" in options.compute_type else [])]
        standin = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": search_path()})
        try:
            trained(temp)
            make_corpora(temp, options.clips)
            figures["corpora_s"] = round(time.perf_counter() - start, 2)
        finally:
            code = standin.wait()
        figures["standin_s"] = round(time.perf_counter() - start, 2)
        if code:
            sys.exit(f"the stand-in could not be made: status {code}")
    store.save(options.out, {"size": options.size, "compute_type": options.compute_type}, figures)


def standin_of(temp: Path, size: str) -> Path:
    """Give where the stand-in is, or will be."""
    return temp / f"standin-{size}"


def manifest_of(temp: Path, count: int) -> Path:
    """Give where the manifest of so many clips is, or will be."""
    return temp / f"clips-{count}" / "manifest.jsonl"


def make_corpora(temp: Path, counts: Sequence[int]) -> None:
    """Write corpora of so many clips: the largest one's files, links to them in the others."""
    originals: list[corpora.Clip] = []
    for count in sorted(set(counts), reverse=True):
        made = corpora.clips(
            manifest_of(temp, count).parent, count, originals=originals, processes=max(1, available_cores() - 1)
        )
        originals = originals or list(corpora.read_manifest(made))[: corpora.DISTINCT]


def trained(temp: Path) -> Path:
    """Convert the small trained checkpoint of the tests: a stand-in writes the same text whatever its encoder says."""
    from anime_whisper_ct2_convert import convert

    converted = temp / "trained"
    if not converted.is_dir():
        convert(str(TRAINED), converted, quantization="float32")
    return converted


if __name__ == "__main__":
    main()
