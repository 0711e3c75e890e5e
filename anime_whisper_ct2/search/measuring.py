"""What was found, on recordings that no trial has heard: how sure its rate is, and how sure that it is lower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from anime_whisper_ct2.evaluation.bootstrap import interval, resampled_rates
from anime_whisper_ct2.search.heard import Heard
from anime_whisper_ct2.search.objective import Counts, cer
from anime_whisper_ct2.search.records import LEAST_HELD_OUT, HeldOut, Margin, Role, Trial
from anime_whisper_ct2.search.telling import Clock, OnAdvance
from anime_whisper_ct2.search.trying import Trier

_DRAWS = 10_000
_SEED = 0


def best_of(trials: Sequence[Trial]) -> Trial:
    """Give the trial with the lowest CER of those that heard all, and of several the first."""
    return min((trial for trial in trials if trial.state == "complete"), key=lambda trial: (trial.cer, trial.number))


def compared(trials: Sequence[Trial], count: int) -> dict[Role, Trial]:
    """Give what is compared at the end, each once: the best, the last of so many checkpoints, the best single one."""
    singles = [trial for trial in trials if trial.kind == "single"]
    last = next(trial for trial in singles if trial.candidate.first == count - 1)
    found: dict[Role, Trial] = {"best": best_of(trials)}
    wanted: tuple[tuple[Role, Trial], ...] = (("last", last), ("single", best_of(singles)))
    for role, trial in wanted:
        if trial not in found.values():
            found[role] = trial
    return found


def measure(
    trier: Trier, heard: Heard, roles: Mapping[Role, Trial], on_advance: OnAdvance
) -> tuple[tuple[HeldOut, ...], tuple[Margin, ...]]:
    """Hear what was held out with each of some candidates, the best one first; nothing, where nothing was."""
    numbers = heard.parts.held_out
    if not numbers:
        return (), ()
    clock, total = Clock("measuring", on_advance), len(numbers) * len(roles)
    done = 0
    clock(0, total)

    def through() -> None:
        """Count a recording."""
        nonlocal done
        done += 1
        clock(done, total)

    edits: list[Counts] = []
    for trial in roles.values():
        with trier.listening(trial.candidate) as listener:
            found = listener.edits(heard, numbers, through)
        edits.append(np.array([found[number] for number in numbers], np.int64))
    return margins_of(roles, np.stack(edits), heard.scorer.characters[list(numbers)])


def margins_of(
    roles: Mapping[Role, Trial], edits: Counts, characters: Counts
) -> tuple[tuple[HeldOut, ...], tuple[Margin, ...]]:
    """Give the rate of each candidate, and how far the first one's lies above each other's, drawn in pairs.

    `edits`: shape (candidates, recordings). `characters`: shape (recordings,).
    """
    rates = resampled_rates(edits, characters, _DRAWS, np.random.default_rng(_SEED))
    total = int(characters.sum())
    cers = [cer(int(of_one.sum()), total) for of_one in edits]
    held = tuple(
        HeldOut(role, trial.number, cers[at], interval(rates[at])) for at, (role, trial) in enumerate(roles.items())
    )
    margins = tuple(
        Margin(one.role, cers[0] - cers[at], interval(rates[0] - rates[at]), few=len(characters) < LEAST_HELD_OUT)
        for at, one in enumerate(held)
        if at
    )
    return held, margins
