"""Which windows are decoded again, how, and which of their texts stands.

A text that looks wrong goes down a ladder: the same window at 30 s, if it was fitted; without repeated 5-grams; with 5
beams. It stops where nothing is wrong any more. Of several texts, the one with the fewest flags stands, and of equals
the one that least was done to: at 30 s, the first, without 5-grams, with beams.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.records import Decoded, Retries, Step, Window
from anime_whisper_ct2.text.quality import MENDABLE, doubts, is_mute

# The texts of one window so far, flagged, in the order of the steps.
Attempts: TypeAlias = tuple[tuple[Step, Decoded], ...]

STEPS: Sequence[Step] = ("full", "ngram", "beam")
_PREFERENCE: Sequence[Step] = ("full", "first", "ngram", "beam")


@dataclass(slots=True)
class Ladder:
    """Decides on retries and counts them. Without `retry`, every first text stands.

    `audit` is the share of all fitted windows that are decoded at 30 s only to be compared.
    """

    retry: bool = True
    audit: float = 0.0
    fitted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    audited: int = 0
    audit_edits: int = 0
    audit_chars: int = 0

    def next_step(self, window: Window, attempts: Attempts, *, fitted: bool) -> Step | None:
        """Give how a window is to be decoded next; None when it is settled. `fitted`: its first decode was."""
        step, decoded = attempts[-1]
        self.fitted += fitted and step == "first"
        if not self.retry:
            return None
        if step == "first" and fitted:
            # Anxious: a second look is all that comes of it.
            wrong = doubts(window, decoded) or MENDABLE.intersection(decoded.flags)
            return "full" if wrong else None
        if not MENDABLE.intersection(decoded.flags):
            return None
        later = STEPS[STEPS.index(step) + 1 :] if step in STEPS else STEPS[1:]
        return later[0] if later else None

    def settle(self, window: Window, attempts: Attempts) -> Decoded:
        """Choose among a window's texts, and say in it what was tried."""
        first = attempts[0][1]
        if len(attempts) == 1:
            return first
        step, kept = min(attempts, key=lambda attempt: (_faults(window, attempt[1]), _PREFERENCE.index(attempt[0])))
        reasons = tuple(dict.fromkeys((*(f for f in first.flags if f in MENDABLE), *doubts(window, first))))
        # One for each window, so that the reasons add up to the windows.
        self.reasons.update(reasons[:1])
        self.kept[step] += 1
        return replace(kept, retries=Retries(reasons, tuple(tried for tried, _ in attempts[1:]), step))

    def is_audited(self, window: Window) -> bool:
        """Draw a fixed share of the windows by what they hold: the same in every run, whatever the order."""
        return zlib.crc32(window.mel.values[0].tobytes()) < self.audit * 2**32 if self.audit else False

    def compare(self, window: Window, first: Decoded, full: Decoded) -> None:
        """Count what an audited window's text at 30 s shows: the reference, since the model was trained on such."""
        if not self.is_audited(window):
            return
        self.audited += 1
        self.audit_edits += Levenshtein.distance(first.text, full.text)
        self.audit_chars += len(full.text)

    def add(self, other: Ladder) -> None:
        """Count what another engine's windows needed."""
        self.fitted += other.fitted
        self.reasons.update(other.reasons)
        self.kept.update(other.kept)
        self.audited += other.audited
        self.audit_edits += other.audit_edits
        self.audit_chars += other.audit_chars

    @property
    def figures(self) -> Mapping[str, Any]:
        """What `run.json` says; `audit_cer` in percent, None before anything was audited."""
        figures: dict[str, Any] = {
            "retries": {"windows": self.kept.total(), "reasons": dict(self.reasons), "kept": dict(self.kept)}
        }
        if self.fitted:
            cer = round(100 * self.audit_edits / self.audit_chars, 3) if self.audit_chars else None
            figures["window_check"] = {"fitted": self.fitted, "audited": self.audited, "audit_cer": cer}
        return figures


def _faults(window: Window, decoded: Decoded) -> int:
    return len(MENDABLE.intersection(decoded.flags)) + is_mute(window, decoded)
