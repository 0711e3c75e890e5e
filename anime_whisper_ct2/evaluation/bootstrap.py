"""How sure a rate is: recordings drawn again and again, with the same draws for every run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.evaluation.records import Interval

Counts = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]

LOW, HIGH = 2.5, 97.5
# Draws of one block, so that memory stays at some 64 MB whatever the number of recordings.
_BLOCK_DRAWS = 1 << 22


def resampled_rates(edits: Counts, characters: Counts, resamples: int, rng: np.random.Generator) -> Rates:
    """Draw as many recordings as there are, with repetition, and give the rates over them in percent.

    `edits`: shape (runs, recordings). `characters`: shape (recordings,). Gives shape (runs, resamples). Runs share the
    draws, so that their rates can be subtracted.
    """
    runs, recordings = edits.shape
    rates = np.empty((runs, resamples))
    step = max(1, _BLOCK_DRAWS // max(1, recordings))
    for start in range(0, resamples, step):
        block = min(step, resamples - start)
        # 32 bits are enough for any corpus, and half of what numpy would take.
        drawn = rng.integers(0, recordings, (block, recordings), dtype=np.int32)
        # Over one where a draw holds no characters, as everywhere.
        over = np.maximum(characters[drawn].sum(axis=1), 1)
        for run in range(runs):
            rates[run, start : start + block] = 100 * edits[run][drawn].sum(axis=1) / over
    return rates


def interval(rates: Rates) -> Interval:
    """Give the ends between which 95 % of the rates lie. `rates`: shape (resamples,)."""
    low, high = np.percentile(rates, (LOW, HIGH))
    return float(low), float(high)
