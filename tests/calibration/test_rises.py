"""Texts that are as good pass, worse ones do not, and where neither is sure, it is said what would decide."""

from __future__ import annotations

import re
from dataclasses import replace

import jiwer
import numpy as np
import numpy.typing as npt
import pytest

from anime_whisper_ct2.calibration.rises import LEAST_REFERENCES, LEAST_TO_REFUSE, Rise, interval_of, measure_rise
from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.records import Decoded
from tests.support.audio_windows import said

KANA = "あいうえおかきくけこさしすせそたちつてと"
MOST = 0.3
Edits = npt.NDArray[np.int64]


def clips(n: int, worse: float, better: float, seed: int = 7) -> tuple[dict[int, str], list[Decoded], list[Decoded]]:
    """Right texts, those at 30 s and those of a tail; the shares of clips that are worse, and better, in the tail."""
    rng = np.random.default_rng(seed)
    right, full, fitted = {}, [], []
    for at in range(n):
        text = "".join(rng.choice(list(KANA), int(rng.integers(5, 30))))
        once, twice = f"{text[:1]}ん{text[2:]}", f"ん{text[1:-2]}んん"
        draw = rng.random()
        one, other = (text, twice) if draw < worse else (once, text) if draw < worse + better else (once, once)
        right[at] = text
        full.append(said(one))
        fitted.append(said(other))
    return right, full, fitted


def edits_of(right: list[str], heard: list[Decoded]) -> list[int]:
    return [round(len(text) * jiwer.cer(text, one.text)) for text, one in zip(right, heard, strict=True)]


class TestMeasuring:
    def test_rates_are_those_of_jiwer_after_the_authors_normalizer(self) -> None:
        right, full, fitted = clips(200, 0.1, 0.05)
        # What the author does not score.
        right = {at: f"「{text[:3]}、{text[3:]}。」" for at, text in right.items()}
        rise = measure_rise(right, full, fitted)
        bare = [re.sub("[「」、。]", "", text) for text in right.values()]
        of = [100 * jiwer.cer(bare, [one.text for one in texts]) for texts in (full, fitted)]
        assert (rise.full_cer, rise.cer) == pytest.approx(of)
        assert rise.points == pytest.approx(of[1] - of[0])
        assert rise.clips == 200

    def test_only_clips_with_a_reference_count(self) -> None:
        right, full, fitted = clips(200, 0.1, 0.05)
        some = {at: text for at, text in right.items() if at % 2}
        alone = {at: right[one] for at, one in enumerate(some)}
        assert measure_rise(some, full, fitted) == measure_rise(
            alone, [full[one] for one in some], [fitted[one] for one in some]
        )

    def test_the_interval_is_that_of_the_difference_over_the_same_draws(self) -> None:
        right, full, fitted = clips(150, 0.1, 0.05)
        rise = measure_rise(right, full, fitted)
        # One draw after another, by how often each clip is in it.
        texts = list(right.values())
        edits = np.array([edits_of(texts, heard) for heard in (full, fitted)])
        drawn = np.random.default_rng(0).integers(0, 150, (10_000, 150), dtype=np.int32)
        differences = []
        for draw in drawn:
            times = np.bincount(draw, minlength=150)
            over = sum(n * len(text) for n, text in zip(times, texts, strict=True))
            differences.append(100 * ((times * edits[1]).sum() - (times * edits[0]).sum()) / over)
        assert rise.interval == pytest.approx(np.percentile(differences, (2.5, 97.5)))

    def test_texts_that_are_equal_rise_by_nothing(self) -> None:
        right, full, _ = clips(LEAST_REFERENCES, 0.0, 0.0)
        rise = measure_rise(right, full, full)
        assert (rise.points, rise.interval, rise.outcome(0.0)) == (0.0, (0.0, 0.0), "passed")

    def test_the_interval_of_one_rate_lies_around_it(self) -> None:
        edits, characters = [0, 3, 0, 1] * 50, [10, 20, 5, 15] * 50
        low, high = interval_of(edits, characters)
        assert low < 100 * 200 / 2500 < high
        # What clips have above 8 % of their characters, over 12.5 characters a clip, and the root of 200 clips.
        spread = np.std([0 - 0.8, 3 - 1.6, 0 - 0.4, 1 - 1.2]) / 12.5 / 200**0.5
        assert high - low == pytest.approx(2 * 1.96 * 100 * spread, rel=0.05)


def accepted(clips: int, worse: float, better: float, changed: float, samples: int) -> float:
    """Give the share of samples whose upper end is no higher than allowed, however few their clips.

    The shares of clips that have more errors with a tail, and fewer, each by a share of its characters.
    """
    rng, times = np.random.default_rng(11), 0
    for _ in range(samples):
        characters, draw = rng.integers(5, 30, clips), rng.random(clips)
        by = np.maximum(1, (characters * changed).astype(np.int64))
        edits = by * np.array([(draw >= worse) & (draw < worse + better), draw < worse])
        rates = resampled_rates(edits, characters, 400, rng)
        times += interval(rates[1] - rates[0])[1] <= MOST
    return times / samples


