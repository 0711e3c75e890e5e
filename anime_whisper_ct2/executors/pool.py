"""The front end in worker processes: references go out, features come back, in whatever order they are ready.

Each worker is a process of its own with a pipe each way and a thread here, its attendant. Nothing is shared between
workers, so one that dies takes down the recording it was at and no other. A full queue makes the threads wait,
then the pipes, then the workers: memory depends neither on the corpus nor on the length of a recording.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.ahead import Ahead
from anime_whisper_ct2.executors.attendant import Attendant, Message
from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.options import FRONTEND
from anime_whisper_ct2.records import Heard, Opened, Tick

__all__ = ["InProcess", "Message", "WorkerPool"]

TICK_S = 0.1
# How often the attendants look for workers that give no sign of life.
_LOOK_EVERY_S = 0.5
# References that are read ahead for each worker.
_AHEAD = 2


class InProcess:
    """The front end without processes: for few recordings, or where none can be started."""

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        self._stopped = False

    @property
    def dry(self) -> bool:
        """Whether the next message has yet to be made: here always."""
        return True

    def __call__(self, tasks: Iterable[Task | Tick]) -> Iterator[Message]:
        """Give each recording's messages in order; a tick stands for no recording as yet, and passes."""
        for task in tasks:
            if self._stopped:
                return
            if isinstance(task, Tick):
                yield task
                continue
            key, recording = task
            yield Opened(key, recording)
            yield from extract(key, recording.audio, self._settings, home=recording.home)

    def stop(self) -> None:
        """Begin no further recording."""
        self._stopped = True


class WorkerPool:
    """The front end in `workers` processes, for one pass.

    `capacity`: windows that may wait here for the engine. `time_limit_s`: how long a worker may give no sign of life.
    """

    def __init__(
        self,
        settings: FeatureSettings,
        workers: int,
        capacity: int,
        time_limit_s: float = FRONTEND.time_limit_s,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._out: queue.Queue[Message | BaseException | None] = queue.Queue(maxsize=capacity)
        # Of how far the workers are nothing depends, and behind the windows it would be told when that is long past.
        self._heard: deque[Heard] = deque()
        self._tasks: Ahead[Task] | None = None
        self._stopped = False
        self._time_limit_s = time_limit_s
        self._attendants: list[Attendant] = []

    @property
    def dry(self) -> bool:
        """Whether no message waits to be taken."""
        return self._out.empty()

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Message]:
        """Give the messages of all recordings as they come, and a tick when none came for a moment.

        Raises what the iterable of recordings raised.
        """
        self._tasks = Ahead(tasks, _AHEAD * self._workers, lambda: self._stopped)
        self._attendants = [
            Attendant(self._settings, self._next_task, self._put, lambda: self._stopped, self._time_limit_s)
            for _ in range(self._workers)
        ]
        threads = [
            threading.Thread(target=self._serve, args=(attendant,), name=f"frontend-{number}", daemon=True)
            for number, attendant in enumerate(self._attendants)
        ]
        for thread in threads:
            thread.start()
        live = len(threads)
        looked = time.monotonic()
        try:
            while live:
                if time.monotonic() - looked > _LOOK_EVERY_S:
                    looked = time.monotonic()
                    for attendant in self._attendants:
                        attendant.look()
                while self._heard:
                    yield self._heard.popleft()
                try:
                    message = self._out.get(timeout=TICK_S)
                except queue.Empty:
                    if self._stopped:
                        return
                    yield Tick()
                    continue
                if message is None:
                    live -= 1
                elif isinstance(message, BaseException):
                    raise message
                else:
                    yield message
        finally:
            self._shut_down(threads)

    def stop(self) -> None:
        """Begin no further recording, and end the iteration soon."""
        self._stopped = True

    def _shut_down(self, threads: list[threading.Thread]) -> None:
        self._stopped = True
        for attendant in self._attendants:
            attendant.kill()
        for attendant, thread in zip(self._attendants, threads, strict=True):
            while thread.is_alive():
                # It may just have started another one.
                attendant.kill()
                thread.join(TICK_S)

    def _next_task(self, wait: bool) -> Task | None:
        """Give the next recording; None at the end, when stopped, or when there is none yet and `wait` is False."""
        assert self._tasks is not None
        while not self._stopped:
            task = self._tasks.next(TICK_S if wait else 0.0)
            if task is not None or not wait or self._tasks.over:
                return task
        return None

    def _put(self, message: Message | BaseException | None) -> None:
        if isinstance(message, Heard):
            self._heard.append(message)
            return
        while not self._stopped:
            with contextlib.suppress(queue.Full):
                self._out.put(message, timeout=TICK_S)
                return

    def _serve(self, attendant: Attendant) -> None:
        try:
            attendant()
        except BaseException as error:  # reaches the caller through the queue
            self._put(error)
        self._put(None)
