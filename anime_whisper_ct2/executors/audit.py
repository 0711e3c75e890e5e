"""What an audit of fitted windows has found, and whether that is more than was measured when they were calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.features.windows import PROFILE, WindowLength

WINDOW_CHECK = "window_check"  # the key in `run.json`
# By which rule a calibration took a tail: next to no character differs from 30 s, or no more of them are wrong.
EQUAL_TEXTS, CER_RISE = "equal_texts", "cer_rise"
RULES = (EQUAL_TEXTS, CER_RISE)
# Of a normal distribution, 95 % lie within so many standard deviations.
NORMAL_95 = 1.96
# Before that, an interval from sums means little. With so many, the lower end is above the true rate in less than one
# audit of fifty, since rare and large differences, which loops make, widen it wherever they raise the rate.
_ENOUGH = 30


@dataclass(slots=True)
class Audit:
    """The sums over compared windows that a rate and its interval need; those of several engines can be added."""

    windows: int = 0
    edits: int = 0
    characters: int = 0
    edits_squared: int = 0
    edits_by_characters: int = 0
    characters_squared: int = 0

    def compare(self, first: str, full: str) -> None:
        """Count what a window's text at 30 s shows of its first: the reference, since the model was trained on such."""
        edits, characters = Levenshtein.distance(first, full), len(full)
        self.add(Audit(1, edits, characters, edits * edits, edits * characters, characters * characters))

    def add(self, other: Audit) -> None:
        """Count what another audit compared."""
        self.windows += other.windows
        self.edits += other.edits
        self.characters += other.characters
        self.edits_squared += other.edits_squared
        self.edits_by_characters += other.edits_by_characters
        self.characters_squared += other.characters_squared

    @property
    def cer(self) -> float | None:
        """Percent of the characters that differ; None where nothing was compared that has any."""
        return 100 * self.edits / self.characters if self.characters else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends between which 95 % of such rates lie, in percent; None below two windows.

        A normal interval of a ratio of sums over windows (Cochran, Sampling Techniques, 6.4): it takes no memory for
        each of them, as drawing them again would.
        """
        if self.windows < 2 or not self.characters:
            return None
        rate = self.edits / self.characters
        # Of integers and exact but for the rate, so that no difference of large sums can fall below 0 by much.
        squares = self.edits_squared - 2 * rate * self.edits_by_characters + rate * rate * self.characters_squared
        spread = math.sqrt(max(0.0, squares) * self.windows / (self.windows - 1)) / self.characters
        return max(0.0, 100 * (rate - NORMAL_95 * spread)), 100 * (rate + NORMAL_95 * spread)

    @property
    def figures(self) -> Mapping[str, Any]:
        """What `run.json` says of it, in percent."""
        cer, ends = self.cer, self.interval
        return {
            "audited": self.windows,
            "audit_cer": None if cer is None else round(cer, 3),
            "audit_interval": None if ends is None else [round(end, 3) for end in ends],
        }


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration says of the windows that a run takes; None where it says nothing.

    `allowed`: percent of the characters of first texts that may differ from those at 30 s.
    """

    rule: str | None = None
    allowed: float | None = None

    @classmethod
    def of(cls, awct2: Mapping[str, Any], length: WindowLength) -> Calibrated:
        """Read the profile in a model's `awct2.json`; another tail than the one that was measured has none.

        What an audit compares are first texts, and second looks come later. So it is allowed what was seen of first
        texts, up to the upper end of that interval, and by equal texts whatever would have passed without any.
        """
        profile = awct2.get(PROFILE)
        if length.mode != "fit" or not isinstance(profile, Mapping) or profile.get("tail_s") != length.tail_s:
            return cls()
        # Profiles without a rule are older than the second one.
        rule = profile.get("rule", EQUAL_TEXTS)
        ends = profile.get("cer_before_interval")
        bounds = [ends[1] if isinstance(ends, list) and len(ends) == 2 else None]
        if rule == EQUAL_TEXTS:
            bounds.append(profile.get("max_cer"))
        known = [bound for bound in bounds if isinstance(bound, (int, float))]
        return cls(rule, max(known) if rule in RULES and len(known) == len(bounds) else None)

    def held_against(self, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Give the figures of a run with what was calibrated beside what its audit has found."""
        if WINDOW_CHECK not in figures:
            return dict(figures)
        told = {**figures[WINDOW_CHECK], "rule": self.rule, "allowed": self.allowed}
        return {**figures, WINDOW_CHECK: told}


def warning(figures: Mapping[str, Any]) -> str | None:
    """Say that a run's short windows differ more from 30 s than when they were calibrated, where that is sure."""
    told = figures.get(WINDOW_CHECK, {})
    ends, allowed = told.get("audit_interval"), told.get("allowed")
    if ends is None or allowed is None or told["audited"] < _ENOUGH or ends[0] <= allowed:
        return None
    return (
        f"The short windows differ more from 30 s than when they were calibrated: in {told['audit_cer']:.2f} % of the "
        f"characters ({ends[0]:.2f} to {ends[1]:.2f}), and then in at most {allowed:.2f} %; run awct2 calibrate on "
        "these clips"
    )
