"""How an engine spent its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Worked:
    """An engine's time from the start of its first batch to the end of its last, and how much of it had no batch.

    Both in seconds, so that several engines' can be added.
    """

    span_s: float = 0.0
    waited_s: float = 0.0

    def __add__(self, other: Worked) -> Worked:
        return Worked(self.span_s + other.span_s, self.waited_s + other.waited_s)

    @property
    def figures(self) -> Mapping[str, float]:
        """What `run.json` says: `engine_waits`, 0 to 1; nothing where no batch was computed."""
        return {"engine_waits": round(self.waited_s / self.span_s, 4)} if self.span_s > 0 else {}
