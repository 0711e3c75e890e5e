"""Processes that decode clips: one that a recording kills, or keeps for too long, costs a message and is replaced."""

from __future__ import annotations

import os
import pickle
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors.process import Child, streams
from anime_whisper_ct2.review.sound.cutting import Clip, NoSound, Place, Stretch, cut, length_s
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.system.pipes import reader_may_go
from anime_whisper_ct2.system.processes import cause_of_death, limit_memory

T = TypeVar("T")

WORKER = "anime_whisper_ct2.review.sound.clip_workers"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# A few blocks, and an encoded recording where it comes out of a table; what wants this much is none.
_MEMORY_BYTES = 1 << 30
# A recording that a worker dies over is tried once more: the system may have chosen it for another's hunger.
_TRIES = 2
# A worker is replaced after so many clips: decoders leak a little.
_RECYCLE_AFTER = 5_000
# To import what decodes, on a machine that does other things as well.
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class _Lengths:
    """A question for the lengths of several recordings."""

    places: tuple[Place, ...]


class ClipWorkers:
    """A few processes, each with one recording in hand at a time; to be called from any number of threads.

    `time_limit_s`: how long one clip may take; its worker is then ended. `module` is what a worker runs, in tests
    another one. The processes are started at once, and end with `close`, or with this process, however it ends.
    """

    def __init__(self, count: int = 2, time_limit_s: float = 15.0, module: str = WORKER) -> None:
        self._time_limit_s = time_limit_s
        self._module = module
        self._closed = False
        self._lock = threading.Lock()
        self._all: set[Child] = set()
        # A place for each worker; None: one is to be started.
        self._free: queue.SimpleQueue[_Worker | None] = queue.SimpleQueue()
        for _ in range(count):
            try:
                self._free.put(self._started())
            except EngineError:
                self._free.put(None)  # whoever wants it is told

    def cut(self, stretch: Stretch, time_limit_s: float | None = None) -> Clip:
        """Have a stretch decoded. Raises NoSound, also where its worker died over it, or took too long."""
        answer = self._asked(stretch, time_limit_s or self._time_limit_s)
        if isinstance(answer, NoSound):
            raise answer
        if not isinstance(answer, Clip):
            raise NoSound("the worker gave something else than sound", "WorkerDied")
        return answer

    def lengths_s(self, places: Sequence[Place]) -> list[float | None]:
        """Say how long recordings are by their headers; None where they do not say, or a worker dies over one."""
        try:
            answer = self._asked(_Lengths(tuple(places)), self._time_limit_s)
        except NoSound:
            # Which of them it was, each alone will tell.
            return [None] if len(places) == 1 else [self.lengths_s([place])[0] for place in places]
        return answer if isinstance(answer, list) else [None] * len(places)

    def close(self) -> None:
        """End the processes; what they have in hand is not waited for."""
        with self._lock:
            self._closed = True
            children, self._all = self._all, set()
        for child in children:
            child.kill()
        for child in children:
            child.close()

    def _asked(self, job: object, time_limit_s: float) -> object:
        worker = waiting.take(self._free)
        tries = 0
        try:
            while True:
                if worker is None or worker.is_spent:
                    self._end(worker)
                    worker = None
                    worker = self._started()
                try:
                    return worker.ask(job, time_limit_s)
                except (EOFError, OSError, ValueError):  # ValueError: its pipes were closed meanwhile
                    code, overdue = self._end(worker), worker.overdue
                    worker, tries = None, tries + 1
                if self._closed:
                    raise _closing()
                if overdue:
                    raise NoSound(f"no sound within {time_limit_s:g} s: the file is damaged, or far away", "TimeLimit")
                if tries == _TRIES:
                    raise NoSound(f"the worker that decoded it died, twice ({cause_of_death(code)})", "WorkerDied")
        except EngineError as error:
            raise NoSound(str(error), "EngineError") from error
        finally:
            self._free.put(worker)

    def _started(self) -> _Worker:
        child = Child(self._module, _ONE_THREAD)
        with self._lock:
            closed = self._closed
            if not closed:
                self._all.add(child)
        if closed:
            child.kill()
            child.close()
            raise _closing()
        return _Worker(child)

    def _end(self, worker: _Worker | None) -> int:
        if worker is None:
            return 0
        with self._lock:
            mine = worker.child in self._all
            self._all.discard(worker.child)
        # `close` may just be at it.
        return worker.child.close() if mine else 0


class _Worker:
    """One process, and what is known of it; one thread at a time asks it."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.served = 0
        self.overdue = False
        self._ready = False

    @property
    def is_spent(self) -> bool:
        """Whether another one has to take its place: it has done enough, or was ended just when it was done."""
        return self.overdue or self.served >= _RECYCLE_AFTER

    def ask(self, job: object, time_limit_s: float) -> object:
        """Hand over a job and wait for the answer. Raises EOFError or OSError where it died, or was ended for time."""
        if not self._ready:
            self._within(_START_S, self.child.receive)
            self._ready = True
        self.served += 1
        return self._within(time_limit_s, lambda: self._answer(job))

    def _answer(self, job: object) -> object:
        self.child.send(job)
        return self.child.receive()

    def _within(self, limit_s: float, call: Callable[[], T]) -> T:
        timer = threading.Timer(limit_s, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            return call()
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self.overdue = True
        self.child.kill()


def _closing() -> NoSound:
    return NoSound("the review is being closed", "Closed")


def main() -> None:
    """Be a worker: stretches on standard input, a clip or why there is none of each on standard output, as pickles."""
    source, sink = streams()
    limit_memory(_MEMORY_BYTES)
    try:
        answer: object = os.getpid()
        while True:
            with reader_may_go(sink):
                pickle.dump(answer, sink, protocol=5)
                sink.flush()
            answer = _done(pickle.load(source))
    except (EOFError, BrokenPipeError):
        # The parent is done with us, or gone; what is left in the buffer has no reader.
        os._exit(0)


def _done(job: Stretch | _Lengths) -> object:
    if isinstance(job, _Lengths):
        return [length_s(place) for place in job.places]
    try:
        return cut(job)
    except NoSound as error:
        return error
