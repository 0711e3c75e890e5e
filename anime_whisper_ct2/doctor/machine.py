"""Python, the packages and the disk."""

from __future__ import annotations

import re
import shutil
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.doctor.check import Check
from anime_whisper_ct2.system.commands import command_line
from anime_whisper_ct2.system.files import is_writable, nearest_existing

DISTRIBUTION = "anime-whisper-ct2"
OLDEST, NEWEST = (3, 10), (3, 13)
# What the run path stands on; where our own metadata is at hand, it says more.
PACKAGES = ("ctranslate2", "faster-whisper", "numpy", "soundfile", "soxr", "av", "tokenizers", "huggingface_hub")
# The default model: 3.0 GB fetched, 1.5 GB converted, and something to breathe.
ROOM_TO_CONVERT_BYTES = 5 * 10**9
ROOM_TO_RUN_BYTES = 10**9


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3]), bits: int = 8 * struct.calcsize("P")) -> Check:
    """Hold the interpreter against the versions that the tests run on."""
    number = ".".join(map(str, version))
    remedy = f"install Python {_dotted(OLDEST)} to {_dotted(NEWEST)}, 64 bits, and make the environment with it"
    if version < OLDEST or bits < 64:
        return Check("Python", "failed", f"{number}, {bits} bits", remedy)
    if version[:2] > NEWEST:
        return Check("Python", "warning", f"{number}: newer than any that was tested", remedy)
    return Check("Python", "ok", f"{number}, {DISTRIBUTION} {__version__}")


def check_packages(
    requires: Callable[[str], list[str] | None] = metadata.requires,
    version_of: Callable[[str], str] = metadata.version,
) -> Check:
    """Hold the installed packages against what this one's metadata requires of them."""
    try:
        wanted = list(_requirements(requires(DISTRIBUTION) or []))
    except metadata.PackageNotFoundError:
        wanted = [(name, "") for name in PACKAGES]
    versions: dict[str, str] = {}
    lost: list[str] = []
    wrong: list[str] = []
    for name, limits in wanted:
        try:
            versions[name] = version_of(name)
        except metadata.PackageNotFoundError:
            lost.append(name + limits)
            continue
        if not _within(versions[name], limits):
            wrong.append(name + limits)
    if lost or wrong:
        faults = [f"{spec} is not installed" for spec in lost]
        faults += [f"{spec} is required, and {versions[re.split(r'[<>=!~]', spec)[0]]} is installed" for spec in wrong]
        return Check("packages", "failed", "; ".join(faults), command_line("pip", "install", *lost, *wrong))
    return Check("packages", "ok", ", ".join(f"{name} {versions[name]}" for name in PACKAGES if name in versions))


def check_disk(
    folder: Path, converted: bool, usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage
) -> Check:
    """Look at the cache's folder: may it be written, and is there room to convert a model, or to run one?"""
    existing = nearest_existing(folder)
    elsewhere = "set AWCT2_CACHE to a folder on a larger disk"
    if not converted and not is_writable(existing):
        return Check(
            "cache", "failed", f"{folder} cannot be written", "set AWCT2_CACHE to a folder that can be written"
        )
    free = usage(existing)[2]
    found = f"{folder}, {free / 1e9:,.1f} GB free"
    if free < (ROOM_TO_RUN_BYTES if converted else ROOM_TO_CONVERT_BYTES):
        needed = "" if converted else f"; converting a model takes {ROOM_TO_CONVERT_BYTES / 1e9:.0f}"
        return Check("cache", "warning", found + needed, f"free some space, or {elsewhere}")
    return Check("cache", "ok", found)


def requirement(name: str) -> str:
    """Give what this package asks of another, such as `av>=12`; the bare name where it is not installed itself."""
    try:
        limits = dict(_requirements(metadata.requires(DISTRIBUTION) or []))
    except metadata.PackageNotFoundError:
        return name
    return name + limits.get(name, "")


def _requirements(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Take `name>=1,<2` apart, leaving the extras' out."""
    for line in lines:
        requirement, _, marker = line.partition(";")
        # Packages of an extra are for those who asked for it.
        if "extra" not in marker and (match := re.match(r"\s*([\w.-]+)(?:\[[^]]*\])?\s*\(?([^)]*)", requirement)):
            yield match[1], match[2].replace(" ", "")


def _within(version: str, limits: str) -> bool:
    """Tell whether a version lies within `>=1.2,<2`; what this cannot read, it lets pass."""
    have = _release(version)
    for limit in limits.split(","):
        bound = _release(limit)
        if (limit.startswith(">=") and have < bound) or (limit.startswith("<") and limit[1] != "=" and have >= bound):
            return False
    return True


def _release(text: str) -> tuple[int, ...]:
    match = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
