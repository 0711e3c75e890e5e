"""Which fitted windows are decoded again at 30 s, and what that showed."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.quality import doubts
from anime_whisper_ct2.records import Decoded, Window


@dataclass(slots=True)
class SecondLook:
    """Chooses windows for a second decode and compares both texts.

    With `retry`, what looks wrong is replaced by its text at 30 s. `audit` is the share of all fitted windows that are
    decoded again only to be compared: their first text stays.
    """

    retry: bool
    audit: float
    fitted: int = 0
    doubted: Counter[str] = field(default_factory=Counter)
    replaced: int = 0
    audited: int = 0
    audit_edits: int = 0
    audit_chars: int = 0

    def wanted(self, window: Window, decoded: Decoded) -> bool:
        """Count a fitted window, and say whether it is to be decoded again."""
        self.fitted += 1
        reasons = doubts(window, decoded) if self.retry else ()
        self.doubted.update(reasons[:1])
        return bool(reasons) or self._is_audited(window)

    def doubted_now(self, window: Window, first: Decoded) -> bool:
        """Say whether the first text is to be replaced by the second."""
        return self.retry and bool(doubts(window, first))

    def compare(self, window: Window, first: Decoded, second: Decoded) -> None:
        """Count what the second decode showed."""
        self.replaced += self.doubted_now(window, first)
        if self._is_audited(window):
            # The text at 30 s is the reference: it is what this model was trained on.
            self.audited += 1
            self.audit_edits += Levenshtein.distance(first.text, second.text)
            self.audit_chars += len(second.text)

    def add(self, other: SecondLook) -> None:
        """Count what another engine saw."""
        self.fitted += other.fitted
        self.doubted.update(other.doubted)
        self.replaced += other.replaced
        self.audited += other.audited
        self.audit_edits += other.audit_edits
        self.audit_chars += other.audit_chars

    @property
    def figures(self) -> Mapping[str, Any]:
        """What `run.json` says: `audit_cer` in percent, None before anything was audited."""
        cer = round(100 * self.audit_edits / self.audit_chars, 3) if self.audit_chars else None
        return {
            "fitted": self.fitted,
            "redone": self.replaced,
            "redone_for": dict(self.doubted),
            "audited": self.audited,
            "audit_cer": cer,
        }

    def _is_audited(self, window: Window) -> bool:
        """Draw a fixed share by what the window holds: the same ones in every run, whatever the order."""
        return zlib.crc32(window.mel.values[0].tobytes()) < self.audit * 2**32 if self.audit else False
