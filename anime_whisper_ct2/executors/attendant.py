"""One worker process and whoever looks after it: gives it recordings, and puts another in its place when it dies."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.process import Child
from anime_whisper_ct2.executors.slots import Lease, Slots
from anime_whisper_ct2.records import AtHome, Audio, Broken, Closed, Heard, Home, Opened, Tick, Window
from anime_whisper_ct2.system.processes import cause_of_death

Message: TypeAlias = Opened | Window | AtHome | Heard | Closed | Broken | Tick

# What a worker is given of a recording: its number, its audio, and the windows of it that are home.
_Given: TypeAlias = tuple[int, Audio, tuple[Home, ...]]

_WORKER = "anime_whisper_ct2.executors.worker"
# Workers are the parallelism: threads of their own inside numpy would only fight the engine for the cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# Recordings that a worker has in hand: the one it works on and the next, so that it never waits for this process; and
# beside them so many that turned out to be long, which it goes on with between the others. Of short ones, while there
# are plenty, it has more, so that several go and come at a time.
_AHEAD = 2
_LONG = 2
_SHORT = 16
# How long the answers of a worker that has enough to do may gather: for each that is waited for, this process wakes up.
_GATHER_S = 0.02
# A worker is replaced after so many recordings: decoders leak a little.
_RECYCLE_AFTER = 5_000


@dataclass(slots=True)
class _InHand:
    """What one worker was given and has not finished."""

    lease: Lease
    tasks: dict[int, Task] = field(default_factory=dict)
    long: set[int] = field(default_factory=set)
    current: int | None = None  # the key it is at
    short: int = 0  # how many came to an end since one turned out long

    @property
    def takes_more(self) -> bool:
        """Whether it is to be given another; recordings that turned out long count apart, up to a limit."""
        return len(self.tasks) - len(self.long) < _AHEAD and len(self.tasks) < _AHEAD + _LONG

    @property
    def spare(self) -> int:
        """How many more it may be given where there are plenty: the more, the longer all were short."""
        return max(0, min(self.short, _SHORT) - len(self.tasks))

    def take(self, task: Task) -> _Given:
        """Note a recording that it is given, and give what it needs of that."""
        key, recording = task
        self.tasks[key] = task
        # Neither what a corpus says of it, nor what was said in it.
        return key, recording.audio, tuple(replace(home, segment=None) for home in recording.home)

    def put_long(self, key: int) -> None:
        """Note that a recording has more than one window."""
        self.long.add(key)
        self.short = 0

    def end(self, key: int) -> None:
        """Take a recording off its hands."""
        del self.tasks[key]
        self.short += key not in self.long
        self.long.discard(key)
        self.current = None


class Attendant:
    """Serves recordings from `next_task` through one worker at a time and hands what comes back to `put`.

    `next_task(wait)` gives None when there are no more, or none yet and `wait` is False; `spare_tasks(most)` gives more
    where there are plenty. `stopped` says that the pass is over. Called, it works until the recordings end. Workers lay
    their windows into `slots`, where there are any. A recording over which a worker dies, or shows no sign of life for
    `time_limit_s`, is tried once more, alone, and then given up; others in the same hands go to the next worker. Raises
    EngineError when no worker can be started.
    """

    def __init__(
        self,
        settings: FeatureSettings,
        next_task: Callable[[bool], Task | None],
        spare_tasks: Callable[[int], list[Task]],
        put: Callable[[Sequence[Message]], None],
        stopped: Callable[[], bool],
        time_limit_s: float,
        slots: Slots | None = None,
    ) -> None:
        self._settings = settings
        self._next_task = next_task
        self._spare_tasks = spare_tasks
        self._put = put
        self._stopped = stopped
        self._time_limit_s = time_limit_s
        self._slots = slots
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
        slots = self._slots
        hand = _InHand(Lease(slots))
        ready = self._overdue = False
        self._worker = worker = Child(_WORKER, _ONE_THREAD, slots.inherited if slots else ())
        try:
            worker.send((self._settings, slots.layout if slots else None))
            ready = bool(worker.receive_all())
            self._feed(worker, hand, tasks, alone=alone)
        except (EOFError, OSError):
            pass  # it died, or was killed at the end of the pass; the exit status tells which
        finally:
            self._waiting_since = self._worker = None
            code = worker.close()
            if worker.ended:  # else it may still write
                hand.lease.end()
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
        opened = self._opened_now(culprit)
        self._opened.discard(culprit[0])
        self._put([*opened, Broken(culprit[0], "decode", error, message)])
        return None

    def _feed(self, worker: Child, hand: _InHand, tasks: deque[Task], *, alone: bool) -> None:
        served = 0
        while not self._stopped():
            given: list[_Given] = []
            while hand.takes_more and served + len(given) < _RECYCLE_AFTER:
                task = tasks.popleft() if tasks else None if alone else self._next_task(not hand.tasks)
                if task is None:
                    break
                given.append(hand.take(task))
            if hand.spare >= _SHORT // 2 and not (alone or tasks) and served + len(given) < _RECYCLE_AFTER:
                given += map(hand.take, self._spare_tasks(hand.spare))
            served += len(given)
            if not hand.tasks:
                return
            self._give(worker, hand, given)
            # A pipe would soon be full of features.
            if len(hand.tasks) > _SHORT // 2 and not hand.lease.is_low:
                time.sleep(_GATHER_S)
            self._waiting_since = time.monotonic()
            messages = [one for several in worker.receive_all() for one in several]
            self._waiting_since = None
            self._put(self._noted(hand.lease.taken(messages), hand))

    def _give(self, worker: Child, hand: _InHand, tasks: list[_Given]) -> None:
        """Hand over recordings, and slots in the place of those that are used."""
        slots = hand.lease.more() if tasks or hand.lease.is_low else []
        if not tasks and not slots:
            return
        # A pipe that stays full because the worker hangs is no sign of life, either.
        self._waiting_since = time.monotonic()
        worker.send((tasks, slots))
        self._waiting_since = None

    def _noted(self, messages: Sequence[object], hand: _InHand) -> list[Message]:
        """Note how far the worker is, and give what others want to know."""
        told: list[Message] = []
        for message in messages:
            if isinstance(message, int):
                hand.current = message
                told += self._opened_now(hand.tasks[message])
            elif isinstance(message, (Window, AtHome)):
                # With a second window it has turned out long, and others may go between.
                if message.number:
                    hand.put_long(message.key)
                told.append(message)
            elif isinstance(message, Heard):
                told.append(message)
            elif isinstance(message, (Closed, Broken)):
                told.append(message)
                hand.end(message.key)
                self._opened.discard(message.key)
        return told

    def _opened_now(self, task: Task) -> list[Message]:
        """Say once that a recording is begun, however often it is."""
        if task[0] in self._opened:
            return []
        self._opened.add(task[0])
        return [Opened(*task)]
