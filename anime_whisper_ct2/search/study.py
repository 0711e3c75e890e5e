"""A study of averages, from which any number of processes take what to try.

A trial is one record from its first moment on, with what is tried and who tries it, and gets what each part of the
corpus came to. So whoever comes after a killed process goes on with its trial, where that was. What the sampler
proposes depends on the seed and on the trials before, and on nothing that goes with a process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import optuna
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.search.candidates import Space
from anime_whisper_ct2.search.company import Company
from anime_whisper_ct2.search.proposing import FINISHED, TRIED, distributions, proposal
from anime_whisper_ct2.search.pruning import is_hopeless
from anime_whisper_ct2.search.records import Candidate, Kind, Trial
from anime_whisper_ct2.search.study_file import NAME, check_study, kept, make_study, opened_storage, remove_study

T = TypeVar("T")

# Of a trial.
_KIND, _CANDIDATE, _OWNER, _EDITS, _SECONDS = "kind", "candidate", "process", "edits", "seconds"


@dataclass(frozen=True, slots=True)
class Begun:
    """A trial of this process.

    `edits`: of each recording, by the parts that have been heard already; `seconds`: what that took.
    """

    number: int
    kind: Kind
    candidate: Candidate
    edits: tuple[tuple[int, ...], ...] = ()
    seconds: float = 0.0


# Others still try the last ones; nothing is left at all.
Rest = Literal["others", "done"]


class Study:
    """A study that is open, of one question alone. Raises OutputError where its file cannot be written."""

    def __init__(self, path: Path, storage: RDBStorage, space: Space, seed: int, company: Company) -> None:
        self.path = path
        self._storage, self._space, self._seed, self._company = storage, space, seed, company
        with kept(path):
            self._id = storage.get_study_id_from_name(NAME)

    def remember(self, key: str, value: T) -> T:
        """Give what the study knows under a key, as JSON has it; where it knows nothing, it is this from now on.

        What is known of a study in which nobody has tried anything yet, and nobody else is about to, says nothing.
        """
        with kept(self.path), self._company.alone():
            known = self._storage.get_study_user_attrs(self._id)
            if key in known and (self._all() or self._company.others()):
                return cast(T, known[key])
            self._storage.set_study_user_attr(self._id, key, value)
            return value

    def begin(self, trials: int) -> Begun | Rest:
        """Take what is to be tried next: what a process that is gone was at, single checkpoints, all alike, and then
        so many that the sampler proposes.
        """
        with kept(self.path), self._company.alone():
            known = self._all()
            running = [trial for trial in known if trial.state is TrialState.RUNNING]
            for trial in running:
                if not self._company.is_there(trial.user_attrs[_OWNER]) or self._is_mine(trial):
                    self._storage.set_trial_user_attr(trial._trial_id, _OWNER, self._company.token)
                    return _begun(trial)
            found = self._next(known, trials)
            if found is None:
                return "others" if running else "done"
            return self._add(*found)

    def keep(self, number: int, edits: Sequence[Sequence[int]], cer: float, seconds: float) -> None:
        """Keep the edits of each recording, by the parts that a trial has heard so far.

        `cer`: of the last part, in percent, for whoever looks at the study; `seconds`: what all of them took.
        """
        with kept(self.path):
            id_ = self._trial_id(number)
            self._storage.set_trial_user_attr(id_, _SECONDS, round(seconds, 3))
            self._storage.set_trial_user_attr(id_, _EDITS, list(map(list, edits)))
            self._storage.set_trial_intermediate_value(id_, len(edits) - 1, cer)

    def is_hopeless(self, number: int) -> bool:
        """Say whether a trial is given up, since it is worse than the best one in so many of the same recordings."""
        with kept(self.path):
            trial = self._storage.get_trial(self._trial_id(number))
            complete = [one for one in self._all() if one.state is TrialState.COMPLETE]
        if not complete:
            return False
        best = min(complete, key=lambda one: (one.value, one.number))
        return is_hopeless(_edits(trial), _edits(best))

    def finish(self, number: int, cer: float, seconds: float, *, pruned: bool = False) -> None:
        """Close a trial. `cer`: over all parts that it has heard, in percent."""
        with kept(self.path):
            id_ = self._trial_id(number)
            self._storage.set_trial_user_attr(id_, _SECONDS, round(seconds, 3))
            state = TrialState.PRUNED if pruned else TrialState.COMPLETE
            self._storage.set_trial_state_values(id_, state, [cer])

    def trials(self) -> tuple[Trial, ...]:
        """Give those that are finished, in the order in which they were begun."""
        with kept(self.path):
            return tuple(map(_told, (trial for trial in self._all() if trial.state in FINISHED)))

    def is_empty(self) -> bool:
        """Say whether nobody has begun to try anything."""
        with kept(self.path):
            return not self._all()

    def planned(self, trials: int) -> int:
        """Give how many there are to be in all, single checkpoints among them, when so many are to be proposed."""
        space = self._space
        given = len({*space.singles, space.uniform})
        return given + (trials if space.size is None else min(trials, space.size - given))

    def _all(self) -> list[FrozenTrial]:
        """Give all that count; what others have put into the file does not."""
        trials = self._storage.get_all_trials(self._id, deepcopy=False)
        return [trial for trial in trials if trial.state in TRIED and _KIND in trial.user_attrs]

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return bool(trial.user_attrs[_OWNER] == self._company.token)

    def _next(self, known: Sequence[FrozenTrial], trials: int) -> tuple[Kind, Candidate] | None:
        """Give what nobody has begun yet."""
        candidates = {_candidate(trial) for trial in known}
        for single in self._space.singles:
            if single not in candidates:
                return "single", single
        if self._space.uniform not in candidates:
            return "uniform", self._space.uniform
        if sum(trial.user_attrs[_KIND] == "trial" for trial in known) >= trials:
            return None
        wanted = self._space.candidate(proposal(self._space, known, self._seed))
        found = self._space.nearest(wanted, candidates)
        return ("trial", found) if found else None

    def _add(self, kind: Kind, candidate: Candidate) -> Begun:
        """Write down what this process tries from now on, at once."""
        attributes = {
            _KIND: kind,
            _CANDIDATE: json.loads(json.dumps(asdict(candidate))),
            _OWNER: self._company.token,
        }
        trial = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=self._space.values(candidate),
            distributions=distributions(self._space),
            user_attrs=attributes,
        )
        id_ = self._storage.create_new_trial(self._id, template_trial=trial)
        return Begun(self._storage.get_trial(id_).number, kind, candidate)


@contextmanager
def opened_study(
    path: Path, about: Mapping[str, Any], words: Mapping[str, str], space: Space, seed: int, company: Company
) -> Iterator[Study]:
    """Open the study in a file, made where there is none, for as long as the context lasts.

    `about`: the question that it is of, as JSON has it; `words`: what to call what differs in a study of another one.
    Raises InputError for such a study, with nothing changed in it, and for a file that is no study of ours. One in
    which nothing has been tried becomes what is wanted; one that was made here goes, if the search turns out to be
    refused before it tries anything.
    """
    with kept(path):
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file for the study with --study")
        with company.alone():
            there = path.exists() and path.stat().st_size > 0
            if not there or not check_study(path, about, words):
                if there and company.others():
                    raise InputError(f"{path}: another search has just begun there; name another file with --study")
                make_study(path, about)
            storage = opened_storage(path)
    try:
        study = Study(path, storage, space, seed, company)
        try:
            yield study
        except InputError:
            with company.alone():
                if not there and study.is_empty() and not company.others():
                    remove_study(path)
            raise
    finally:
        storage.engine.dispose()


def _candidate(trial: FrozenTrial) -> Candidate:
    given = trial.user_attrs[_CANDIDATE]
    weights = tuple((pattern, tuple(shares)) for pattern, shares in given["weights"])
    return Candidate(given["first"], given["last"], weights)


def _begun(trial: FrozenTrial) -> Begun:
    attributes = trial.user_attrs
    edits = tuple(map(tuple, attributes.get(_EDITS, ())))
    return Begun(trial.number, attributes[_KIND], _candidate(trial), edits, attributes.get(_SECONDS, 0.0))


def _edits(trial: FrozenTrial) -> list[int]:
    return list(chain.from_iterable(trial.user_attrs[_EDITS]))


def _told(trial: FrozenTrial) -> Trial:
    attributes = trial.user_attrs
    assert trial.value is not None  # it is finished
    return Trial(
        trial.number,
        attributes[_KIND],
        _candidate(trial),
        trial.value,
        len(attributes[_EDITS]),
        "pruned" if trial.state is TrialState.PRUNED else "complete",
        attributes[_SECONDS],
    )
