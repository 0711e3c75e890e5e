"""The threads that an engine computes in, and a limit to how long they may."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from typing import Generic, TypeVar

from anime_whisper_ct2.errors import EngineLostError
from anime_whisper_ct2.records import Worked

T = TypeVar("T")

_LOOK_EVERY_S = 0.1


class Crew(Generic[T]):
    """Makes calls in `threads` threads, in the order in which they were handed in.

    A device that fell off its bus, or whose driver is stuck, may never answer, and no thread can be told to stop
    waiting for it. So a call that takes longer than `limit_s` is given up: its future, all that wait and all later ones
    raise EngineLostError, and neither `close` nor Python's own end waits for its thread. `limit_s` None: no call is
    given up. The threads keep the crew alive, so somebody has to close it.
    """

    def __init__(
        self, threads: int, limit_s: float | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._limit_s = limit_s
        self._diary = _Diary(clock)
        self._calls: queue.SimpleQueue[tuple[Future[T], Callable[[], T]] | None] = queue.SimpleQueue()
        self._handing_in = threading.Lock()
        self._closed = False
        self._hung = False
        self._threads = [threading.Thread(target=self._work, name="engine", daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def hung(self) -> bool:
        """Whether a call was given up, in which its thread still waits for the device."""
        return self._hung

    def take_worked(self) -> Worked:
        """Give how long calls were made, and none was between them, since this was last asked."""
        return self._diary.take()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Have a call made; raises RuntimeError after `close`."""
        future: Future[T] = Future()
        with self._handing_in:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._calls.put((future, call))
        if self._hung:  # there may be nobody left to take it
            self._refuse_all()
        return future

    def close(self) -> None:
        """Wait for the calls that are being made, and cancel those that wait."""
        with self._handing_in:
            self._closed = True
            for future in self._taken_back():
                future.cancel()
            for _ in self._threads:
                self._calls.put(None)
        for thread in self._threads:
            # An engine that is let go of may end in a thread of its own.
            while thread is not threading.current_thread() and thread.is_alive() and not self._hung:
                thread.join(_LOOK_EVERY_S)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            self._make(*item)
            del item  # what it holds must not live until the next one comes

    def _make(self, future: Future[T], call: Callable[[], T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        watch = None
        if self._limit_s is not None:
            # Its thread ends some time after it is cancelled, and must not keep the batch of a failed call until then.
            watch = threading.Timer(self._limit_s, self._give_up, (weakref.ref(future),))
            watch.daemon = True
            with contextlib.suppress(RuntimeError):  # no thread is to be had: better unwatched than unanswered
                watch.start()
        self._diary.begin()
        # Ended before the result is there: whoever has it and asks is told of this call, too.
        _fill(future, call, self._diary.end)
        if watch is not None:
            watch.cancel()
        del future, call, watch  # an error's traceback holds this frame: a circle that would keep the batch

    def _give_up(self, watched: weakref.ref[Future[T]]) -> None:
        if (future := watched()) is not None and not future.done():
            self._hung = True
            _fill(future, self._refuse)
            self._refuse_all()

    def _refuse_all(self) -> None:
        for future in self._taken_back():
            if future.set_running_or_notify_cancel():
                _fill(future, self._refuse)

    def _taken_back(self) -> Iterator[Future[T]]:
        """Empty the queue, whose threads may be too busy for ever."""
        with contextlib.suppress(queue.Empty):
            while True:
                if (item := self._calls.get_nowait()) is not None:
                    yield item[0]

    def _refuse(self) -> T:
        raise EngineLostError(f"the device has not answered for {self._limit_s:.0f} s")


class _Diary:
    """Keeps how long calls are made, whichever threads make them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way = 0
        self._first_s: float | None = None  # when the first one began
        self._last_s = 0.0  # when the last one ended
        self._waited_s = 0.0

    def begin(self) -> None:
        """Note that a call begins."""
        with self._lock:
            now_s = self._clock()
            if self._first_s is None:
                self._first_s = now_s
            elif not self._under_way:
                self._waited_s += now_s - self._last_s
            self._under_way += 1

    def end(self) -> None:
        """Note that a call has ended."""
        with self._lock:
            self._under_way -= 1
            self._last_s = self._clock()

    def take(self) -> Worked:
        """Give what was kept, and begin anew: with now, where a call is being made."""
        with self._lock:
            now_s = self._clock()
            until_s = now_s if self._under_way else self._last_s
            taken = Worked() if self._first_s is None else Worked(until_s - self._first_s, self._waited_s)
            self._first_s, self._waited_s = (now_s if self._under_way else None), 0.0
            return taken


def _fill(future: Future[T], call: Callable[[], T], ended: Callable[[], None] = lambda: None) -> None:
    """Put what comes of a call into its future, unless that was given up, or came after all, in this very moment.

    `ended` is called as soon as the call has returned or failed.
    """
    with contextlib.suppress(InvalidStateError):
        try:
            try:
                result = call()
            finally:
                ended()
            future.set_result(result)
        except BaseException as error:  # reaches whoever waits for the future
            future.set_exception(error)
            del future, call  # see above
