"""Measures `awct2 convert` against CTranslate2's own converter: wall time, peak memory, and whether the bytes agree.

    python -m benchmarks.convert [--size full|tiny] [--quantization float16 …] [--out FILE]

The checkpoint is a stand-in made on the spot, in float32 as litagin/anime-whisper is. Each converter runs in a
process of its own that writes to the same disk; imports and starting Python are part of the time, making the checkpoint
is not. Each file is read once beforehand, so that both find it in the page cache. Ours syncs its result to the disk
before it is done; CTranslate2's does not. Linux only: the peak is VmHWM of /proc, because getrusage also counts the
memory of the process that started the one measured.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.measures.places import search_path
from benchmarks.measures.process import about
from benchmarks.measures.standins import SIZES, write_checkpoint
from benchmarks.report import store

CONVERTERS = ("awct2", "ctranslate2")
QUANTIZATIONS = ("float16", "bfloat16", "float32", "int8", "int8_float16")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One converter on one quantization."""

    converter: str
    quantization: str
    wall_s: float
    peak_mib: float
    model_bytes: int
    identical: bool  # to the model.bin of CTranslate2's converter


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    parser.add_argument("--quantization", nargs="+", default=list(QUANTIZATIONS))
    parser.add_argument("--temp", type=Path, help="folder for the checkpoint and the results; needs 10 GB for full")
    parser.add_argument("--out", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args()
    where = about()
    with tempfile.TemporaryDirectory(prefix="awct2-bench-", dir=options.temp) as temp:
        checkpoint = Path(temp, "checkpoint")
        write_checkpoint(checkpoint, SIZES[options.size])
        rows = [row for name in options.quantization for row in measure(checkpoint, name, Path(temp))]
    print(table(rows))
    if options.out is not None:
        store.save(options.out, {"size": options.size}, {"measurements": [asdict(row) for row in rows]}, where)
    if not all(row.identical for row in rows):
        sys.exit("the files differ")


def measure(checkpoint: Path, quantization: str, temp: Path) -> Iterator[Measurement]:
    """Run both converters, one after the other, and compare what they wrote."""
    results = {name: temp / name for name in CONVERTERS}
    figures = {}
    for name, output in results.items():
        for path in checkpoint.iterdir():
            with path.open("rb") as stream:
                while stream.read(1 << 24):
                    pass
        figures[name] = run(command(name, checkpoint, output, quantization))
    reference = results["ctranslate2"] / "model.bin"
    for name, output in results.items():
        model = output / "model.bin"
        identical = filecmp.cmp(model, reference, shallow=False)
        yield Measurement(name, quantization, *figures[name], model.stat().st_size, identical)
    for output in results.values():
        shutil.rmtree(output)


def command(converter: str, checkpoint: Path, output: Path, quantization: str) -> list[str]:
    """Return the command line of a converter."""
    if converter == "ctranslate2":
        program = "from ctranslate2.converters.transformers import main; main()"
        arguments = ["--model", str(checkpoint), "--output_dir", str(output), "--quantization", quantization]
    else:
        program = (
            "import sys; from pathlib import Path; from anime_whisper_ct2_convert import convert; "
            "convert(sys.argv[1], Path(sys.argv[2]), quantization=sys.argv[3]); "
            "assert 'torch' not in sys.modules"
        )
        arguments = [str(checkpoint), str(output), quantization]
    return [sys.executable, "-c", f"{program}; print(open('/proc/self/status').read())", *arguments]


def run(arguments: list[str]) -> tuple[float, float]:
    """Run a command; return its wall time in seconds and its peak resident memory in MiB."""
    started = time.perf_counter()
    done = subprocess.run(
        arguments,
        env={**os.environ, "PYTHONPATH": search_path()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    wall_s = time.perf_counter() - started
    peak_kib = re.search(r"^VmHWM:\s+(\d+) kB$", done.stdout, re.MULTILINE)
    if done.returncode or peak_kib is None:
        sys.exit(done.stdout)
    return wall_s, int(peak_kib[1]) / 1024


def table(rows: list[Measurement]) -> str:
    """Lay the measurements out as Markdown."""
    lines = ["| quantization | converter | wall s | peak MiB | model.bin MB | identical |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.quantization} | {row.converter} | {row.wall_s:.1f} | {row.peak_mib:,.0f} "
        f"| {row.model_bytes / 1e6:,.1f} | {'yes' if row.identical else 'NO'} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
