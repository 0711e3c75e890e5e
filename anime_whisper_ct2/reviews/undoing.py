"""Which steps are undone: an undo counts unless a later one undoes it, worked out from the latest to the earliest."""

from __future__ import annotations

from collections import Counter

# A step of one reviewer, as `Ledger.key` numbers it.
Key = int


class Undoing:
    """The undos of one reviewer. What undoes nothing earlier counts for nothing, so that there is no circle."""

    def __init__(self) -> None:
        self._targets: dict[Key, Key] = {}  # by the time of the undo, which is its own step
        self._count: Counter[Key] = Counter()
        self._latest: Key | None = None

    def add(self, at: Key, target: Key) -> None:
        """Take an undo in: its time in microseconds, and the step that it undoes."""
        if target >= at or at in self._targets:
            return
        self._targets[at] = target
        if self._latest is None or at > self._latest:
            self._latest = at
            self._turn(at)
            return
        # One that came late, out of another's copy of the log.
        self._count.clear()
        for each in sorted(self._targets, reverse=True):
            if not self._count[each]:
                self._count[self._targets[each]] += 1

    def is_undone(self, step: Key) -> bool:
        """Say whether a step is undone."""
        return self._count.get(step, 0) > 0

    def origin(self, step: Key) -> Key:
        """Give what a step comes down to: of an undo, or of an undo of that, the step that all began with."""
        while step in self._targets:
            step = self._targets[step]
        return step

    def _turn(self, undo: Key) -> None:
        """Let the latest undo count, and follow what that changes: each undoes, or lets count again, an earlier one."""
        counts = True
        while True:
            target = self._targets[undo]
            before = self._count[target] > 0
            self._count[target] += 1 if counts else -1
            if (self._count[target] > 0) == before or target not in self._targets:
                return
            undo, counts = target, before
