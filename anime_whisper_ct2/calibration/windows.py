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
from anime_whisper_ct2.executors.audit import CER_RISE, EQUAL_TEXTS, is_loop
from anime_whisper_ct2.executors.ladder import Attempts, Ladder
from anime_whisper_ct2.features.windows import WindowLength, longer_length
from anime_whisper_ct2.records import Decoded, Step, Window

# Decodes windows that are padded as said, and gives texts and wall seconds.
Decode = Callable[[Sequence[Window], Callable[[int], int]], tuple[list[Decoded], float]]


@dataclass(frozen=True, slots=True)
class TailResult:
    """One tail against 30 s. Rates are percentages, times seconds, `speed` is audio time over wall time.

    `cer` is that of the texts a run would give, with what looked wrong decoded again in longer windows; `cer_before` is
    that of the first texts, with its 95 % interval. Both count characters that differ from the text at 30 s; `rise` is
    about the right ones, where they are known. `loops` counts texts in the end, `loops_before` first ones. `speed`
    counts the second decodes.
    """

    tail_s: float
    cer: float
    cer_before: float
    loops: int
    redone: float
    speed: float
    cer_before_interval: Interval | None = None
    rise: Rise | None = None
    loops_before: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What came of a tail; `rule`: by which one it passed, of both equal texts, which say more.

    `after_s`: its texts are as good, but a longer tail, which is tried before it, did not pass.
    """

    outcome: Outcome
    rule: str | None = None
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tail has to pass: one of two rules, and in either case no more loops than at 30 s.

    `max_cer`: percent of the characters that may differ from the text at 30 s. `max_cer_rise`: percent points by which
    the CER may rise; None without references, which refuse a tail whatever its texts.
    """

    max_cer: float
    max_cer_rise: float | None
    full_loops: int

    def decisions(self, results: Sequence[TailResult]) -> tuple[Decision, ...]:
        """Decide on each tail; it is undecided where more references could have it pass.

        By the rise, tails are tried from the longest to the shortest, up to the first that does not pass: each is a
        chance to pass by luck, and in a fixed order they have together no more than one has.
        """
        decided: dict[int, Decision] = {}
        stopped_s: float | None = None
        for at, result in sorted(enumerate(results), key=lambda numbered: -numbered[1].tail_s):
            decision = self._alone(result)
            if decision.rule == CER_RISE and stopped_s is not None:
                decision = Decision("undecided", after_s=stopped_s)
            if decision.outcome != "passed" and stopped_s is None:
                stopped_s = result.tail_s
            decided[at] = decision
        return tuple(decided[at] for at in range(len(results)))

    def _alone(self, result: TailResult) -> Decision:
        """Decide on a tail as if it were the only one."""
        rise = None
        if result.rise is not None and self.max_cer_rise is not None:
            rise = result.rise.outcome(self.max_cer_rise)
        # Loops count apart: in a rate over all characters, one ruined line among hundreds would hardly show.
        if result.loops > self.full_loops or rise == "failed":
            return Decision("failed")
        if result.cer <= self.max_cer:
            return Decision("passed", EQUAL_TEXTS)
        return Decision(rise or "failed", CER_RISE if rise == "passed" else None)

    def fastest(self, results: Sequence[TailResult]) -> TailResult | None:
        """Give the fastest of those that pass."""
        decided = zip(results, self.decisions(results), strict=True)
        # And not the closest: what passes counts as no worse than 30 s.
        passed = (result for result, decision in decided if decision.outcome == "passed")
        return max(passed, key=lambda result: result.speed, default=None)


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
        loops_before=loops(fitted),
    )


def loops(texts: Sequence[Decoded]) -> int:
    """Count the texts that repeat themselves, or came to no end."""
    return sum(map(is_loop, texts))


def _edits(reference: Sequence[Decoded], other: Sequence[Decoded]) -> list[int]:
    return [Levenshtein.distance(one.text, two.text) for one, two in zip(reference, other, strict=True)]


def _percent(edits: Sequence[int], characters: Sequence[int]) -> float:
    return 100 * sum(edits) / max(1, sum(characters))
