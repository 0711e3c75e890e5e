"""Is the new model better in short windows? First texts of both models on clips that were never learnt from.

What both are held against are the original's texts at 30 s, which need nobody to have written any. Rates are of all
characters together, and their intervals those of a bootstrap over recordings, which draws the same ones for all rates:
so a change is known better than the two rates that it lies between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.adaptation.records import Point
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.evaluation.records import Interval
from anime_whisper_ct2.executors.sample import decode
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.records import Window
from anime_whisper_ct2.text.normalize import author
from anime_whisper_ct2.text.quality import repeats

# A bootstrap over fewer recordings says little, and gives intervals that are too narrow.
LEAST_CLIPS = 20
# Percent of the characters at 30 s that may be others than before, until it is warned of.
MOST_AT_30_S = 3.0
_RESAMPLES = 10_000
# Any number would do; a fixed one gives the same intervals every time.
_SEED = 0
# So many full batches are decoded before it is said how far it has come.
_BATCHES = 4

Verdict = Literal["better", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class Heard:
    """A first text of a clip; `capped`: the token limit came before the end."""

    text: str
    capped: bool = False

    @property
    def loops(self) -> bool:
        """Whether it repeats itself, or came to no end."""
        return self.capped or repeats(self.text)


@dataclass(frozen=True, slots=True)
class Texts:
    """The first texts of one model, in the order of the clips: at 30 s, and by the tail in seconds."""

    full: tuple[Heard, ...]
    fitted: Mapping[float, tuple[Heard, ...]]


@dataclass(frozen=True, slots=True)
class Rate:
    """Edits over characters in percent, or the difference of two such rates, and its 95 % interval."""

    percent: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Change:
    """A rate of the original and of the new model, and the second less the first."""

    before: Rate
    after: Rate
    change: Rate


@dataclass(frozen=True, slots=True)
class FullWindow:
    """What became of 30 s windows.

    `differs`: how far the new model's texts are from the original's. `cer`: against references, where there are some.
    """

    differs: Rate
    loops_before: int
    loops_after: int
    cer: Change | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """What became of windows with so much silence behind the clip; `differs`: from the original's texts at 30 s."""

    tail_s: float
    differs: Change
    loops_before: int
    loops_after: int
    verdict: Verdict
    cer: Change | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both models on the same clips.

    `looping` clips of `clips` have no text to be held against, since the original loops on them at 30 s; they count
    among the loops alone. `characters`: of the other clips' texts at 30 s. `referenced`: clips with a reference.
    """

    clips: int
    looping: int
    characters: int
    referenced: int
    full: FullWindow
    tails: tuple[Tail, ...]

    @property
    def few(self) -> bool:
        """Whether there are too few clips to call anything better or worse."""
        return self.clips - self.looping < LEAST_CLIPS

    @property
    def better(self) -> bool:
        """Whether the new model was shown to be better: with one tail at least, and worse with none."""
        said = {tail.verdict for tail in self.tails}
        return "better" in said and "worse" not in said


@dataclass(frozen=True, slots=True)
class Teaching:
    """How a model was taught: what a measurement does not know by itself.

    `clips` and `audio_s` were learnt from. `passed_over`: recordings that were not, by the reason, such as
    `longer than 30 s`. `settings`: what was asked for, as JSON has it. `held_out`: recordings that were held out; 0
    where that is not known.
    """

    clips: int
    audio_s: float
    steps: int
    device: str
    listening_s: float
    learning_s: float
    measuring_s: float
    passed_over: Mapping[str, int] = field(default_factory=dict)
    curve: tuple[Point, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    held_out: int = 0

    @property
    def short(self) -> bool:
        """Whether the corpus was too small to hold out as many as were asked for."""
        return 0 < self.held_out < int(self.settings.get("held_out", 0))


@dataclass(frozen=True, slots=True)
class Adaptation:
    """A checkpoint that was taught: from which one, how, and what came of it. `sha256`: of the original's weights."""

    checkpoint: str
    sha256: str
    teaching: Teaching
    comparison: Comparison

    @property
    def better(self) -> bool:
        """Whether it was shown to be better than the original."""
        return self.comparison.better


