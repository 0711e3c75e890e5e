"""Shards that are cut ahead of the engines, each as long as one takes some 20 s for."""

from __future__ import annotations

from collections.abc import Iterable

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.ahead import Ahead
from anime_whisper_ct2.executors.cluster.engines import Packed
from anime_whisper_ct2.executors.cluster.shards import cut

# Shards that wait for an engine.
_MOST = 8
# Each is to keep an engine busy for so long; until that can be told, and at least and at most, so much audio.
_SHARD_TIME_S = 20.0
_FIRST_SHARD_S, _LEAST_SHARD_S, _MOST_SHARD_S = 60.0, 30.0, 36_000.0


class ShardsAhead:
    """Cuts a corpus into shards in a thread of its own."""

    def __init__(self) -> None:
        self._cut: Ahead[Packed] | None = None
        self._target_s = _FIRST_SHARD_S
        self._stopping = False

    def start(self, tasks: Iterable[Task]) -> None:
        """Begin to list."""
        shards = map(Packed.of, cut(tasks, lambda: self._target_s))
        self._cut = Ahead(shards, _MOST, lambda: self._stopping)

    def stop(self) -> None:
        """List no more."""
        self._stopping = True

    @property
    def exhausted(self) -> bool:
        """Whether the last shard was given."""
        return self._cut is not None and self._cut.over

    def next(self) -> Packed | None:
        """Give the next shard; None at the end, and while none is cut. Raises what the listing raised."""
        return self._cut.next() if self._cut is not None else None

    def measure(self, speed: float) -> None:
        """Learn from an engine's speed, in times of real time, how much audio the next shards should hold.

        0.0 says nothing: of containers nobody knows how long they are.
        """
        if not speed:
            return
        wanted_s = min(_MOST_SHARD_S, max(_LEAST_SHARD_S, speed * _SHARD_TIME_S))
        # Half way only: the speed of a single shard says little.
        self._target_s = (self._target_s + wanted_s) / 2
