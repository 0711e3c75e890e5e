"""Reading ahead: a thread that lists what is to be done, a bounded number of items before they are wanted."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

_LOOK_EVERY_S = 0.1


class Ahead(Generic[T]):
    """Takes items out of an iterable in a thread of its own; any number of threads may have them.

    `most`: items that wait here. The thread is never joined: it may be waiting in the iterable, for as long as that
    likes. It begins no further item once `stopped` says so.
    """

    def __init__(self, items: Iterable[T], most: int, stopped: Callable[[], bool] = lambda: False) -> None:
        self._waiting: queue.Queue[T | _End] = queue.Queue(maxsize=most)
        self._stopped = stopped
        self.over = False  # the end was met
        threading.Thread(target=self._take, args=(items,), name="ahead", daemon=True).start()

    def next(self, wait_s: float = 0.0) -> T | None:
        """Give the next item; None at the end, and when there is none yet, after waiting so long.

        Raises what the iterable raised.
        """
        try:
            item = self._waiting.get(timeout=wait_s) if wait_s else self._waiting.get_nowait()
        except queue.Empty:
            return None
        if not isinstance(item, _End):
            return item
        self.over = True
        self._waiting.put(_End())  # for the others; what was raised is raised once
        if item.error is not None:
            raise item.error
        return None

    def _take(self, items: Iterable[T]) -> None:
        end = _End()
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as error:  # reaches whoever takes the next item
            end = _End(error)
        self._put(end)

    def _put(self, item: T | _End) -> bool:
        while not self._stopped():
            with contextlib.suppress(queue.Full):
                self._waiting.put(item, timeout=_LOOK_EVERY_S)
                return True
        return False


class _End:
    """Stands behind the last item, with what the iterable raised."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