def first_texts(
    engine: Engine,
    lengths: Sequence[int],
    read: Callable[[int], Window],
    tails_s: Sequence[float],
    *,
    full: Sequence[Heard] | None = None,
    on_decoded: Callable[[int], None] | None = None,
) -> Texts:
    """Decode clips at 30 s and with each tail, without second looks.

    `lengths`: real frames (10 ms) of each clip. `read` gives the window of one, by its number, whenever its turn comes,
    so that a few batches are in memory at a time. `full`: the texts at 30 s, where they are known. `on_decoded` gets
    how many windows were decoded just now; in all they are one for each clip and tail, and one for each clip at 30 s
    unless those are known. Raises EngineError.
    """
    tell = on_decoded or (lambda _count: None)
    # By length, so that a part of them fills batches as well as all of them do.
    order = sorted(range(len(lengths)), key=lambda at: (lengths[at], at))

    def heard(length: WindowLength) -> tuple[Heard, ...]:
        texts: dict[int, Heard] = {}
        step = _BATCHES * max(1, engine.capacity(WINDOW_FRAMES))
        for start in range(0, len(order), step):
            part = order[start : start + step]
            decoded, _ = decode(engine, [read(at) for at in part], length)
            texts |= {at: Heard(one.text, one.capped) for at, one in zip(part, decoded, strict=True)}
            tell(len(part))
        return tuple(texts[at] for at in range(len(lengths)))

    at_30_s = heard(WindowLength("full")) if full is None else tuple(full)
    return Texts(at_30_s, {tail_s: heard(WindowLength("fit", tail_s)) for tail_s in sorted(set(tails_s))})


def comparable(full: Sequence[Heard]) -> Mapping[int, str]:
    """Give the texts at 30 s that others can be held against, by the number of the clip.

    Raises InputError where nothing is in any of them.
    """
    right = {at: one.text for at, one in enumerate(full) if not one.loops}
    if not any(right.values()):
        raise InputError("at 30 s the model hears nothing in the clips held out; name a corpus with speech in it")
    return right


def compare(before: Texts, after: Texts, references: Sequence[str | None] = ()) -> Comparison:
    """Hold the texts of the original and of the new model against the original's at 30 s.

    Both texts of the same clips, with the same tails. `references`: the right text of each clip, or None where nobody
    knows it; without any, no CER is given. Raises InputError where there is nothing to compare with.
    """
    tails_s = tuple(before.fitted)
    # In this order come all rates below.
    runs = [after.full, *before.fitted.values(), *(after.fitted[tail_s] for tail_s in tails_s)]
    right = comparable(before.full)
    characters = sum(map(len, right.values()))
    rates = _Rates(right, runs, _as_it_is)
    known = {at: text for at, text in enumerate(references) if text is not None and text.strip()}
    cers = _Rates(known, [before.full, *runs], author) if known else None
    few = len(right) < LEAST_CLIPS
    tails = []
    for at, tail_s in enumerate(tails_s):
        old, new = 1 + at, 1 + len(tails_s) + at
        differs = rates.change(old, new)
        tails.append(
            Tail(
                tail_s=tail_s,
                differs=differs,
                loops_before=_loops(runs[old]),
                loops_after=_loops(runs[new]),
                verdict="undecided" if few else _verdict(differs.change),
                cer=None if cers is None else cers.change(1 + old, 1 + new),
            )
        )
    full = FullWindow(rates[0], _loops(before.full), _loops(after.full), None if cers is None else cers.change(0, 1))
    return Comparison(len(before.full), len(before.full) - len(right), characters, len(known), full, tuple(tails))


def _as_it_is(text: str) -> str:
    """Leave a text alone: against the same model's own text, punctuation counts too."""
    return text


class _Rates:
    """The rates of several runs against the same texts, with the same draws for all of them."""

    def __init__(
        self, right: Mapping[int, str], runs: Sequence[Sequence[Heard]], normalize: Callable[[str], str]
    ) -> None:
        """Count and draw. `right`: the right texts, by the number of the clip."""
        wanted = {at: normalize(text) for at, text in right.items()}
        self._edits = np.array(
            [[Levenshtein.distance(text, normalize(run[at].text)) for at, text in wanted.items()] for run in runs],
            np.int64,
        )
        characters = np.array([len(text) for text in wanted.values()], np.int64)
        self._characters = max(1, int(characters.sum()))
        self._drawn = resampled_rates(self._edits, characters, _RESAMPLES, np.random.default_rng(_SEED))

    def __getitem__(self, run: int) -> Rate:
        """Give the rate of a run."""
        return Rate(100 * int(self._edits[run].sum()) / self._characters, interval(self._drawn[run]))

    def change(self, before: int, after: int) -> Change:
        """Give the rates of two runs, and how far the second lies above the first."""
        more = 100 * int(self._edits[after].sum() - self._edits[before].sum()) / self._characters
        return Change(self[before], self[after], Rate(more, interval(self._drawn[after] - self._drawn[before])))


def _verdict(change: Rate) -> Verdict:
    low, high = change.interval
    return "better" if high < 0 else "worse" if low > 0 else "undecided"


def _loops(texts: Sequence[Heard]) -> int:
    return sum(one.loops for one in texts)
