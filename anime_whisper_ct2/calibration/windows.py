"""Is a short window safe for this model on these clips? Measured, not assumed.

Nothing is published for windows below 30 s on a Japanese distilled large-v3, and on other models they range from
harmless to catastrophic (CTranslate2#2100). So the same clips are decoded at 30 s and with several tails, the texts
compared, and the shortest tail that changes next to nothing is written into the model's `awct2.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.records import Decoded, Window
from anime_whisper_ct2.text.quality import doubts, repeats


@dataclass(frozen=True, slots=True)
class TailResult:
    """One tail against 30 s. Rates are percentages, times seconds, `speed` is audio time over wall time.

    `cer` is that of the texts a run would give, with what looked wrong decoded again at 30 s; `cer_before` is that of
    the first texts. `speed` counts the second decodes.
    """

    tail_s: float
    cer: float
    cer_before: float
    loops: int
    redone: float
    speed: float


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """The texts that a run would give, where what looked wrong in a short window is looked at again at 30 s.

    `share`: how many of them were, 0 … 1.
    """

    texts: list[Decoded]
    share: float


def second_looks(windows: Sequence[Window], full: Sequence[Decoded], fitted: Sequence[Decoded]) -> SecondLooks:
    """Put the texts at 30 s, which are here already, in the place of those that look wrong."""
    doubted = [bool(doubts(window, text)) for window, text in zip(windows, fitted, strict=True)]
    texts = [again if doubt else first for again, first, doubt in zip(full, fitted, doubted, strict=True)]
    return SecondLooks(texts, sum(doubted) / len(windows))


def compare(
    full: Sequence[Decoded],
    fitted: Sequence[Decoded],
    looked: SecondLooks,
    tail_s: float,
    audio_s: float,
    wall: float,
    full_wall: float,
) -> TailResult:
    """Hold the texts of a tail against those at 30 s; walls in seconds."""
    return TailResult(
        tail_s=tail_s,
        cer=_cer(full, looked.texts),
        cer_before=_cer(full, fitted),
        loops=loops(looked.texts),
        redone=100 * looked.share,
        speed=audio_s / (wall + looked.share * full_wall),
    )


def fastest(results: Sequence[TailResult], max_cer: float, full_loops: int) -> TailResult | None:
    """Give the fastest that changes no more of the characters than `max_cer` percent, and has no more loops."""
    # Loops count apart: in a rate over all characters, one ruined line among hundreds would hardly show.
    passed = [result for result in results if result.cer <= max_cer and result.loops <= full_loops]
    # The fastest and not the closest: what passed counts as equal to 30 s.
    return max(passed, key=lambda result: result.speed, default=None)


def loops(texts: Sequence[Decoded]) -> int:
    """Count the texts that repeat themselves, or came to no end."""
    return sum(text.capped or repeats(text.text) for text in texts)


def _cer(reference: Sequence[Decoded], other: Sequence[Decoded]) -> float:
    """Give the edits over the reference's characters, in percent."""
    edits = sum(Levenshtein.distance(one.text, two.text) for one, two in zip(reference, other, strict=True))
    return 100 * edits / max(1, sum(len(one.text) for one in reference))
