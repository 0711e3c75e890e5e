"""What a reviewer can undo and redo."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from anime_whisper_ct2.reviews.records import Decision

# Of a step, and of the undo that undid it: numbers as `Ledger.key` gives them, and 0 where it is not undone.
Keys = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Step:
    """A decision, or a batch of them: what goes and comes back together.

    `name` is the value of a line that undoes it, and `undone_by`, of a step that is undone, that of one that redoes
    it. `first` is its first line, `count` how many it has.
    """

    name: str
    first: Decision
    count: int
    undone_by: str | None = None


class _Steps(Sequence[Step]):
    """Steps that are read from the logs when they are looked at."""

    def __init__(self, keys: Sequence[Keys], read: Callable[[Keys], Step]) -> None:
        self._keys = keys
        self._read = read

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Step: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Step]: ...
    def __getitem__(self, at: int | slice) -> Step | Sequence[Step]:
        return _Steps(self._keys[at], self._read) if isinstance(at, slice) else self._read(self._keys[at])


class _Pairs(Sequence[Keys]):
    """Packed numbers of steps that are not undone."""

    def __init__(self, packed: array[int]) -> None:
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, at: int) -> Keys: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Keys]: ...
    def __getitem__(self, at: int | slice) -> Keys | Sequence[Keys]:
        return _Pairs(self._packed[at]) if isinstance(at, slice) else (self._packed[at], 0)


@dataclass(frozen=True, slots=True)
class Steps:
    """What one reviewer can undo, and redo, as it is at the moment of asking: the next one of each is the last."""

    undoable: Sequence[Step]
    redoable: Sequence[Step]


class Stack:
    """The steps of one reviewer, as lines come in the order of their times; 8 bytes for each that can be undone."""

    def __init__(self) -> None:
        self._done = array("q")
        self._undone: list[Keys] = []

    def did(self, key: int) -> None:
        """Note a decision: the next of a batch that is the last step, or a step of its own."""
        if not self._done or self._done[-1] != key:
            self._done.append(key)
        # What was undone before something else was done is not done again.
        self._undone.clear()

    def undid(self, target: int, at: int) -> None:
        """Note an undo, of a step or of an earlier undo; what undoes neither changes nothing."""
        for place, (key, undone_at) in enumerate(self._undone):
            if undone_at == target:
                del self._undone[place]
                self._done.append(key)
                return
        for place in range(len(self._done) - 1, -1, -1):
            if self._done[place] == target:
                del self._done[place]
                self._undone.append((target, at))
                return

    def steps(self, read: Callable[[Keys], Step]) -> Steps:
        """Give the steps as they are now."""
        return Steps(_Steps(_Pairs(self._done[:]), read), _Steps(tuple(self._undone), read))
