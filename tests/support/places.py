"""Where things lie in the checkout."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The package and the converter, for programs that are started from anywhere.
PYTHONPATH = os.pathsep.join([str(ROOT), str(ROOT / "convert")])

CHECKPOINT = ROOT / "tests" / "tiny" / "checkpoint"
SAMPLE = ROOT / "tests" / "sample"
CORPUS = SAMPLE / "corpus"
SITE = ROOT / "docs" / "site"  # what `make docs` builds
