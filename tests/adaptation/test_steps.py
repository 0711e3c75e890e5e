"""What a step takes: lessons of like length, and every tail that is to be learnt."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.steps import Steps, fitted

LENGTHS = [*range(60, 1_000, 7), 2_990]


def steps(**options: object) -> Steps:
    return Steps(LENGTHS, AdaptOptions(**options))  # type: ignore[arg-type]


def test_a_step_is_the_same_whenever_it_is_drawn() -> None:
    assert [steps().draw(number) for number in range(99)] == [steps().draw(number) for number in range(99)]


def test_some_steps_are_at_30_s_with_fewer_lessons() -> None:
    draws = [steps(batch_size=8, full_every=5).draw(number) for number in range(80)]
    assert [at for at, draw in enumerate(draws) if draw.is_full and len(draw.places) == 2] == list(range(4, 80, 5))


def test_lessons_of_a_step_are_neighbours_and_fit_its_window() -> None:
    for number in range(500):
        draw = steps().draw(number)
        assert list(draw.places) == list(range(draw.places[0], draw.places[-1] + 1))
        assert LENGTHS[draw.places[-1]] <= draw.frames <= 3_000
        assert draw.frames % 2 == 0


def test_tails_reach_from_the_shortest_to_the_longest_and_all_ratios_are_alike() -> None:
    drawn = [steps(batch_size=1, tails_s=(2.56, 0.64)).draw(number) for number in range(4_000)]
    tails = np.array(
        [(d.frames - LENGTHS[d.places[-1]]) / 100 for d in drawn if not d.is_full and LENGTHS[d.places[-1]] < 2_000]
    )
    assert tails.min() >= 0.64
    assert tails.max() < 2.58  # rounded up to even frames
    # Half of them below the geometric mean.
    assert np.mean(tails < 1.28) == pytest.approx(0.5, abs=0.03)


def test_all_lessons_are_gone_through_before_any_comes_again() -> None:
    lengths = LENGTHS[: len(LENGTHS) // 4 * 4]
    groups = len(lengths) // 4
    of = Steps(lengths, AdaptOptions(batch_size=4, full_every=10**9))
    passes = [[of.draw(at + groups * n).places for at in range(groups)] for n in range(3)]
    for draws in passes:
        assert sorted(place for places in draws for place in places) == list(range(len(lengths)))
    assert len({tuple(draws) for draws in passes}) == 3


def test_there_may_be_fewer_lessons_than_a_step_takes() -> None:
    draw = Steps([100, 200], AdaptOptions(batch_size=8)).draw(0)
    assert draw.places == (0, 1)


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [steps(steps=400, learning_rate=1e-4).rate(number) for number in range(400)]
    top = int(np.argmax(rates))
    assert 25 <= top <= 30
    assert rates[top] == pytest.approx(1e-4, rel=0.1)
    assert np.all(np.diff(rates[: top + 1]) > 0)
    assert np.all(np.diff(rates[top:]) < 0)
    assert rates[-1] == pytest.approx(1e-4 / 400)


@pytest.mark.parametrize(("frames", "tail_s", "length"), [(101, 0.64, 166), (100, 0.64, 164), (2_990, 1.28, 3_000)])
def test_a_window_is_even_and_no_longer_than_30_s(frames: int, tail_s: float, length: int) -> None:
    assert fitted(frames, tail_s) == length
