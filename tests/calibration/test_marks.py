"""Bounds are what the figures say, and none is set where they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.calibration.marks import DoubtResult, measure_doubt, measure_no_speech
from anime_whisper_ct2.calibration.report import _of_doubt, _of_no_speech
from anime_whisper_ct2.calibration.sounds import without_speech

SOUNDS = {f"sound {n}": 0.6 + n / 100 for n in range(12)}


def lines(bad: int, others: int, apart: float) -> tuple[list[float], list[float]]:
    """Make doubts and character error rates; `apart`: by how much the bad lines are doubted more."""
    rng = np.random.default_rng(5)
    doubts = [*np.clip(rng.normal(0.3 + apart, 0.15, bad), 0, 1), *np.clip(rng.normal(0.3, 0.15, others), 0, 1)]
    return [float(doubt) for doubt in doubts], [60.0] * bad + [10.0] * others


class TestDoubt:
    @pytest.mark.parametrize("apart", [0.0, 0.1, 0.3, 0.6])
    @pytest.mark.parametrize(("bad", "others"), [(10, 10), (30, 170), (400, 37)])
    def test_the_bound_is_the_lowest_that_spares_nine_in_ten_of_the_others(
        self, bad: int, others: int, apart: float
    ) -> None:
        doubts, cers = lines(bad, others, apart)
        result = measure_doubt(doubts, cers)
        assert result.bound is not None
        spared = np.array(doubts[bad:])
        assert result.wrongly == pytest.approx(100 * np.mean(spared >= result.bound))
        assert result.wrongly <= 10.0
        # Any lower, and one line more would be marked.
        assert 100 * np.mean(spared >= result.bound - 2e-4) > 10.0 - 100 / others
        assert result.found == pytest.approx(100 * np.mean(np.array(doubts[:bad]) >= result.bound))
        for rate, (low, high) in (
            (result.found, result.found_interval),
            (result.wrongly, result.wrongly_interval),
            (result.first_third, result.first_third_interval),
        ):
            assert 0 <= low <= rate <= high <= 100

    @pytest.mark.parametrize(("bad", "others"), [(0, 50), (9, 50), (50, 9)])
    def test_too_few_lines_of_a_kind_give_no_bound_and_say_so(self, bad: int, others: int) -> None:
        result = measure_doubt(*lines(bad, others, 0.3))
        assert result == DoubtResult(bad + others, bad, None)
        assert f"{bad} have a CER of 30 % or more and {others} have less" in _of_doubt(result)

    def test_what_is_plainly_wrong_ties_and_is_spared_all_the_same_where_it_is_right(self) -> None:
        result = measure_doubt([0.95] * 20 + [0.1] * 80 + [0.97] * 20, [0.0] * 100 + [60.0] * 20)
        assert (result.wrongly, result.found) == (0.0, 100.0)

    def test_lines_of_one_doubt_are_all_spared(self) -> None:
        result = measure_doubt([0.4] * 40, [60.0] * 20 + [0.0] * 20)
        assert (result.found, result.wrongly) == (0.0, 0.0)

    def test_the_first_third_holds_what_is_doubted_most(self) -> None:
        doubts = [0.9] * 10 + [0.1] * 20
        assert measure_doubt(doubts, [60.0] * 10 + [0.0] * 20).first_third == 100.0
        assert measure_doubt(doubts[::-1], [60.0] * 10 + [0.0] * 20).first_third == 0.0


class TestNoSpeech:
    def test_the_usual_bound_is_kept_where_it_parts_them(self) -> None:
        result = measure_no_speech([0.01, 0.2, 0.36], SOUNDS)
        assert (result.bound, result.sounds, result.clips) == (0.5, 100.0, 0.0)

    def test_another_one_is_found_where_the_model_is_surer_of_speech(self) -> None:
        result = measure_no_speech([0.001, 0.002, 0.01], {name: p / 10 for name, p in SOUNDS.items()})
        assert result.bound is not None
        assert 0.01 < result.bound < 0.06

    def test_probabilities_near_nothing_are_parted_as_they_are(self) -> None:
        result = measure_no_speech([1e-6] * 30, dict.fromkeys(SOUNDS, 3e-5))
        assert result.bound is not None
        assert (result.sounds, result.clips) == (100.0, 0.0)
        assert 1e-6 < result.bound < 3e-5

    @pytest.mark.parametrize("clips", [[0.0] * 50, [0.9] * 50, [0.7, 0.01] * 20])
    def test_a_model_that_has_unlearnt_it_gets_none(self, clips: list[float]) -> None:
        unlearnt = dict.fromkeys(SOUNDS, 0.0) if clips == [0.0] * 50 else SOUNDS
        result = measure_no_speech(clips, unlearnt)
        assert result.bound is None
        assert "no_speech stays off" in _of_no_speech(result)


def test_the_sounds_are_the_same_every_time_and_clips_that_anybody_could_have() -> None:
    first, second = without_speech(), without_speech()
    assert len(first) >= 12
    for name, samples in first.items():
        assert samples.tobytes() == second[name].tobytes()
        assert samples.dtype == np.float32
        assert 0 < np.abs(samples).max() <= 0.5
        assert np.isfinite(samples).all()
