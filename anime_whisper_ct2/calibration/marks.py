"""From where on lines are marked: what a model's figures say of lines that are known, and of sounds without any.

A fine-tune may have unlearnt both. So the bounds are measured on the user's own model and clips: `doubtful` against
references, `no_speech` against sounds in which nobody speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.text.doubt import BAD_CER, BOUNDS

# Lines of either kind below which a bound would be luck.
LEAST_LINES = 10
# Of the lines that are right, so many percent may be marked as doubtful.
MOST_WRONGLY = 10.0
# To be told from speech means: so many percent of the sounds marked, and at most so many of the clips.
LEAST_SOUNDS = 70.0
MOST_CLIPS = 2.0
_RESAMPLES = 2_000
_SEED = 0

Interval = tuple[float, float]
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DoubtResult:
    """How well doubt finds the lines with a CER of 30 % or more. Rates are percentages, with their 95 % intervals.

    `bound`: the lowest that marks at most 10 % of the other lines; None where there were too few of one kind. `found`
    and `wrongly` are the shares marked of the bad and the other lines, `first_third` is how many of the bad ones are
    among the third of highest doubt.
    """

    lines: int
    bad: int
    bound: float | None
    found: float = 0.0
    found_interval: Interval = (0.0, 0.0)
    wrongly: float = 0.0
    wrongly_interval: Interval = (0.0, 0.0)
    first_third: float = 0.0
    first_third_interval: Interval = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class NoSpeechResult:
    """How well `no_speech_prob` tells sounds without speech from clips; `bound` None: it does not.

    `sounds` and `clips` are the percentages marked at the bound, or at the usual one where there is none.
    """

    bound: float | None
    sounds: float
    clips: float
    probabilities: Mapping[str, float]


def measure_doubt(doubts: Sequence[float], cers: Sequence[float], bound: float | None = None) -> DoubtResult:
    """Find the bound from lines' doubts and character error rates, or try a given one."""
    doubt, bad = np.asarray(doubts, float), np.asarray(cers, float) >= BAD_CER
    lines, bad_lines = len(bad), int(bad.sum())
    if min(bad_lines, lines - bad_lines) < LEAST_LINES:
        return DoubtResult(lines, bad_lines, None)
    if bound is None:
        others = np.sort(doubt[~bad])[::-1]
        # Just above the first of the others that would be one too many.
        bound = float((np.floor(others[int(MOST_WRONGLY / 100 * len(others))] * 1e4 + 1e-6) + 1) / 1e4)
    rng = np.random.default_rng(_SEED)
    # Lines of each kind are drawn by themselves: how many of them are bad says something of the corpus.
    kinds = np.flatnonzero(bad), np.flatnonzero(~bad)
    rates = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        rates.append(_rates(doubt[drawn], bad[drawn], bound))
    (found, wrongly, third), low_high = _rates(doubt, bad, bound), np.percentile(rates, (2.5, 97.5), axis=0)
    intervals = [(float(low), float(high)) for low, high in low_high.T]
    return DoubtResult(lines, bad_lines, bound, found, intervals[0], wrongly, intervals[1], third, intervals[2])


def _rates(doubt: npt.NDArray[np.float64], bad: _Flags, bound: float) -> tuple[float, float, float]:
    """Give the shares marked of the bad and the other lines, and of the bad ones in the first third, in percent."""
    marked = doubt >= bound
    first = np.argsort(-doubt, kind="stable")[: -(-len(doubt) // 3)]
    return (
        float(100 * marked[bad].mean()),
        float(100 * marked[~bad].mean()),
        float(100 * bad[first].sum() / bad.sum()),
    )


def measure_no_speech(of_clips: Sequence[float], of_sounds: Mapping[str, float]) -> NoSpeechResult:
    """Find the bound from the `no_speech_prob` of clips and of sounds without speech; the usual one where it serves."""
    clips, sounds = np.asarray(of_clips, float), np.asarray(list(of_sounds.values()), float)

    def shares(bound: float) -> tuple[float, float]:
        """Give how many of the sounds and of the clips lie above a bound, in percent."""
        return float(100 * (sounds > bound).mean()), float(100 * (clips > bound).mean())

    usual = BOUNDS.no_speech
    assert usual is not None
    known = np.unique(np.concatenate((clips, sounds, (0.0, 1.0))))
    probabilities = {name: round(probability, 4) for name, probability in of_sounds.items()}
    # The usual one first; else the one that parts the two best, in the middle of a gap.
    middles = np.unique(((known[1:] + known[:-1]) / 2).round(6))
    for bound in (usual, float(max(middles, key=lambda at: shares(at)[0] - shares(at)[1]))):
        marked, wrongly = shares(bound)
        if marked >= LEAST_SOUNDS and wrongly <= MOST_CLIPS:
            return NoSpeechResult(bound, marked, wrongly, probabilities)
    return NoSpeechResult(None, *shares(usual), probabilities)
