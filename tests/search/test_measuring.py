"""What was found is compared in pairs, on recordings that no trial has heard."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.search.measuring import best_of, compared, margins_of
from anime_whisper_ct2.search.records import Candidate, Kind, State, Trial


def trial(number: int, kind: Kind, first: int, last: int, cer: float, state: State = "complete") -> Trial:
    return Trial(number, kind, Candidate(first, last), cer, 5, state, 1.0)


SINGLES = [trial(0, "single", 0, 0, 9.0), trial(1, "single", 1, 1, 7.0), trial(2, "single", 2, 2, 8.0)]
UNIFORM = trial(3, "uniform", 0, 2, 7.5)


def test_the_lowest_rate_is_best_and_of_several_the_first_and_never_one_that_was_given_up() -> None:
    assert best_of([*SINGLES, UNIFORM, trial(4, "trial", 0, 1, 7.0)]).number == 1
    assert best_of([*SINGLES, UNIFORM, trial(4, "trial", 0, 1, 3.0, "pruned")]).number == 1
    assert best_of([*SINGLES, UNIFORM, trial(4, "trial", 0, 1, 6.9)]).number == 4


def test_best_last_and_best_single_one_are_compared_each_once() -> None:
    found = compared([*SINGLES, UNIFORM, trial(4, "trial", 0, 1, 6.0)], 3)
    assert {role: one.number for role, one in found.items()} == {"best": 4, "last": 2, "single": 1}
    assert {role: one.number for role, one in compared([*SINGLES, UNIFORM], 3).items()} == {"best": 1, "last": 2}
    last_is_best = [*SINGLES[:2], trial(2, "single", 2, 2, 1.0), UNIFORM]
    assert {role: one.number for role, one in compared(last_is_best, 3).items()} == {"best": 2}


@pytest.mark.parametrize(("recordings", "distinguishable"), [(5, False), (6, True)])
def test_of_too_few_recordings_nothing_can_be_told_apart(recordings: int, distinguishable: bool) -> None:
    roles = compared([*SINGLES[:2], trial(2, "single", 2, 2, 7.0), trial(4, "trial", 0, 1, 6.0)], 3)
    edits = np.stack([np.zeros(recordings, np.int64), *(np.full(recordings, 3) for _ in list(roles)[1:])])
    _, margins = margins_of(roles, edits, np.full(recordings, 20))
    assert [margin.distinguishable for margin in margins] == [distinguishable] * len(margins)


def test_what_differs_in_every_recording_is_told_apart_and_what_differs_by_chance_is_not() -> None:
    rng = np.random.default_rng(1)
    characters = np.full(80, 20)
    best = rng.integers(0, 3, 80)
    roles = compared([*SINGLES, UNIFORM, trial(4, "trial", 0, 1, 6.0)], 3)
    held, margins = margins_of(roles, np.stack([best, best + 2, rng.permutation(best)]), characters)
    assert [one.role for one in held] == ["best", "last", "single"]
    assert [one.trial for one in held] == [4, 2, 1]
    total = characters.sum()
    assert held[0].cer == pytest.approx(100 * best.sum() / total)
    assert [one.role for one in margins] == ["last", "single"]
    assert margins[0].points == pytest.approx(-100 * 160 / total)
    assert margins[0].distinguishable
    assert margins[1].points == pytest.approx(0)
    assert not margins[1].distinguishable
    for one in held:
        assert one.interval[0] < one.cer < one.interval[1]
    # The same draws for all: of two that differ by a constant, so does every draw.
    assert margins[0].interval == pytest.approx((margins[0].points, margins[0].points))
