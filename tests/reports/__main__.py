"""What becomes of each case: `python -m tests.reports [KIND...] [--name PART]`; the exit status is 1 when one fails."""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.reports.cases import Recipe
from tests.reports.checks import Maker, check_sources, check_stretches, check_whole
from tests.reports.oracle import RATE

KINDS = ("mp3", "ogg", "wav", "ends", "times", "packets", "forms", "copied", "adpcm", "channels", "clean")


def main() -> int:
    """Make the cases, and print a line for each: what we hear, what the command hears, and what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.reports", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"default: all of {', '.join(KINDS)}")
    parser.add_argument("--name", default="", help="only cases with this in their names")
    parser.add_argument("--keep", type=Path, help="a folder for the files (default: they are removed)")
    given = parser.parse_args()
    if unknown := [kind for kind in given.kinds if kind not in KINDS]:
        parser.error(f"no kind {unknown[0]}; choose from {', '.join(KINDS)}")
    failed = count = 0
    with tempfile.TemporaryDirectory() as temporary:
        for kind in given.kinds or KINDS:
            root = (given.keep or Path(temporary)) / kind
            maker = Maker(_folders(root))
            for recipe in importlib.import_module(f"tests.reports.kinds_{kind}").recipes():
                if given.name in recipe.name:
                    count += 1
                    failed += not _shown(maker, recipe)
    print(f"{failed} of {count} failed")
    return 1 if failed else 0


def _folders(root: Path) -> Callable[[str], Path]:
    def folder(name: str) -> Path:
        path = root / re.sub(r"\W+", "-", name)[:80]
        path.mkdir(parents=True, exist_ok=True)
        return path

    return folder


def _shown(maker: Maker, recipe: Recipe) -> bool:
    start = time.monotonic()
    try:
        case, heard, opinions = maker(recipe)
    except pytest.skip.Exception as skipped:
        print(f"skip {recipe.name}: {skipped}")
        return True
    except Exception as error:  # whatever the decoders let through
        print(f"FAIL {recipe.name}: {type(error).__name__}: {error}")
        return False
    wrong = []
    checks: tuple[Callable[[], None], ...] = (
        partial(check_whole, case, heard, opinions),
        partial(check_stretches, case, heard),
        partial(check_sources, case, heard),
    )
    for check in checks:
        try:
            check()
        except AssertionError as error:
            wrong.append(" ".join(str(error).split("\nassert")[0].split())[:600])
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {str(error).strip()[:500]}")
    theirs = ", ".join(f"{len(opinion) / RATE:.3f}" for opinion in opinions)
    word = heard.refused or ("incomplete" if heard.findings.incomplete else "")
    print(
        f"{'FAIL' if wrong else 'ok  '} {recipe.name} ({recipe.report}; {case.flag.value}): "
        f"{len(heard.samples) / RATE:.3f} of {theirs} s; {word}; {time.monotonic() - start:.2f} s",
        *wrong,
        sep="\n       ",
        flush=True,
    )
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
