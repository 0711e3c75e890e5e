"""What an audit of fitted windows has found, and whether that is more than was measured when they were calibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.features.windows import PROFILE, WindowLength
from anime_whisper_ct2.records import Decoded
from anime_whisper_ct2.text.quality import repeats

WINDOW_CHECK = "window_check"  # the key in `run.json`
# By which rule a calibration took a tail: next to no character differs from 30 s, or no more of them are wrong.
EQUAL_TEXTS, CER_RISE = "equal_texts", "cer_rise"
RULES = (EQUAL_TEXTS, CER_RISE)
# Of a normal distribution, 95 % lie within so many standard deviations.
NORMAL_95 = 1.96
# Before that, an interval from sums means little. With so many, the lower end is above the true rate in less than one
# audit of fifty, since rare and large differences, which loops make, widen it wherever they raise the rate.
_ENOUGH = 30
# Windows of an audit that loop beyond those at 30 s, below which they are called luck.
_MORE_LOOPS = 3


def is_loop(decoded: Decoded) -> bool:
    """Say whether a text repeats itself, or came to no end."""
    return decoded.capped or repeats(decoded.text)


@dataclass(slots=True)
class Audit:
    """The sums over compared windows that a rate and its interval need; those of several engines can be added.

    `loops` are those of first texts, `full_loops` those at 30 s.
    """

    windows: int = 0
    edits: int = 0
    characters: int = 0
    edits_squared: int = 0
    edits_by_characters: int = 0
    characters_squared: int = 0
    loops: int = 0
    full_loops: int = 0

    def compare(self, first: Decoded, full: Decoded) -> None:
        """Count what a window's text at 30 s shows of its first: the reference, since the model was trained on such."""
        edits, characters = Levenshtein.distance(first.text, full.text), len(full.text)
        self.windows += 1
        self.edits += edits
        self.characters += characters
        self.edits_squared += edits * edits
        self.edits_by_characters += edits * characters
        self.characters_squared += characters * characters
        # Apart: in a rate over all characters, one ruined line among hundreds would hardly show.
        self.loops += is_loop(first)
        self.full_loops += is_loop(full)

    def add(self, other: Audit) -> None:
        """Count what another audit compared."""
        for sums in fields(self):
            setattr(self, sums.name, getattr(self, sums.name) + getattr(other, sums.name))

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
            "audit_loops": self.loops,
            "audit_full_loops": self.full_loops,
        }


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration says of the windows that a run takes; None where it says nothing.

    `allowed`: percent of the characters of first texts that may differ from those at 30 s. `allowed_loops`: percent of
    the first texts that may loop.
    """

    rule: str | None = None
    allowed: float | None = None
    allowed_loops: float | None = None

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
        if rule not in RULES:
            return cls(rule)
        return cls(rule, max(known) if len(known) == len(bounds) else None, _allowed_loops(profile))

    def held_against(self, figures: Mapping[str, Any]) -> dict[str, Any]:
        """Give the figures of a run with what was calibrated beside what its audit has found."""
        if WINDOW_CHECK not in figures:
            return dict(figures)
        told = {
            **figures[WINDOW_CHECK],
            "rule": self.rule,
            "allowed": self.allowed,
            "allowed_loops": None if self.allowed_loops is None else round(self.allowed_loops, 3),
        }
        return {**figures, WINDOW_CHECK: told}


def warning(figures: Mapping[str, Any]) -> str | None:
    """Say that a run's short windows do worse than when they were calibrated, where that is sure."""
    told = figures.get(WINDOW_CHECK, {})
    if not told or told["audited"] < _ENOUGH:
        return None
    found = [line for line in (_differing(told), _looping(told)) if line]
    if not found:
        return None
    return (
        f"The short windows do worse than when they were calibrated: {'; '.join(found)}; run awct2 calibrate on these "
        "clips"
    )


def _differing(told: Mapping[str, Any]) -> str | None:
    ends, allowed = told["audit_interval"], told["allowed"]
    if ends is None or allowed is None or ends[0] <= allowed:
        return None
    return (
        f"{told['audit_cer']:.2f} % of the characters differ from 30 s ({ends[0]:.2f} to {ends[1]:.2f}), and at most "
        f"{allowed:.2f} % is allowed"
    )


def _looping(told: Mapping[str, Any]) -> str | None:
    loops, allowed = told["audit_loops"], told["allowed_loops"]
    if allowed is None or loops - told["audit_full_loops"] < _MORE_LOOPS:
        return None
    low, _ = _share(loops, told["audited"])
    if low <= allowed:
        return None
    return (
        f"{loops} of {told['audited']} texts loop (at 30 s: {told['audit_full_loops']}), and at most {allowed:.2f} % "
        "is allowed"
    )


def _allowed_loops(profile: Mapping[str, Any]) -> float | None:
    """Give the share of looping first texts that what was measured of a tail lets expect at most, in percent."""
    loops, clips = profile.get("loops_before"), profile.get("clips")
    if not (isinstance(loops, int) and isinstance(clips, int) and 0 <= loops <= clips and clips):
        return None
    return _share(loops, clips)[1]


def _share(some: int, of: int) -> tuple[float, float]:
    """Give the 95 % interval of a share, in percent, by Wilson: it has a width also where there are none."""
    rate, square = some / of, NORMAL_95**2
    middle = rate + square / (2 * of)
    reach = NORMAL_95 * math.sqrt(rate * (1 - rate) / of + square / (4 * of * of))
    low, high = ((middle + sign * reach) / (1 + square / of) for sign in (-1, 1))
    return 100 * max(0.0, low), 100 * min(1.0, high)
