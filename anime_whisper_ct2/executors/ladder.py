"""Which windows are decoded again, how, and which of their texts stands.

A text that looks wrong goes down a ladder: the same window at 30 s, if it was fitted; without repeated 5-grams; with 5
beams. It stops where a text at 30 s has nothing wrong with it. Of several texts, the one with the fewest flags stands,
and of equals the one that least was done to: at 30 s, the first, without 5-grams, with beams.

No retry hides what was wrong. A search finds a probable text whether or not it is right, and a text that may not repeat
does not loop, so neither clears a flag alone: the text at 30 s does, as the model was trained, or two ways that agree.
What holds no speech is not tried again.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.records import Decoded, Retries, Step, Window
from anime_whisper_ct2.text.doubt import Bounds, disagreement, doubt
from anime_whisper_ct2.text.quality import MENDABLE, doubts, flags, is_mute

# The texts of one window so far, flagged, in the order of the steps.
Attempts: TypeAlias = tuple[tuple[Step, Decoded], ...]

STEPS: Sequence[Step] = ("full", "ngram", "beam")
_PREFERENCE: Sequence[Step] = ("full", "first", "ngram", "beam")
# Texts that differ in less of their characters say the same.
_AGREED = 0.2


@dataclass(slots=True)
class Ladder:
    """Decides on retries and counts them. Without `retry`, every first text stands.

    `audit` is the share of all fitted windows that are decoded at 30 s only to be compared; `bounds` are the model's.
    """

    retry: bool = True
    audit: float = 0.0
    bounds: Bounds = field(default_factory=Bounds)
    fitted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    audited: int = 0
    audit_edits: int = 0
    audit_chars: int = 0

    def marked(self, window: Window, decoded: Decoded) -> Decoded:
        """Flag a text for what it shows by itself."""
        silent = () if self.bounds.is_speech(decoded) else ("no_speech",)
        return replace(decoded, flags=(*flags(window, decoded), *silent))

    def next_step(self, window: Window, attempts: Attempts, *, fitted: bool) -> Step | None:
        """Give how a window is to be decoded next; None when it is settled. `fitted`: its first decode was."""
        step, decoded = attempts[-1]
        self.fitted += fitted and step == "first"
        if not self.retry or "no_speech" in decoded.flags:
            return None
        if step == "first" and fitted:
            # Anxious: a second look is all that comes of it.
            wrong = doubts(window, decoded) or MENDABLE.intersection(decoded.flags)
            return "full" if wrong else None
        # Behind a text that may not repeat, beams are asked in any case: to see whether they agree.
        if step != "ngram" and not MENDABLE.intersection(decoded.flags):
            return None
        later = STEPS[STEPS.index(step) + 1 :] if step in STEPS else STEPS[1:]
        return later[0] if later else None

    def settle(self, window: Window, attempts: Attempts) -> Decoded:
        """Choose among the texts of a window, and say what was tried, what is wrong, and how far to doubt it."""
        first = attempts[0][1]
        if len(attempts) == 1:
            return self._judged(window, first, doubt(window, first))
        step, kept = min(attempts, key=lambda attempt: (_faults(window, attempt[1]), _PREFERENCE.index(attempt[0])))
        reasons = tuple(dict.fromkeys((*(f for f in first.flags if f in MENDABLE), *doubts(window, first))))
        # One for each window, so that the reasons add up to the windows.
        self.reasons.update(reasons[:1])
        self.kept[step] += 1
        # Where a text at 30 s is there and better, what a shorter window showed says nothing.
        told = attempts[1:] if attempts[1][0] == "full" and step != "first" else attempts
        left = [flag for flag in told[0][1].flags if flag not in kept.flags and not _is_cleared(flag, step, kept, told)]
        replaced = ["replaced"] if kept.text != first.text else []
        feared = max(doubt(window, text) for _, text in told if not set(text.flags) - set(kept.flags) - set(left))
        if step not in ("first", "full") and left:
            feared = max(feared, disagreement(told[0][1].text, kept.text))
        retries = Retries(reasons, tuple(tried for tried, _ in attempts[1:]), step)
        return self._judged(window, replace(kept, flags=(*kept.flags, *left, *replaced), retries=retries), feared)

    def _judged(self, window: Window, decoded: Decoded, feared: float) -> Decoded:
        mark = ("doubtful",) if decoded.text and feared >= self.bounds.doubt else ()
        return replace(decoded, flags=(*decoded.flags, *mark), doubt=feared)

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


def _is_cleared(flag: str, step: Step, kept: Decoded, told: Attempts) -> bool:
    """Say whether the text that stands clears a flag which it does not have: by how it was made, or by another."""
    if step == "full":
        return True
    witnesses = (text for other, text in told if other != step and flag not in text.flags)
    return any(disagreement(text.text, kept.text) < _AGREED for text in witnesses)
