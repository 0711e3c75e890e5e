"""What is proposed depends on the seed and on the trials before, and on nothing else."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from anime_whisper_ct2.search.candidates import Space
from anime_whisper_ct2.search.options import Strategy
from anime_whisper_ct2.search.proposing import distributions, proposal
from anime_whisper_ct2.search.records import Candidate


def trial(space: Space, candidate: Candidate, cer: float | None) -> FrozenTrial:
    return optuna.trial.create_trial(
        state=TrialState.RUNNING if cer is None else TrialState.COMPLETE,
        value=cer,
        params=space.values(candidate),
        distributions=distributions(space),
    )


def rated(space: Space) -> list[FrozenTrial]:
    """All single checkpoints: those in the middle are best."""
    middle = (space.count - 1) / 2
    return [trial(space, single, abs(at - middle)) for at, single in enumerate(space.singles)]


@pytest.mark.parametrize("strategy", ["range", "weights"])
def test_the_same_trials_and_seed_give_the_same_proposal(strategy: Strategy) -> None:
    space = Space(12, strategy)
    first = proposal(space, rated(space), 3)
    assert first.keys() == set(space.parameters)
    assert proposal(space, rated(space), 3) == first
    assert proposal(space, rated(space), 4) != first
    assert proposal(space, rated(space)[:-1], 3) != first


def test_proposals_are_near_what_was_good_and_nothing_is_said_about_it(capfd: pytest.CaptureFixture[str]) -> None:
    space = Space(16, "range")
    ranges = [Candidate(first, last) for first in range(0, 16, 3) for last in range(first, 16, 3)]
    known = [trial(space, one, abs(one.first - 5) + abs(one.last - 11)) for one in ranges]
    found = [space.candidate(proposal(space, known, seed)) for seed in range(20)]
    # Of ranges drawn anywhere, the ends lie 8 checkpoints apart from those.
    assert sum(abs(one.first - 5) + abs(one.last - 11) for one in found) / len(found) < 4
    assert capfd.readouterr() == ("", "")


def test_what_runs_is_known_to_the_sampler() -> None:
    space = Space(12, "range")
    known = rated(space)
    wanted = space.candidate(proposal(space, known, 0))
    assert space.candidate(proposal(space, [*known, trial(space, wanted, None)], 0)) != wanted
