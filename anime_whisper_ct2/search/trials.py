"""Trials, one after the other, until none is left: each part by part, and given up where it is hopeless."""

from __future__ import annotations

import time
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING

from anime_whisper_ct2.search.heard import Heard
from anime_whisper_ct2.search.measuring import best_of
from anime_whisper_ct2.search.objective import cer
from anime_whisper_ct2.search.study import Begun, Study
from anime_whisper_ct2.search.telling import Clock, OnAdvance, OnNote
from anime_whisper_ct2.search.trying import Trier

if TYPE_CHECKING:
    from anime_whisper_ct2.models import PrefixSums

# How often whoever has nothing left to try looks whether others still do.
_LOOK_EVERY_S = 0.5


class Trials:
    """Tries what a study gives, with what a corpus sounds like, until so many were tried; tells how far it is."""

    def __init__(
        self, study: Study, trier: Trier, heard: Heard, sums: PrefixSums | None, on_advance: OnAdvance, on_note: OnNote
    ) -> None:
        self._study, self._trier, self._heard, self._sums = study, trier, heard, sums
        self._clock, self._note = Clock("trying", on_advance), on_note
        self._wanted = trier.options.trials
        self._total = study.planned(self._wanted)
        self._done = 0
        self._best: float | None = None

    def __call__(self) -> None:
        """Try all that is left. Raises what a trial raises; it can be gone on with."""
        waited = False
        while True:
            finished = self._study.trials()
            self._done = len(finished)
            self._best = best_of(finished).cer if any(one.state == "complete" for one in finished) else None
            self._tell()
            begun = self._study.begin(self._wanted)
            if begun == "done":
                return
            if isinstance(begun, Begun):
                self._try(begun)
                continue
            if not waited:
                self._note("Nothing is left to begin; waiting for other processes, which try the last ones")
                waited = True
            Event().wait(_LOOK_EVERY_S)

    def _try(self, begun: Begun) -> None:
        # As if it had begun by so much earlier.
        since, edits = time.monotonic() - begun.seconds, list(map(list, begun.edits))
        parts = self._heard.parts.tried
        with ExitStack() as stack:
            listener = None
            if edits:
                self._keep(begun, edits, since)  # whoever was at it may have been killed halfway through this
            while len(edits) < len(parts):
                # Single checkpoints and all alike are what others are held against.
                if begun.kind == "trial" and edits and self._study.is_hopeless(begun.number):
                    break
                listener = listener or stack.enter_context(self._trier.listening(begun.candidate, self._sums))
                found = listener.edits(self._heard, parts[len(edits)], lambda: None)
                edits.append([found[number] for number in parts[len(edits)]])
                self._keep(begun, edits, since)
        pruned = len(edits) < len(parts)
        self._study.finish(begun.number, self._cer(edits), time.monotonic() - since, pruned=pruned)

    def _keep(self, begun: Begun, edits: list[list[int]], since: float) -> None:
        part = self._heard.parts.tried[len(edits) - 1]
        rate = cer(sum(edits[-1]), self._heard.scorer.characters_of(part))
        self._study.keep(begun.number, edits, rate, time.monotonic() - since)
        self._tell(self._cer(edits))

    def _cer(self, edits: list[list[int]]) -> float:
        """Give the rate over all parts so far, in percent."""
        heard = [number for part in self._heard.parts.tried[: len(edits)] for number in part]
        return cer(sum(map(sum, edits)), self._heard.scorer.characters_of(heard))

    def _tell(self, so_far: float | None = None) -> None:
        self._clock(self._done, max(self._total, self._done), so_far, self._best)