class TestOutcome:
    @pytest.mark.parametrize(
        ("points", "ends", "outcome"),
        [
            (0.0, (-0.2, 0.3), "passed"),
            (-2.0, (-3.0, -1.0), "passed"),
            (0.0, (-0.2, 0.31), "undecided"),
            (0.5, (0.29, 0.8), "undecided"),
            (0.5, (0.31, 0.8), "failed"),
        ],
    )
    def test_it_hangs_on_the_end_of_the_interval_and_not_on_the_rise(
        self, points: float, ends: tuple[float, float], outcome: str
    ) -> None:
        assert Rise(points, ends, 500, 10.0 + points, 10.0).outcome(MOST) == outcome

    def test_made_up_texts_that_are_worse_equal_or_unclear_come_out_so(self) -> None:
        assert measure_rise(*clips(500, 0.2, 0.0)).outcome(MOST) == "failed"
        assert measure_rise(*clips(500, 0.0, 0.2)).outcome(MOST) == "passed"
        assert measure_rise(*clips(500, 0.03, 0.09)).outcome(MOST) == "undecided"

    def test_few_references_accept_nothing_and_fewer_refuse_nothing(self) -> None:
        few = Rise(0.0, (0.0, 0.0), LEAST_REFERENCES - 1, 10.0, 10.0)
        assert (few.outcome(MOST), few.clips_to_decide(MOST)) == ("undecided", LEAST_REFERENCES)
        worse = Rise(9.0, (3.0, 15.0), LEAST_TO_REFUSE, 19.0, 10.0)
        assert worse.outcome(MOST) == "failed"
        fewer = replace(worse, clips=LEAST_TO_REFUSE - 1)
        assert (fewer.outcome(MOST), fewer.clips_to_decide(MOST)) == ("undecided", LEAST_TO_REFUSE)

    @pytest.mark.parametrize(("share", "lost"), [(0.01, 0.6), (0.015, 0.4), (0.03, 0.2)])
    def test_harm_in_few_clips_is_seldom_accepted(self, share: float, lost: float) -> None:
        """Few clips lose so much of their characters, 0.6 points in all: no draw can see those that are not there."""
        wrongly = accepted(LEAST_REFERENCES, share, 0.0, lost, 600)
        assert wrongly <= 0.05
        assert wrongly < accepted(100, share, 0.0, lost, 100)

    def test_texts_that_differ_in_few_characters_can_be_accepted(self) -> None:
        assert accepted(LEAST_REFERENCES, 0.05, 0.05, 0.1, 100) >= 0.4


def decided(edits: Edits, characters: Edits, of: int, rng: np.random.Generator) -> bool:
    """Say whether so many clips, drawn from these, decide."""
    drawn = rng.integers(0, len(characters), of)
    rates = resampled_rates(edits[:, drawn], characters[drawn], 400, rng)
    low, high = interval(rates[1] - rates[0])
    return low > MOST or high <= MOST


class TestClipsToDecide:
    @pytest.mark.parametrize(("worse", "better"), [(0.03, 0.09), (0.05, 0.05)])
    def test_so_many_decide_in_most_cases_and_a_quarter_of_them_does_not(self, worse: float, better: float) -> None:
        right, full, fitted = clips(300, worse, better, seed=11)
        rise = measure_rise(right, full, fitted)
        assert rise.outcome(MOST) == "undecided"
        wanted = rise.clips_to_decide(MOST)
        assert wanted is not None
        texts = list(right.values())
        characters = np.array([len(text) for text in texts])
        edits = np.array([edits_of(texts, heard) for heard in (full, fitted)])
        rng = np.random.default_rng(3)
        enough = sum(decided(edits, characters, wanted, rng) for _ in range(50))
        fewer = sum(decided(edits, characters, wanted // 4, rng) for _ in range(50))
        assert enough >= 33
        assert fewer <= 25

    @pytest.mark.parametrize(
        ("rise", "clips"),
        [
            # Half as far from the bound takes four times as many, whichever side of it the rise is on.
            (Rise(0.1, (-0.9, 1.1), 200, 10.1, 10.0), 10_300),
            (Rise(0.5, (-0.5, 1.5), 200, 10.5, 10.0), 10_300),
            (Rise(0.2, (-0.8, 1.2), 200, 10.2, 10.0), 41_000),
            (Rise(MOST, (-0.7, 1.3), 200, 10.3, 10.0), None),
            (Rise(0.29, (-0.71, 1.29), 200, 10.29, 10.0), None),
        ],
    )
    def test_it_is_rounded_up_to_two_digits_and_a_million_is_enough(self, rise: Rise, clips: int | None) -> None:
        told = rise.clips_to_decide(MOST)
        if clips is None:
            assert told is None
        else:
            assert told is not None
            assert clips <= told <= 1.1 * clips
            assert len(str(told).rstrip("0")) <= 2

    def test_more_of_the_same_take_as_many_in_all(self) -> None:
        rise = Rise(0.1, (-0.9, 1.1), 200, 10.1, 10.0)
        narrower = replace(rise, interval=(-0.4, 0.6), clips=800)
        assert rise.clips_to_decide(MOST) == narrower.clips_to_decide(MOST)
