"""The site that `make docs` builds, and its own search."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.support.places import ROOT, SITE

_SEARCH = ROOT / "tests" / "docs" / "search.mjs"


def site(language: str) -> Path:
    """Give the folder of a language's site."""
    return SITE / language


def search(language: str, queries: Iterable[str]) -> dict[str, list[str]]:
    """Ask the search of a site; gives the places of the first results, best first, as `guides/install/#on-windows`."""
    folder = site(language)
    command = ["node", str(_SEARCH), str(folder), *queries]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    answers: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return {answer["query"]: [result["location"] for result in answer["results"]] for answer in answers}
