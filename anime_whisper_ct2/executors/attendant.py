"""One worker process and whoever looks after it: gives it recordings, and puts another in its place when it dies."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.process import Child
from anime_whisper_ct2.records import AtHome, Audio, Broken, Closed, Heard, Home, Opened, Recording, Tick, Window
from anime_whisper_ct2.system.processes import cause_of_death

Message: TypeAlias = Opened | Window | AtHome | Heard | Closed | Broken | Tick

_WORKER = "anime_whisper_ct2.executors.worker"
# Workers are the parallelism: threads of their own inside numpy would only fight the engine for the cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# Recordings that a worker has in hand: the one it works on and the next, so that it never waits for this process; and
# beside them so many that turned out to be long, which it goes on with between the others.
_AHEAD = 2
_LONG = 2
# A worker is replaced after so many recordings: decoders leak a little.
_RECYCLE_AFTER = 5_000


@dataclass(slots=True)
class _InHand:
    """What one worker was given and has not finished."""

    tasks: dict[int, Task] = field(default_factory=dict)
    long: set[int] = field(default_factory=set)
    current: int | None = None  # the key it is at

    @property
    def takes_more(self) -> bool:
        """Whether it is to be given another; recordings that turned out long count apart, up to a limit."""
        return len(self.tasks) - len(self.long) < _AHEAD and len(self.tasks) < _AHEAD + _LONG


class Attendant:
    """Serves recordings from `next_task` through one worker at a time and hands what comes back to `put`.

    `next_task(wait)` gives None when there are no more, or none yet and `wait` is False. `stopped` says that the pass
    is over. Called, it works until the recordings end. A recording over which a worker dies, or shows no sign of life
    for `time_limit_s`, is tried once more, alone, and then given up; others in the same hands go to the next worker.
    Raises EngineError when no worker can be started.
    """

    def __init__(
        self,
        settings: FeatureSettings,
        next_task: Callable[[bool], Task | None],
        put: Callable[[Message], None],
        stopped: Callable[[], bool],
        time_limit_s: float,
    ) -> None:
        self._settings = settings
        self._next_task = next_task
        self._put = put
        self._stopped = stopped
        self._time_limit_s = time_limit_s
        self._worker: Child | None = None
        self._waiting_since: float | None = None
        self._overdue = False
        self._left: deque[Task] = deque()
        self._opened: set[int] = set()

    def __call__(self) -> None:
        """Work until there are no more recordings, or the pass is over."""
        while not self._stopped():
            if not self._left:
                task = self._next_task(True)
                if task is None:
                    return
                self._left.append(task)
            culprit = self._serve(self._left, alone=False)
            if culprit is not None:
                self._serve(deque([culprit]), alone=True)

    def look(self) -> None:
        """End a worker that has given no sign of life for too long; to be called now and then from another thread."""
        since = self._waiting_since
        # A recording gets half of its time together with others and half alone.
        if since is not None and time.monotonic() - since > self._time_limit_s / 2:
            self._overdue = True
            self.kill()

    def kill(self) -> None:
        """End the worker at once."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def _serve(self, tasks: deque[Task], *, alone: bool) -> Task | None:
        """Feed one worker until the recordings end, it is due for replacement or it dies.

        Gives the recording that it died over, for another try; one that was tried alone is reported instead.
        """
        hand = _InHand()
        ready = self._overdue = False
        self._worker = worker = Child(_WORKER, _ONE_THREAD)
        try:
            worker.send(self._settings)
            ready = isinstance(worker.receive(), Tick)
            self._feed(worker, hand, tasks, alone=alone)
        except (EOFError, OSError):
            pass  # it died, or was killed at the end of the pass; the exit status tells which
        finally:
            self._waiting_since = self._worker = None
            code = worker.close()
        if self._stopped():
            return None
        if not ready:
            raise EngineError(f"no worker process could be started ({cause_of_death(code)}); its own message is above")
        # One that died before it began on any died over what it was given.
        key = hand.current if hand.current is not None else next(iter(hand.tasks), None)
        culprit = hand.tasks.pop(key, None) if key is not None else None
        self._left.extendleft(reversed(hand.tasks.values()))
        if culprit is None or not alone:
            return culprit
        if self._overdue:
            error, message = "TimeLimit", f"no result within {self._time_limit_s:g} s; --time-limit allows more"
        else:
            error, message = "WorkerDied", f"the worker that read it died, twice ({cause_of_death(code)})"
        # It may have died before it said whose turn it was, and nothing is put together that was never opened.
        self._open(culprit)
        self._opened.discard(culprit[0])
        self._put(Broken(culprit[0], "decode", error, message))
        return None

    def _feed(self, worker: Child, hand: _InHand, tasks: deque[Task], *, alone: bool) -> None:
        served = 0
        while not self._stopped():
            while hand.takes_more and served < _RECYCLE_AFTER:
                task = tasks.popleft() if tasks else None if alone else self._next_task(not hand.tasks)
                if task is None:
                    break
                hand.tasks[task[0]] = task
                # A pipe that stays full because the worker hangs is no sign of life, either.
                self._waiting_since = time.monotonic()
                worker.send((task[0], *_for_worker(task[1])))
                self._waiting_since = None
                served += 1
            if not hand.tasks:
                return
            self._waiting_since = time.monotonic()
            message = worker.receive()
            self._waiting_since = None
            if isinstance(message, int):
                hand.current = message
                self._open(hand.tasks[message])
            elif isinstance(message, (Window, AtHome)):
                # With a second window it has turned out long, and others may go between.
                if message.number:
                    hand.long.add(message.key)
                self._put(message)
            elif isinstance(message, Heard):
                self._put(message)
            elif isinstance(message, (Closed, Broken)):
                self._put(message)
                del hand.tasks[message.key]
                hand.long.discard(message.key)
                self._opened.discard(message.key)
                hand.current = None

    def _open(self, task: Task) -> None:
        """Say once that a recording is begun, however often it is."""
        if task[0] not in self._opened:
            self._opened.add(task[0])
            self._put(Opened(*task))


def _for_worker(recording: Recording) -> tuple[Audio, tuple[Home, ...]]:
    """Give what a worker needs of a recording: neither what a corpus says of it, nor what was said in it."""
    return recording.audio, tuple(replace(home, segment=None) for home in recording.home)
