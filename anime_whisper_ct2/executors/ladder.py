"""Which windows are decoded again, how, and which of their texts stands.

A text that looks wrong goes down a ladder: the same window with more silence, if it was fitted; at 30 s; without
repeated 5-grams; with 5 beams. It stops where a text at 30 s has nothing wrong with it, or one in a longer window is
beyond doubt. Of several texts, the one with the fewest flags stands, and of equals the one that least was done to: at
30 s, in the longer window, the first, without 5-grams, with beams.

No retry hides what was wrong. A search finds a probable text whether or not it is right, and a text that may not repeat
does not loop, so neither clears a flag alone: the text at 30 s does, as the model was trained, or two ways that agree.
A longer window is not what the model was trained on either, so its text clears what a shorter one showed only where it
shows nothing itself. What holds no speech is not tried again.

Fitted windows are also audited: a few are decoded at 30 s only to be compared.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from anime_whisper_ct2.executors.audit import WINDOW_CHECK, Audit
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.features.windows import longer_length, work
from anime_whisper_ct2.records import Decoded, Retries, Step, Window
from anime_whisper_ct2.text.doubt import Bounds, disagreement, doubt
from anime_whisper_ct2.text.quality import ENGINE_FLAGS, MENDABLE, OVERFLOW, doubts, flags, is_lost, is_mute, repeats

# The texts of one window so far, flagged, in the order of the steps.
Attempts: TypeAlias = tuple[tuple[Step, Decoded], ...]

STEPS: Sequence[Step] = ("longer", "full", "ngram", "beam")
_AFTER: Mapping[Step, Step] = {"first": "ngram", "full": "ngram", "ngram": "beam"}
_PREFERENCE: Sequence[Step] = ("full", "longer", "first", "ngram", "beam")
# Texts that differ in less of their characters say the same.
_AGREED = 0.2
# A loop that the silence ended early: a phrase said twice is no loop by itself, but it is where a loop was before.
_TWICE = re.compile(r"(.{6,})\1")
# Of few characters, on and on. Silence ends a loop of lines, but no laughter: of four such texts of Whisper base, a
# longer window mended none.
_LAUGHTER = re.compile(r"(.{2,3}?)\1{3,}|(.)\2{7,}")
# How much an audit may cost of all work, until enough windows were compared, and then. Enough is a thousand: what
# happens in one window of 300 was then seen (95 %), and where nothing loops, the texts of Whisper base leave the
# difference uncertain by 0.7 % of the characters.
_AUDIT_WORK, _AUDIT_WORK_LATER = 0.01, 0.001
AUDIT_ENOUGH = 1_000
# The share of the windows from which those are drawn, as work allows: more than it ever does.
_AUDIT_FROM = 0.02


@dataclass(slots=True)
class Ladder:
    """Decides on retries and counts them. Without `retry`, every first text stands.

    `audit` is the share of all fitted windows that are decoded at 30 s only to be compared; None: as many as cost one
    percent of the work done so far, until a thousand were compared, and then a tenth of that. `bounds` are the model's.
    """

    retry: bool = True
    audit: float | None = 0.0
    bounds: Bounds = field(default_factory=Bounds)
    # Windows of 30 s that an audit may take by now.
    allowance: float = 0.0
    fitted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    audited: Audit = field(default_factory=Audit)

    def marked(self, window: Window, decoded: Decoded) -> Decoded:
        """Flag a text for what it shows by itself, beside what the engine says of it."""
        silent = () if self.bounds.is_speech(decoded) else ("no_speech",)
        return replace(decoded, flags=(*decoded.flags, *flags(window, decoded), *silent))

    def next_step(self, window: Window, attempts: Attempts, frames: int) -> Step | None:
        """Give how a window is to be decoded next; None when it is settled. `frames`: those of its last decode."""
        step, decoded = attempts[-1]
        fitted = frames < WINDOW_FRAMES
        self.fitted += fitted and step == "first"
        if not self.retry:
            return None
        if step == "longer":
            return None if self._is_mended(window, attempts[0][1], decoded) else "full"
        if "no_speech" in decoded.flags:
            return None
        if step == "first" and fitted:
            # Anxious: a second look is all that comes of it.
            if not _looks_wrong(window, decoded):
                return None
            if _LAUGHTER.search(decoded.text) or longer_length(window.mel.values.shape[1], frames) == WINDOW_FRAMES:
                return "full"
            return "longer"
        # Behind a text that may not repeat, beams are asked in any case: to see whether they agree.
        if step != "ngram" and not MENDABLE.intersection(decoded.flags):
            return None
        return _AFTER.get(step)

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
        told = self._told(window, attempts, step)
        open_flags = [flag for flag in told[0][1].flags if flag not in kept.flags and flag not in ENGINE_FLAGS]
        left = [flag for flag in open_flags if not _is_cleared(flag, step, kept, told)]
        replaced = ["replaced"] if kept.text != first.text else []
        like = set(kept.flags).union(left, ENGINE_FLAGS)
        feared = max(
            doubt(window, text)
            for _, text in told
            if text is kept or (like.issuperset(text.flags) and not is_lost(text))
        )
        if step not in ("first", "full") and left:
            feared = max(feared, disagreement(told[0][1].text, kept.text))
        retries = Retries(reasons, tuple(tried for tried, _ in attempts[1:]), step)
        return self._judged(
            window,
            replace(kept, flags=(*kept.flags, *_overflow(kept, attempts), *left, *replaced), retries=retries),
            feared,
        )

    def _told(self, window: Window, attempts: Attempts, step: Step) -> Attempts:
        """Give the attempts that say something of the text of `step`, which stands.

        What shorter windows showed does not, where a text at 30 s is better, or that of a longer one is beyond doubt.
        """
        tried = [other for other, _ in attempts]
        if step == "longer" and self._is_mended(window, attempts[0][1], attempts[tried.index(step)][1]):
            return attempts[tried.index(step) :]
        return attempts[tried.index("full") :] if "full" in tried and step not in ("first", "longer") else attempts

    def _judged(self, window: Window, decoded: Decoded, feared: float) -> Decoded:
        mark = ("doubtful",) if decoded.text and feared >= self.bounds.doubt else ()
        return replace(decoded, flags=(*decoded.flags, *mark), doubt=feared)

    def _is_mended(self, window: Window, first: Decoded, longer: Decoded) -> bool:
        """Say whether a longer window's text shows nothing, where the `first` text looked wrong."""
        if is_lost(longer) or "no_speech" in longer.flags or _looks_wrong(window, longer):
            return False
        if doubt(window, longer) >= self.bounds.doubt:
            return False
        return not (repeats(first.text) and _TWICE.search(longer.text))

    def is_audited(self, window: Window) -> bool:
        """Draw windows for the audit by what they hold, whatever came of them; of `auto`, as far as work allows."""
        share = _AUDIT_FROM if self.audit is None else self.audit
        if zlib.crc32(window.mel.values[0].tobytes()) >= share * 2**32:
            return False
        return self.audit is not None or self.allowance >= 1

    def note_work(self, windows: int, frames: int) -> None:
        """Learn that so many windows were decoded: an audit may cost a share of that."""
        share = _AUDIT_WORK if self.audited.windows < AUDIT_ENOUGH else _AUDIT_WORK_LATER
        self.allowance += share * windows * work(frames)

    def note_audit(self) -> None:
        """Learn that a window is to be decoded at 30 s for the audit alone."""
        self.allowance -= 1

    def compare(self, first: Decoded, full: Decoded) -> None:
        """Count what an audited window's text at 30 s shows of its first one."""
        self.audited.compare(first, full)

    def add(self, other: Ladder) -> None:
        """Count what another engine's windows needed."""
        self.fitted += other.fitted
        self.reasons.update(other.reasons)
        self.kept.update(other.kept)
        self.audited.add(other.audited)

    @property
    def figures(self) -> Mapping[str, Any]:
        """What `run.json` says."""
        figures: dict[str, Any] = {
            "retries": {"windows": self.kept.total(), "reasons": dict(self.reasons), "kept": dict(self.kept)}
        }
        if self.fitted:
            figures[WINDOW_CHECK] = {"fitted": self.fitted, **self.audited.figures}
        return figures


def _looks_wrong(window: Window, decoded: Decoded) -> bool:
    return bool(doubts(window, decoded) or MENDABLE.intersection(decoded.flags))


def _faults(window: Window, decoded: Decoded) -> int:
    # Any text is better than one that is lost.
    return len(MENDABLE.intersection(decoded.flags)) + is_mute(window, decoded) + len(MENDABLE) * is_lost(decoded)


def _overflow(kept: Decoded, attempts: Attempts) -> tuple[str, ...]:
    """Give the flag of an overflow on the way to a text that does not stand: the window is one where that happens."""
    happened = OVERFLOW not in kept.flags and any(OVERFLOW in text.flags for _, text in attempts)
    return (OVERFLOW,) if happened else ()


def _is_cleared(flag: str, step: Step, kept: Decoded, told: Attempts) -> bool:
    """Say whether the text that stands clears a flag which it does not have: by how it was made, or by another."""
    if step == "full":
        return True
    witnesses = (text for other, text in told if other != step and flag not in text.flags)
    return any(disagreement(text.text, kept.text) < _AGREED for text in witnesses)
