"""What decoding finds beside samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# Times are given in milliseconds: what ends so close to a stretch's end, ends with it.
_NEAR_S = 0.001


@dataclass(slots=True)
class Findings:
    """What decoding finds beside samples; whole once the last block has come.

    `missing_s`: at least so many seconds of sound are missing against what the file promises, or were damaged;
    `incomplete` says that some are, also where nothing tells how many. `antiphase`: the channels cancel each other
    out, so that the loudest one was taken.
    """

    missing_s: float = 0.0
    incomplete: bool = False
    antiphase: bool = False


@dataclass(slots=True)
class Losses:
    """What is missing of a recording, as far as it lies between two times in seconds; `told` is what of it is found."""

    start_s: float = -math.inf
    stop_s: float = math.inf
    told: Findings = field(default_factory=Findings)

    def miss(self, begin_s: float, end_s: float) -> None:
        """Note that sound is missing from one time to another."""
        lost_s = min(end_s, self.stop_s) - max(begin_s, self.start_s)
        if lost_s > _NEAR_S:
            self.told.missing_s += lost_s
            self.told.incomplete = True

    def doubt(self, at_s: float) -> None:
        """Note that something is missing from a time on, and that nothing says how much."""
        if at_s < self.stop_s - _NEAR_S:
            self.told.incomplete = True

    def behind(self, at_s: float) -> Losses:
        """Give those of the part that begins at a time, in its own time; `add` takes them in."""
        return Losses(self.start_s - at_s, self.stop_s - at_s)

    def add(self, other: Losses) -> None:
        """Add what is missing of a part."""
        self.told.missing_s += other.told.missing_s
        self.told.incomplete |= other.told.incomplete
