"""Waits that let a signal in.

Python runs signal handlers in the main thread, between two steps of its own, and on Windows a wait on a lock is one
step however long it lasts: Ctrl-C is heard when it is over (CPython #80116). So these look up now and then. They end at
once when what is waited for is there. What cannot look up, as a read from a pipe, is `apart` in a thread of its own.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Protocol, TypeVar

S = TypeVar("S")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# How long a signal may go unheard.
_LOOK_EVERY_S = 0.1
# Threads of `apart` for whose calls nobody waits any more.
_left: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


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


def join(thread: threading.Thread) -> None:
    """Wait for a thread's end."""
    while thread.is_alive():
        thread.join(_LOOK_EVERY_S)


def exit_status(process: subprocess.Popen[bytes], patience_s: float) -> int | None:
    """Wait for a child's end for so long; None when it has not come."""
    deadline_s = time.monotonic() + patience_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(min(left_s, _LOOK_EVERY_S))
    return process.poll()


def apart(call: Callable[[], T]) -> T:
    """Make a call in a thread of its own and wait for it; a signal handler that raises leaves it behind there.

    Raises what the call raised.
    """
    future: Future[T] = Future()

    def make() -> None:
        """Put what comes of the call into its future."""
        try:
            future.set_result(call())
        except BaseException as error:  # reaches whoever waits
            future.set_exception(error)

    thread = threading.Thread(target=make, name="apart", daemon=True)
    thread.start()
    try:
        return result_of(future)
    except BaseException:
        if not future.done():
            _left.add(thread)
        raise


def left_behind() -> bool:
    """Say whether a call still goes on that `apart` was interrupted in."""
    return any(thread.is_alive() for thread in _left)


@contextmanager
def threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of threads, and wait for its end; after an error, what it has not begun is dropped."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=name)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        apart(pool.shutdown)


def mapped(pool: ThreadPoolExecutor, call: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Make a call for each item, as many at a time as there are threads, and give the results in order."""
    futures = deque(pool.submit(call, item) for item in items)
    try:
        while futures:
            yield result_of(futures.popleft())
    finally:
        for future in futures:
            future.cancel()
