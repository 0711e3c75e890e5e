"""What the sampler proposes to try next: Optuna's TPE, asked anew each time.

It gets a study of its own, in memory, with the trials so far: its proposal depends on those and on the seed alone, and
nothing of it is left in a file.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from anime_whisper_ct2.search.candidates import Space

# What there is to say, a search says itself.
optuna.logging.set_verbosity(optuna.logging.ERROR)

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
TRIED = (*FINISHED, TrialState.RUNNING)


def proposal(space: Space, known: Sequence[FrozenTrial], seed: int) -> dict[str, float]:
    """Give the parameters of what to try next, by a seed and the trials so far; of those that run, others stay away."""
    finished = sum(trial.state in FINISHED for trial in known)
    with warnings.catch_warnings():
        # What is asked for is called experimental in some versions.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            multivariate=True,
            constant_liar=True,
            seed=int(np.random.SeedSequence((seed, finished)).generate_state(1)[0]),
        )
    study = optuna.create_study(storage=InMemoryStorage(), sampler=sampler)
    study.add_trials(known)
    return study.ask(distributions(space)).params


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Give the parameters of a space as Optuna has them."""
    if space.strategy == "range":
        return {name: IntDistribution(0, space.count - 1) for name in space.parameters}
    return {name: FloatDistribution(0.0, 1.0) for name in space.parameters}
