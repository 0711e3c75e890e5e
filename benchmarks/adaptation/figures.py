"""What the texts of both models say, in figures: errors, differences and loops, each with what it is worth.

Rates are over all characters together, in percent; intervals are those of a bootstrap over lines, 95 %. Errors are by
the author's normaliser, differences are of the texts as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rapidfuzz.distance import Levenshtein

from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.text.normalize import author
from benchmarks.adaptation.corpora import Line

FULL = "full"
ORIGINAL, ADAPTED = "original", "adapted"
LEAST_LINES = 400
_RESAMPLES = 10_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """The first texts of a model in windows of one kind, by the lines' ids, and the ids of those that loop."""

    texts: Mapping[str, str]
    loops: Sequence[str]
    wall_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure and what it may be at most, or at least."""

    what: str  # `KIND WINDOW`, or the KIND of what is asked of the whole
    value: float
    at_most: float | None = None
    at_least: float | None = None
    counts: bool = True  # False: it was measured in a way that is not the one that was asked for

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.counts and not (
            (self.at_most is not None and self.value > self.at_most)
            or (self.at_least is not None and self.value < self.at_least)
        )


def figures(lines: Sequence[Line], heard: Mapping[str, Mapping[str, Heard]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Count for each model and kind of window; all is held against the original model's texts at 30 s.

    `heard`: by model (`original` and `adapted`) and window (`full`, or a tail in seconds). `rise` is how far a CER lies
    above that of the original at 30 s, `differs` how many characters are others than in its texts, and
    `differs_without_loops` the same without the lines on which it loops there; what begins with `unheard_` is over the
    voices that were never learnt from.
    """
    runs = [(model, window) for model, of in heard.items() for window in of]
    runs.sort(key=lambda run: run != (ORIGINAL, FULL))
    texts = [heard[model][window].texts for model, window in runs]
    unheard = [line for line in lines if line.unheard]
    sound = [line for line in lines if line.id not in original_loops(heard)]
    right = {line.id: line.text for line in lines}
    errors, base = _Rates(lines, texts, right, normalized=True), _Rates(lines, texts, texts[0], normalized=False)
    base_sound = _Rates(sound, texts, texts[0], normalized=False) if sound else None
    beyond = _Rates(unheard, texts, right, normalized=True) if unheard else None
    base_beyond = _Rates(unheard, texts, texts[0], normalized=False) if unheard else None
    names = {line.id for line in unheard}
    found: dict[str, dict[str, dict[str, Any]]] = {model: {} for model in heard}
    for at, (model, window) in enumerate(runs):
        told = heard[model][window]
        row: dict[str, Any] = {"loops": len(told.loops), "wall_s": round(told.wall_s, 2), **errors.rate(at, "cer")}
        if at:
            row |= {**errors.rise(at, "rise"), **base.rate(at, "differs")}
            if base_sound is not None:
                row |= base_sound.rate(at, "differs_without_loops")
        if beyond is not None and base_beyond is not None:
            row |= {"unheard_loops": len(names.intersection(told.loops)), **beyond.rate(at, "unheard_cer")}
            if at:
                row |= {**beyond.rise(at, "unheard_rise"), **base_beyond.rate(at, "unheard_differs")}
        found[model][window] = row
    return found


def original_loops(heard: Mapping[str, Mapping[str, Heard]]) -> frozenset[str]:
    """Give the ids of the lines on which the original itself loops at 30 s: of these it has no text to be held to."""
    return frozenset(heard[ORIGINAL][FULL].loops)


class _Rates:
    """The rates of several runs over the same lines, with the same draws of them."""

    def __init__(
        self, lines: Sequence[Line], runs: Sequence[Mapping[str, str]], right: Mapping[str, str], *, normalized: bool
    ) -> None:
        write = author if normalized else str
        wanted = [write(right[line.id]) for line in lines]
        self._edits = np.array(
            [
                [Levenshtein.distance(text, write(run[line.id])) for line, text in zip(lines, wanted, strict=True)]
                for run in runs
            ],
            np.int64,
        )
        characters = np.array([len(text) for text in wanted], np.int64)
        self._characters = max(1, int(characters.sum()))
        self._drawn = resampled_rates(self._edits, characters, _RESAMPLES, np.random.default_rng(_SEED))

    def rate(self, at: int, name: str) -> dict[str, Any]:
        """Give the rate of a run."""
        return self._told(name, int(self._edits[at].sum()), self._drawn[at])

    def rise(self, at: int, name: str) -> dict[str, Any]:
        """Give how far the rate of a run lies above that of the first."""
        return self._told(name, int((self._edits[at] - self._edits[0]).sum()), self._drawn[at] - self._drawn[0])

    def _told(self, name: str, edits: int, drawn: Any) -> dict[str, Any]:
        ends = [round(end, 3) for end in interval(drawn)]
        return {name: round(100 * edits / self._characters, 3), f"{name}_interval": ends}


def asked(
    found: Mapping[str, Mapping[str, Mapping[str, Any]]],
    lines: int,
    calibration: Mapping[str, Any] | None,
    speed: Mapping[str, Any] | None,
) -> list[Asked]:
    """Hold the figures against what was asked for before any was known."""
    new = found[ADAPTED]
    wanted = [Asked("lines", lines, at_least=LEAST_LINES)]
    # At 1.28 s, half as far again.
    for tail, times in (("2.56", 1.0), ("1.28", 1.5)):
        row = new[tail]
        wanted += [
            Asked(f"rise {tail}", row["rise"], at_most=round(0.3 * times, 3)),
            Asked(f"rise_high {tail}", row["rise_interval"][1], at_most=round(0.8 * times, 3)),
            Asked(f"differs {tail}", row["differs"], at_most=3.0 * times),
            Asked(f"loops {tail}", row["loops"], at_most=0),
        ]
    wanted += [
        Asked(f"change {FULL}", abs(new[FULL]["rise"]), at_most=0.3),
        Asked(f"differs {FULL}", new[FULL]["differs"], at_most=3.0),
    ]
    if calibration is not None:
        wanted.append(Asked("calibrated", float(bool(as_good(calibration))), at_least=1))
    if speed is not None:
        # A run takes short windows by itself only where they were accepted.
        wanted.append(Asked("speed", speed["ratio"], at_least=4.5, counts=speed["accepted"]))
    return wanted


def as_good(calibration: Mapping[str, Any]) -> list[float]:
    """Give the tails that are accepted, and that the references show to be as good as 30 s, in seconds."""
    return [
        tail["tail_s"]
        for tail in calibration["tails"]
        if tail["outcome"] == "passed" and tail["rise"] is not None and tail["rise"]["outcome"] == "passed"
    ]
