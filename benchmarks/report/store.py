"""Results as JSON files, each with the machine, the versions and the commit that it belongs to."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.measures.process import about

RESULTS = Path(__file__).parents[1] / "results"


def parser(description: str | None, result: str) -> argparse.ArgumentParser:
    """Start a benchmark's command line: all of them take `--out`, by default the committed result."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, default=RESULTS / f"{result}.json", help="where the figures go as JSON")
    made.add_argument("--temp", type=Path, default=None, help="folder for corpora and models, kept for the next run")
    return made


def save(path: Path, options: dict[str, Any], figures: dict[str, Any], where: dict[str, Any] | None = None) -> None:
    """Write a result; `where` is what `about` said before the work began."""
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"about": where or about(), "options": options, **figures}
    path.write_text(json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def load(name: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """Read a result by its name; None where it was not measured."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report
