"""Is a short window safe for this model on these clips? Measured, not assumed.

Nothing is published for windows below 30 s on a Japanese distilled large-v3, and on other models they range from
harmless to catastrophic (CTranslate2#2100). So the same clips are decoded at 30 s and with several tails, the texts
compared, and the fastest tail that changes next to nothing, or whose texts are as good, is written into the model's
`awct2.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.calibration.rises import Outcome, Rise, interval_of, measure_rise
from anime_whisper_ct2.evaluation.records import Interval
from anime_whisper_ct2.executors.audit import CER_RISE, EQUAL_TEXTS
from anime_whisper_ct2.executors.ladder import Attempts, Ladder
from anime_whisper_ct2.features.windows import WindowLength, longer_length
from anime_whisper_ct2.records import Decoded, Step, Window
from anime_whisper_ct2.text.quality import repeats

# Decodes windows that are padded as said, and gives texts and wall seconds.
Decode = Callable[[Sequence[Window], Callable[[int], int]], tuple[list[Decoded], float]]


@dataclass(frozen=True, slots=True)
class TailResult:
    """One tail against 30 s. Rates are percentages, times seconds, `speed` is audio time over wall time.

    `cer` is that of the texts a run would give, with what looked wrong decoded again in longer windows; `cer_before` is
    that of the first texts, with its 95 % interval. Both count characters that differ from the text at 30 s; `rise` is
    about the right ones, where they are known. `speed` counts the second decodes.
    """

    tail_s: float
    cer: float
    cer_before: float
    loops: int
    redone: float
    speed: float
    cer_before_interval: Interval | None = None
    rise: Rise | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tail has to pass: one of two rules, and in either case no more loops than at 30 s.

    `max_cer`: percent of the characters that may differ from the text at 30 s. `max_cer_rise`: percent points by which
    the CER may rise; None without references.
    """

    max_cer: float
    max_cer_rise: float | None
    full_loops: int

    def outcome(self, result: TailResult) -> Outcome:
        """Say whether a tail passes; it is undecided where more references could have it pass."""
        # Loops count apart: in a rate over all characters, one ruined line among hundreds would hardly show.
        if result.loops > self.full_loops:
            return "failed"
        if result.cer <= self.max_cer:
            return "passed"
        if result.rise is None or self.max_cer_rise is None:
            return "failed"
        return result.rise.outcome(self.max_cer_rise)

    def rule_passed(self, result: TailResult) -> str | None:
        """Give the rule that a tail passes; of both, equal texts, which say more."""
        if self.outcome(result) != "passed":
            return None
        return EQUAL_TEXTS if result.cer <= self.max_cer else CER_RISE

    def fastest(self, results: Sequence[TailResult]) -> TailResult | None:
        """Give the fastest of those that pass."""
        # And not the closest: what passes counts as no worse than 30 s.
        return max(filter(self.rule_passed, results), key=lambda result: result.speed, default=None)


@dataclass(frozen=True, slots=True)
class SecondLooks:
    """The texts that a run would give, where what looked wrong in a short window is looked at again.

    Shares of them, 0 … 1: `share` were, and `at_30_s`, too. `wall`: seconds that those in longer fitted windows took.
    """

    texts: list[Decoded]
    share: float
    at_30_s: float
    wall: float


def second_looks(
    windows: Sequence[Window],
    full: Sequence[Decoded],
    fitted: Sequence[Decoded],
    length: WindowLength,
    decode: Decode,
    ladder: Ladder,
) -> SecondLooks:
    """Look again at what looks wrong, as the ladder says; the texts at 30 s are here already."""

    def longer(frames: int) -> int:
        return longer_length(frames, length(frames))

    def real(at: int) -> int:
        return int(windows[at].mel.values.shape[1])

    first: list[Attempts] = [
        (("first", ladder.marked(window, text)),) for window, text in zip(windows, fitted, strict=True)
    ]
    steps = [ladder.next_step(windows[at], one, length(real(at))) for at, one in enumerate(first)]
    some = [at for at, step in enumerate(steps) if step == "longer"]
    heard, wall = decode([windows[at] for at in some], longer) if some else ([], 0.0)
    texts = list(fitted)
    for at, text in zip(some, heard, strict=True):
        second: tuple[Step, Decoded] = ("longer", ladder.marked(windows[at], text))
        steps[at] = ladder.next_step(windows[at], (*first[at], second), longer(real(at)))
        texts[at] = text
    for at, step in enumerate(steps):
        if step == "full":
            texts[at] = full[at]
    again = {*some, *(at for at, step in enumerate(steps) if step == "full")}
    return SecondLooks(texts, len(again) / len(windows), steps.count("full") / len(windows), wall)


def compare(
    full: Sequence[Decoded],
    fitted: Sequence[Decoded],
    looked: SecondLooks,
    tail_s: float,
    audio_s: float,
    wall: float,
    full_wall: float,
    right: Mapping[int, str],
) -> TailResult:
    """Hold the texts of a tail against those at 30 s, and both against the `right` ones, by clip; walls in seconds."""
    characters = [len(one.text) for one in full]
    before, after = _edits(full, fitted), _edits(full, looked.texts)
    return TailResult(
        tail_s=tail_s,
        cer=_percent(after, characters),
        cer_before=_percent(before, characters),
        loops=loops(looked.texts),
        redone=100 * looked.share,
        speed=audio_s / (wall + looked.wall + looked.at_30_s * full_wall),
        cer_before_interval=interval_of(before, characters),
        rise=measure_rise(right, full, looked.texts) if right else None,
    )


def loops(texts: Sequence[Decoded]) -> int:
    """Count the texts that repeat themselves, or came to no end."""
    return sum(text.capped or repeats(text.text) for text in texts)


def _edits(reference: Sequence[Decoded], other: Sequence[Decoded]) -> list[int]:
    return [Levenshtein.distance(one.text, two.text) for one, two in zip(reference, other, strict=True)]


def _percent(edits: Sequence[int], characters: Sequence[int]) -> float:
    return 100 * sum(edits) / max(1, sum(characters))
