"""A queue that several threads fill and one empties, several items at a time: less is done for each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

# Items that are taken at a time. They count as long as they are in use.
_AT_A_TIME = 32


class Inbox(Generic[T]):
    """Holds `most_items`, and what weighs `most_weight`; a bit more is in use by whoever takes. One thread takes.

    What is put at a time is put whole as soon as there is any room.
    """

    def __init__(self, most_items: int, most_weight: int, weigh: Callable[[T], int]) -> None:
        self._most_items = most_items
        self._most_weight = most_weight
        self._weigh = weigh
        self._weight = 0
        self._waiting: deque[tuple[T, int]] = deque()
        lock = threading.Lock()
        self._filled, self._emptied = threading.Condition(lock), threading.Condition(lock)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, items: Sequence[T], wait_s: float) -> bool:
        """Put items behind all others, together; False when there is no room for so long."""
        weighed = [(item, self._weigh(item)) for item in items]
        with self._emptied:
            if not self._emptied.wait_for(self._has_room, wait_s):
                return False
            self._waiting += weighed
            self._weight += sum(weight for _, weight in weighed)
            self._filled.notify()
        return True

    def take(self, wait_s: float) -> list[T]:
        """Take the next items; none when none came for so long."""
        with self._filled:
            if not self._waiting:
                self._filled.wait(wait_s)
            count = min(_AT_A_TIME, len(self._waiting))
            taken = [self._waiting.popleft() for _ in range(count)]
            self._weight -= sum(weight for _, weight in taken)
            # Not for every item: who waits has several by then.
            if len(self._waiting) <= self._most_items // 2 and self._weight <= self._most_weight // 2:
                self._emptied.notify_all()
        return [item for item, _ in taken]

    def clear(self) -> None:
        """Forget what waits."""
        with self._emptied:
            self._waiting.clear()
            self._weight = 0
            self._emptied.notify_all()

    def _has_room(self) -> bool:
        return len(self._waiting) < self._most_items and self._weight < self._most_weight
