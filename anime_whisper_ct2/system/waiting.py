"""Waits that let a signal in.

Python runs signal handlers in the main thread, between two steps of its own, and on Windows a wait on a lock is one
step however long it lasts: Ctrl-C is heard when it is over (CPython #80116). So these look up now and then. They end at
once when what is waited for is there.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How long a signal may go unheard.
_LOOK_EVERY_S = 0.1


class Queue(Protocol[T_co]):
    """Any of the queues of `queue`."""

    def get(self, block: bool = True, timeout: float | None = None) -> T_co:
        """Take the next item. Raises `queue.Empty` when none came in time."""


def first_done(futures: Collection[Future[T]]) -> set[Future[T]]:
    """Wait for any of these futures, and give those that are done; empty only where none was given."""
    while futures:
        if done := wait(futures, _LOOK_EVERY_S, FIRST_COMPLETED).done:
            return done
    return set()


def result_of(future: Future[T]) -> T:
    """Wait for a future's result. Raises what it raised."""
    first_done([future])
    return future.result()


def take(items: Queue[T]) -> T:
    """Wait for the next item of a queue."""
    while True:
        with contextlib.suppress(queue.Empty):
            return items.get(timeout=_LOOK_EVERY_S)


def until_set(event: threading.Event) -> None:
    """Wait for an event."""
    while not event.wait(_LOOK_EVERY_S):
        pass


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end."""
    while thread.is_alive():
        thread.join(_LOOK_EVERY_S)
