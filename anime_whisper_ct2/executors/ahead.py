"""Reading ahead: a thread that lists what is to be done, a bounded number of items before they are wanted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_EVERY_S = 0.1
# Rows of tables bring their audio along, of whatever size.
_MOST_BYTES = 64 << 20


class Ahead(Generic[T]):
    """Takes items out of an iterable in a thread of its own; any number of threads may have them.

    `most`: items that wait here; none is taken either while those here weigh 64 MiB, each as many bytes as `weigh`
    says. The thread is never joined: it may be waiting in the iterable, for as long as that likes. It begins no further
    item once `stopped` says so.
    """

    def __init__(
        self,
        items: Iterable[T],
        most: int,
        stopped: Callable[[], bool] = lambda: False,
        weigh: Callable[[T], int] = lambda _: 0,
    ) -> None:
        self._most = most
        self._stopped = stopped
        self._weigh = weigh
        self._waiting: deque[tuple[T, int]] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        threading.Thread(target=self._take, args=(items,), name="ahead", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether the end was met, and everything before it taken."""
        with self._changed:
            return self._ended and not self._waiting and self._error is None

    def next(self, wait_s: float = 0.0) -> T | None:
        """Give the next item; None at the end, and when there is none yet, after waiting so long.

        Raises what the iterable raised, once.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended, wait_s)
            if self._waiting:
                item, weight = self._waiting.popleft()
                self._waiting_bytes -= weight
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        return None

    def several(self, most: int, left: int) -> list[T]:
        """Give further items, as far as they are there, and so many would be left for others."""
        with self._changed:
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting) - left))]
            self._waiting_bytes -= sum(weight for _, weight in taken)
            if taken:
                self._changed.notify_all()
        return [item for item, _ in taken]

    def _take(self, items: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            for item in items:
                if not self._put(item):
                    return
                del item  # it may be heavy, and the next one long in coming
        except BaseException as caught:  # reaches whoever takes the next item
            error = caught
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        weight = self._weigh(item)
        with self._changed:
            while not self._stopped():
                if len(self._waiting) < self._most and self._waiting_bytes < _MOST_BYTES:
                    self._waiting.append((item, weight))
                    self._waiting_bytes += weight
                    self._changed.notify_all()
                    return True
                self._changed.wait(_LOOK_EVERY_S)
        return False
