"""What is said in the sample corpus, and when."""

from __future__ import annotations

import json
from typing import Any

from tests.support.places import SAMPLE

LONG_RECORDING = "長い録音/夏休みの一日.ogg"


def references() -> dict[str, dict[str, Any]]:
    """Give each recording's row by its id: its `text`, and of the long one its `lines` with their times."""
    rows = map(json.loads, (SAMPLE / "references.jsonl").read_text(encoding="utf-8").splitlines())
    return {row["id"]: row for row in rows}
