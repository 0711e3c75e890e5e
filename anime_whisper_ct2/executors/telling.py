"""How far long recordings have come, whatever their engines died over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.records import Headway, Home


class Telling:
    """Takes the headway of engines and gives that of the run.

    An engine that goes on with a recording goes over what is done of it once more, and takes what the lost one did for
    the work of earlier runs; here nothing goes back, and `kept_s` is only what the recording brought along at first.
    """

    def __init__(self) -> None:
        self._last: dict[int, Headway] = {}
        # Seconds of windows that were done in this run.
        self._own_s: defaultdict[int, float] = defaultdict(float)
        # Of the windows that a recording brings along to another engine, the share that it brought along at first.
        self._share: dict[int, float] = {}

    def told(self, headway: Headway) -> Headway:
        """Give what is to be told in place of an engine's word."""
        key = headway.key
        self._own_s[key] += _length_s(headway.homes)
        last = self._last.get(key)
        if last is not None and headway.done_s < last.done_s:
            return replace(last, homes=headway.homes)
        said = replace(headway, kept_s=headway.kept_s * self._share.get(key, 1.0))
        self._last[key] = replace(said, homes=())
        return said

    def lost(self, left: Iterable[Task]) -> None:
        """Note what goes to another engine, with all that is home of it."""
        for key, recording in left:
            if brought_s := _length_s(recording.home):
                self._share[key] = max(0.0, 1.0 - self._own_s[key] / brought_s)

    def ended(self, key: int) -> None:
        """Forget a recording that is done, or has failed."""
        self._last.pop(key, None)
        self._own_s.pop(key, None)
        self._share.pop(key, None)


def _length_s(homes: Iterable[Home]) -> float:
    return sum(home.end_s - home.start_s for home in homes)
