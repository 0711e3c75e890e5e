"""Percentiles are pandas', and a histogram holds every value."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anime_whisper_ct2.stats.distribution import PERCENTILES, distribution
from tests.support.known_runs import SOME, said, stats_of, write_run


class TestDistributions:
    @pytest.mark.parametrize("seed", range(5))
    def test_percentiles_are_those_of_pandas(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        values = rng.lognormal(1.5, 0.6, size=int(rng.integers(1, 3000)))
        found = distribution(array("d", values))
        assert found is not None
        expected = pd.Series(values).quantile([percent / 100 for percent in PERCENTILES])
        np.testing.assert_allclose(list(found.percentiles.values()), expected, rtol=1e-12)
        assert (found.count, found.smallest, found.largest) == (len(values), values.min(), values.max())
        assert found.mean == pytest.approx(values.mean())

    @pytest.mark.parametrize(
        "values",
        [
            np.random.default_rng(1).lognormal(1.5, 0.6, 5000),
            -np.abs(np.random.default_rng(2).normal(0.25, 0.2, 777)),
            np.array([1.5] * 200 + [1e6]),
            np.array([-3.0]),
            np.array([0.0, 0.0]),
            np.array([1e-7, 2e-7, 3e-7]),
            np.array([0.3, 0.6, 0.9, 1.2]),
            np.append(np.linspace(4, 5, 1000), [-900.0, 30000.0]),
        ],
    )
    def test_a_histogram_holds_every_value_between_round_edges(self, values: Any) -> None:
        found = distribution(array("d", values))
        assert found is not None
        histogram = found.histogram
        assert histogram.below + sum(histogram.counts) + histogram.above == len(values)
        assert histogram.below + histogram.above <= 0.1 * len(values)
        assert len(histogram.edges) == len(histogram.counts) + 1
        assert 1 <= len(histogram.counts) <= 40
        assert tuple(np.histogram(values, histogram.edges)[0]) == histogram.counts
        assert all(len(f"{edge:g}") <= 8 for edge in histogram.edges)

    @pytest.mark.parametrize("count", [40, 1000])
    def test_a_long_tail_does_not_squeeze_the_rest(self, count: int) -> None:
        found = distribution(array("d", [*np.linspace(1, 9, count), 7200.0]))
        assert found is not None
        assert found.histogram.above == 1
        assert found.histogram.edges[-1] <= 10
        assert found.largest == 7200.0

    def test_lengths_are_of_recordings_and_segments_rates_and_logprobs_of_segments(self, tmp_path: Path) -> None:
        stats = stats_of(write_run(tmp_path, *SOME))
        assert {name: said(stats, name).count for name in stats.distributions} == {
            "recording_seconds": 4,
            "segment_seconds": 4,
            "characters_per_second": 4,
            "avg_logprob": 4,
        }
        assert (said(stats, "recording_seconds").largest, said(stats, "segment_seconds").largest) == (40.0, 10.0)
        assert (said(stats, "characters_per_second").smallest, said(stats, "avg_logprob").smallest) == (0.2, -1.4)
