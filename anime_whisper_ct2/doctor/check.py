"""What every examination ends in: a record with a state, a finding and a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# skipped: there was nothing to examine, which is no fault; warning: runs work, but not as well as they could
State = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was examined. `remedy`: the command or step that mends it; empty where nothing is wrong."""

    name: str
    state: State
    found: str
    remedy: str = ""
