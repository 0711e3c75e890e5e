"""What a GPU machine without a network has to be brought, in a folder: this checkout's needed part, and packages.

    python -m benchmarks.gpu.carry [--out FOLDER] [--limit-mib 64] [--part 1|2] [--checkout]

Python 3.12 and a torch with CUDA are there, and what usually comes with them (`THERE`). Packages are fetched by pip in
the versions that are installed here, unpacked, and packed again with xz, which makes a third less of them. Prints each
part's size, and refuses what is over the limit, with what is largest in it; else the command to run there.

PyAV, which faster-whisper decodes with, is as large as all else but CTranslate2. `--part 1` has a stub in its place and
leaves faster-whisper out; `--part 2` is PyAV alone, for the same machine, and measures faster-whisper after all.
`--checkout`: the checkout's files travel by themselves; they are counted, and not packed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.measures.places import ROOT
from benchmarks.measures.process import COMMIT, commit

MIB = 2**20
# What this project imports that is not there, and what that needs in turn.
CARRIED = (
    "braceexpand",
    "budoux",
    "cffi",
    "ctranslate2",
    "faster-whisper",
    "platformdirs",
    "pycparser",
    "rapidfuzz",
    "soundfile",
    "soxr",
)
LARGE = "av"
THERE = (
    "click",
    "filelock",
    "fsspec",
    "huggingface_hub",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "safetensors",
    "tokenizers",
    "torch",
    "tqdm",
    "transformers",
)
# Of the checkout: all that the GPU's part reads.
NEEDED = ("anime_whisper_ct2", "convert", "benchmarks", "tests/tiny/checkpoint", "tests/sample/corpus")
_PYTHON = "3.12"
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
_STUB = '''"""Stands in for PyAV, which was not carried here: clips in OGG are decoded without it."""


def __getattr__(name):
    raise AttributeError(f"av.{name}: PyAV was not carried to this machine")
'''


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is carried, and its size."""

    name: str
    size_bytes: int


def main(given: Sequence[str] | None = None) -> None:
    """Gather it, print the sizes, and what to run there; exit with 1 where it is too large."""
    options = arguments(given)
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    names = (LARGE,) if options.part == 2 else CARRIED if options.part == 1 else (*CARRIED, LARGE)
    for old in out.glob("*.tar.xz"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="awct2-carry-") as temp:
        parts = [pack_wheel(wheel, out) for wheel in fetch(names, Path(temp) / "wheels")]
        if options.part == 1:
            stub = Path(temp) / "stub.py"
            stub.write_text(_STUB, encoding="utf-8")
            parts.append(pack({f"{LARGE}/__init__.py": stub}, out / f"package-{LARGE}-stub.tar.xz"))
    files = checkout_files()
    if options.checkout:
        parts.append(Part("the checkout", sum((ROOT / name).stat().st_size for name in files)))
    elif options.part != 2:
        parts.append(pack({name: ROOT / name for name in files if name.startswith(NEEDED)}, out / "tree.tar.xz"))
    print(sizes(parts, options.limit_mib))
    if over(parts, options.limit_mib):
        largest = max(parts, key=lambda part: part.size_bytes)
        advice = "" if options.part else "; --part 1 and --part 2 carry it in two"
        sys.exit(f"that is over {options.limit_mib:g} MiB; the largest is {largest.name}{advice}")
    print(f"\nCarry {out} there, and run:\n{command(options.part, out, checkout=options.checkout)}")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu-carry", help="where it is gathered")
    parser.add_argument("--limit-mib", type=float, default=64.0, help="what may be carried at a time")
    parser.add_argument("--part", type=int, choices=(1, 2), help="1: all but PyAV; 2: PyAV, to the same machine")
    parser.add_argument("--checkout", action="store_true", help="the checkout travels by itself")
    return parser.parse_args(given)


def fetch(
    names: Iterable[str], folder: Path, run: Callable[[Sequence[str]], object] = subprocess.check_call
) -> list[Path]:
    """Have pip download wheels for the machine there, in the versions that are installed here; needs PyPI."""
    pinned = [f"{name}=={version(name)}" for name in names]
    platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
    only = ["--no-deps", "--only-binary=:all:", "--python-version", _PYTHON, "--implementation", "cp", *platforms]
    run([sys.executable, "-m", "pip", "download", "--quiet", *only, "--dest", str(folder), *pinned])
    return sorted(folder.glob("*.whl"))


def pack_wheel(wheel: Path, out: Path) -> Part:
    """Unpack a wheel, and pack it again into a folder."""
    with tempfile.TemporaryDirectory(prefix="awct2-wheel-") as temp, zipfile.ZipFile(wheel) as content:
        content.extractall(temp)
        names = [name for name in content.namelist() if not name.endswith("/")]
        return pack({name: Path(temp) / name for name in names}, out / f"package-{wheel.stem}.tar.xz")


def pack(files: Mapping[str, Path], archive: Path) -> Part:
    """Pack files under their names."""
    with tarfile.open(archive, "w:xz") as packed:
        for name, path in files.items():
            packed.add(path, name)
    return Part(archive.name, archive.stat().st_size)


def checkout_files() -> list[str]:
    """List the checkout's files, those too that are new, but none that is ignored; POSIX paths below it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file())


def over(parts: Iterable[Part], limit_mib: float) -> bool:
    """Say whether it is too much."""
    return sum(part.size_bytes for part in parts) > limit_mib * MIB


def sizes(parts: Sequence[Part], limit_mib: float) -> str:
    """List the parts, the largest first, and their sum."""
    whole = Part(f"in all, of {limit_mib:g} MiB", sum(part.size_bytes for part in parts))
    ordered = sorted(parts, key=lambda part: -part.size_bytes)
    return "\n".join(f"{part.size_bytes / MIB:7.2f} MiB  {part.name}" for part in (*ordered, whole))


def command(part: int | None, out: Path, *, checkout: bool) -> str:
    """Give what to run there, in the checkout's root or, where that was packed, beside the folder."""
    site = "/tmp/awct2-site"
    within = checkout and out.absolute().is_relative_to(ROOT)
    folder = out.absolute().relative_to(ROOT).as_posix() if within else out.name
    unpack = [f"mkdir -p {site}", f"for f in {folder}/package-*.tar.xz; do tar -xJf $f -C {site}; done"]
    if not checkout:
        unpack += ["mkdir -p awct2", *([] if part == 2 else [f"tar -xJf {folder}/tree.tar.xz -C awct2"]), "cd awct2"]
    steps = {1: " --skip faster-whisper", 2: " --only faster-whisper", None: ""}[part]
    # A copy has no history that would say which one it is.
    known = f"{COMMIT}={commit()} PYTHONPATH={site}"
    return " && ".join([*unpack, f"{known} python3 -m benchmarks.gpu{steps}"])


if __name__ == "__main__":
    main()
