"""A trial is given up where many recordings say that it is worse, and not where a few do."""

from __future__ import annotations

import numpy as np
import pytest

from anime_whisper_ct2.search.pruning import is_hopeless

BEST = [int(edits) for edits in np.random.default_rng(0).poisson(2, 200)]


@pytest.mark.parametrize(("heard", "hopeless"), [(0, False), (15, False), (16, True), (200, True)])
def test_what_is_worse_everywhere_is_given_up_as_soon_as_enough_was_heard(heard: int, hopeless: bool) -> None:
    assert is_hopeless([edits + 1 for edits in BEST[:heard]], BEST) is hopeless


def test_what_is_as_good_or_better_is_not_given_up() -> None:
    for edits in (BEST, BEST[:40], [max(0, one - 1) for one in BEST], [0] * 30):
        assert not is_hopeless(edits, BEST)


def test_what_is_a_little_worse_in_most_and_much_better_in_one_is_not_given_up() -> None:
    # A model that loops is wrong by hundreds of characters in a single recording.
    looping = [*BEST[:19], BEST[19] + 300, *BEST[20:]]
    assert not is_hopeless([edits + 1 for edits in BEST[:20]], looping)
    assert is_hopeless([edits + 1 for edits in BEST[:19]], looping)


def test_few_that_are_better_are_given_up_by_chance() -> None:
    rng, given_up = np.random.default_rng(1), 0
    for _ in range(40):
        difficulty = rng.gamma(0.5, 4, 96)
        best, trial = (rng.poisson(difficulty * factor) for factor in (1.0, 0.95))
        given_up += any(is_hopeless(list(trial[:heard]), list(best)) for heard in range(16, 96, 8))
    assert given_up <= 1
