"""By how much short windows raise the character error rate, where the right texts are known, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.evaluation.records import Interval
from anime_whisper_ct2.executors.audit import NORMAL_95
from anime_whisper_ct2.records import Decoded
from anime_whisper_ct2.text import count_errors
from anime_whisper_ct2.text.normalize import author

Outcome = Literal["passed", "failed", "undecided"]

# What drawing clips again cannot see is what no clip has shown: where one clip in a hundred loses 60 % of its
# characters, which is twice the bound, a third of all samples of 100 would pass and an eighth of those of 200, but 4 %
# of those of 400.
LEAST_REFERENCES = 400
# To refuse takes fewer: harm that is there was seen. Of fewer than that, an interval means little either way.
LEAST_TO_REFUSE = 30
# More clips than that are told as more.
MOST_REFERENCES = 1_000_000
# Half of all intervals of just the right width would end on the wrong side of the bound, since the rate varies as well.
# With 0.84 standard deviations to spare, four in five end on the right one.
_TO_SPARE = 0.84 / NORMAL_95
_RESAMPLES = 10_000
_SEED = 0


@dataclass(frozen=True, slots=True)
class Rise:
    """CER with a tail less CER at 30 s, in percent points, on the same clips; `clips` are those with a reference.

    `interval`: the 95 % interval of the rise. `cer` and `full_cer` are the two rates, in percent.
    """

    points: float
    interval: Interval
    clips: int
    cer: float
    full_cer: float

    def outcome(self, most: float) -> Outcome:
        """Say whether a rise of at most so many points is shown, refuted, or neither."""
        low, high = self.interval
        if low > most and self.clips >= LEAST_TO_REFUSE:
            return "failed"
        return "passed" if high <= most and self.clips >= LEAST_REFERENCES else "undecided"

    def clips_to_decide(self, most: float) -> int | None:
        """Give how many clips with a reference would decide in four cases of five, if they are as these.

        The interval shrinks with the square root of their number. Rounded up to two digits; None: more than a million.
        """
        low, high = self.interval
        distance = most - self.points
        least = LEAST_REFERENCES if distance > 0 else LEAST_TO_REFUSE
        reach = (high - self.points if distance > 0 else self.points - low) * (1 + _TO_SPARE)
        if reach <= 0:
            return least
        # Without the division, which a distance of next to nothing would overflow.
        if self.clips * reach**2 > MOST_REFERENCES * distance**2:
            return None
        clips = max(least, self.clips * (reach / distance) ** 2)
        unit = 10 ** max(0, math.floor(math.log10(clips)) - 1)
        return int(math.ceil(clips / unit) * unit)


def measure_rise(right: Mapping[int, str], full: Sequence[Decoded], fitted: Sequence[Decoded]) -> Rise:
    """Score the texts at 30 s and those of a tail against the references, by clip, as the model's author does.

    Both are drawn together, clip by clip, so that what is hard for either says nothing of the difference.
    """
    wanted = {at: author(text) for at, text in right.items()}
    edits = np.array(
        [[count_errors(text, author(texts[at].text)).edits for at, text in wanted.items()] for texts in (full, fitted)],
        np.int64,
    )
    characters = np.array([len(text) for text in wanted.values()], np.int64)
    rates = resampled_rates(edits, characters, _RESAMPLES, np.random.default_rng(_SEED))
    full_cer, cer = (100 * edits.sum(axis=1) / max(1, characters.sum())).tolist()
    return Rise(cer - full_cer, interval(rates[1] - rates[0]), len(wanted), cer, full_cer)


def interval_of(edits: Sequence[int], characters: Sequence[int]) -> Interval:
    """Give the 95 % interval of a rate over clips, in percent."""
    rng = np.random.default_rng(_SEED)
    rates = resampled_rates(np.array([edits], np.int64), np.array(characters, np.int64), _RESAMPLES, rng)
    return interval(rates[0])
