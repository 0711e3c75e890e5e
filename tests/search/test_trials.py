"""A trial that somebody else has begun is gone on with, and what it has taken already counts."""

from __future__ import annotations

from contextlib import contextmanager
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import numpy as np

from anime_whisper_ct2.search.objective import Scorer
from anime_whisper_ct2.search.records import Candidate
from anime_whisper_ct2.search.study import Begun
from anime_whisper_ct2.search.trials import Trials


class Study:
    """Has one trial to be gone on with, and keeps what becomes of it."""

    def __init__(self, begun: Begun) -> None:
        self._left: list[Any] = [begun, "done"]
        self.kept: list[tuple[Any, ...]] = []
        self.trials = tuple
        self.planned = lambda trials: trials
        self.is_hopeless = lambda _number: False
        self.begin = lambda _trials: self._left.pop(0)
        self.keep = lambda *given: self.kept.append(deepcopy(given))
        self.finish = lambda *given, pruned: self.kept.append((*given, pruned))


def test_the_parts_that_were_heard_before_are_not_heard_again_and_their_seconds_count() -> None:
    study = Study(Begun(3, "trial", Candidate(0, 1), ((1, 2),), 100.0))
    heard = SimpleNamespace(
        parts=SimpleNamespace(tried=((4, 0), (2, 1))), scorer=Scorer(["いろはにほ"] * 5, "none"), listed=None
    )

    @contextmanager
    def listening(_candidate: Candidate, _sums: None) -> Any:
        yield SimpleNamespace(edits=lambda _heard, numbers, _on_recording: {number: number for number in numbers})

    trier: Any = SimpleNamespace(options=SimpleNamespace(trials=1), listening=listening)
    given: Any = study, trier, heard
    Trials(*given, None, lambda _advance: None, lambda _line: None)()
    first, second, (number, cer, seconds, pruned) = study.kept
    assert (first[1], second[1]) == ([[1, 2]], [[1, 2], [2, 1]])
    assert np.isclose([first[2], second[2]], [30, 30]).all()
    assert (number, cer, pruned) == (3, 30.0, False)
    assert 100 <= first[3] <= second[3] <= seconds < 200
