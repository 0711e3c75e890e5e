"""What a sample says of the whole, against scipy."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.reviews import Sample, upper_bound


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
@pytest.mark.parametrize(
    ("wrong", "k"),
    [(0, 1), (0, 300), (1, 300), (7, 300), (150, 300), (299, 300), (300, 300), (3, 5), (12, 20_000), (400, 50_000)],
)
def test_the_bound_is_clopper_and_pearson_s(wrong: int, k: int, confidence: float) -> None:
    from scipy.stats import beta

    expected = 1.0 if wrong == k else beta.ppf(confidence, wrong + 1, k - wrong)
    assert upper_bound(wrong, k, confidence) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_none_wrong_of_300_is_below_1_percent() -> None:
    assert 0.0099 < upper_bound(0, 300) < 0.01


def test_of_no_sample_nothing_is_known() -> None:
    assert upper_bound(0, 0) == 1.0


@pytest.mark.parametrize(("wrong", "k"), [(-1, 3), (4, 3)])
def test_there_is_no_such_sample(wrong: int, k: int) -> None:
    with pytest.raises(ValueError, match="no such sample"):
        upper_bound(wrong, k)


def test_a_sample_is_read_back_as_it_was_written() -> None:
    told = {"drawn": 400, "skipped": 1, "filters": {"flag": "doubtful"}}
    sample = Sample(seed=7, k=300, of=12_000, wrong=2, bound=upper_bound(2, 300), **told)
    assert Sample.from_value(sample.as_value()) == sample


@pytest.mark.parametrize(
    "wrong", [{"k": 1.5}, {"k": True}, {"wrong": 4}, {"bound": 2}, {"of": -1}, {"drawn": 2}, {"skipped": 1}]
)
def test_what_cannot_be_a_sample_is_none(wrong: dict[str, object]) -> None:
    value = Sample(1, 3, 9, 0, 0.5, 3).as_value() | wrong
    with pytest.raises(ValueError, match=r"no |cannot"):
        Sample.from_value(value)
