"""The front end in worker processes: references go out, features come back, in whatever order they are ready.

Each worker is a process of its own with a pipe each way and a thread here, its attendant. Nothing is shared between
workers, so one that dies takes down the recording it was at and no other. A full queue makes the threads wait,
then the pipes, then the workers: memory depends neither on the corpus nor on the length of a recording.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol, TypeAlias

from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.ahead import Ahead
from anime_whisper_ct2.executors.attendant import Attendant, Message
from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.executors.inbox import Inbox
from anime_whisper_ct2.executors.slots import LENT, Slots
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.options import FRONTEND
from anime_whisper_ct2.records import Heard, Opened, Tick, Window, carried_bytes

__all__ = ["FrontEnd", "InProcess", "Message", "WorkerPool"]

TICK_S = 0.1
# How often the attendants look for workers that give no sign of life.
_LOOK_EVERY_S = 0.5
# References that are read ahead for each worker, and those of them that are kept back for the others.
_AHEAD = 16
_KEPT = 2
# A recording of one window is opened, handed over and closed.
_MESSAGES = 3

_Item: TypeAlias = Message | BaseException | None


class FrontEnd(Protocol):
    """The first stage: recordings go in, and of each what `extract` says, with `Opened` ahead of it, comes out.

    One is for a single run: what was stopped begins nothing more.
    """

    @property
    def dry(self) -> bool:
        """Whether the next message has yet to be made."""

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Message]:
        """Give the messages of all recordings; a tick says that there was none for a moment."""

    def stop(self) -> None:
        """Begin no further recording."""


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

    `capacity`: windows that may wait here for the engine, of no more than `frames` frames together; by default they may
    all have 30 s. `beyond`: how many more may be in use behind this stage. `time_limit_s`: how long a worker may give
    no sign of life.
    """

    def __init__(
        self,
        settings: FeatureSettings,
        workers: int,
        capacity: int,
        time_limit_s: float = FRONTEND.time_limit_s,
        frames: int | None = None,
        beyond: int = 0,
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._out: Inbox[_Item] = Inbox(_MESSAGES * capacity, frames or WINDOW_FRAMES * capacity, _frames)
        # Taken out, and not yet handed on.
        self._taken: deque[_Item] = deque()
        # Of how far the workers are nothing depends, and behind the windows it would be told when that is long past.
        self._heard: deque[Heard] = deque()
        self._slots_wanted = capacity + beyond + LENT * workers
        self._slots: Slots | None = None
        self._tasks: Ahead[Task] | None = None
        self._stopped = False
        self._time_limit_s = time_limit_s
        self._attendants: list[Attendant] = []
        self._looked = time.monotonic()

    @property
    def dry(self) -> bool:
        """Whether no message waits to be taken."""
        return not self._taken and not self._out

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Message]:
        """Give the messages of all recordings as they come, and a tick when none came for a moment.

        Raises what the iterable of recordings raised.
        """
        with suppress(OSError):  # then features come through the pipes
            self._slots = Slots(self._settings.n_mels, self._settings.dtype, self._slots_wanted)
        self._tasks = Ahead(tasks, _AHEAD * self._workers, lambda: self._stopped, _carried_bytes)
        self._attendants = [
            Attendant(
                self._settings,
                self._next_task,
                self._spare_tasks,
                self._put,
                lambda: self._stopped,
                self._time_limit_s,
                self._slots,
            )
            for _ in range(self._workers)
        ]
        threads = [
            threading.Thread(target=self._serve, args=(attendant,), name=f"frontend-{number}", daemon=True)
            for number, attendant in enumerate(self._attendants)
        ]
        live = len(threads)
        try:
            for thread in threads:
                thread.start()
            while live:
                self._taken.extend(self._out.take(TICK_S))
                if not self._taken and self._stopped:
                    return
                for message in self._messages():
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

    def _messages(self) -> Iterator[_Item]:
        """Give what was taken out, or a tick, and ahead of each what was heard meanwhile."""
        if not self._taken:
            self._taken.append(Tick())
        while self._taken:
            if time.monotonic() - self._looked > _LOOK_EVERY_S:
                self._looked = time.monotonic()
                for attendant in self._attendants:
                    attendant.look()
            while self._heard:
                yield self._heard.popleft()
            yield self._taken.popleft()

    def _shut_down(self, threads: list[threading.Thread]) -> None:
        self._stopped = True
        for attendant in self._attendants:
            attendant.kill()
        for attendant, thread in zip(self._attendants, threads, strict=True):
            while thread.is_alive():
                # It may just have started another one.
                attendant.kill()
                thread.join(TICK_S)
        # Nobody takes it any more, and whoever still reads ahead would keep it, and with it its slots.
        self._taken.clear()
        self._out.clear()
        if self._slots:
            self._slots.close()

    def _next_task(self, wait: bool) -> Task | None:
        """Give the next recording; None at the end, when stopped, or when there is none yet and `wait` is False."""
        assert self._tasks is not None
        while not self._stopped:
            try:
                task = self._tasks.next(TICK_S if wait else 0.0)
            except BaseException as error:  # it is the listing's, and must not pass for a worker's
                self._put([error])
                return None
            if task is not None or not wait or self._tasks.over:
                return task
        return None

    def _spare_tasks(self, most: int) -> list[Task]:
        """Give further recordings while there are plenty."""
        return self._tasks.several(most, _KEPT * self._workers) if self._tasks and not self._stopped else []

    def _put(self, messages: Sequence[_Item]) -> None:
        self._heard.extend(message for message in messages if isinstance(message, Heard))
        others = [message for message in messages if not isinstance(message, Heard)]
        while others and not self._stopped and not self._out.put(others, TICK_S):
            pass

    def _serve(self, attendant: Attendant) -> None:
        try:
            attendant()
        except BaseException as error:  # reaches the caller through the queue
            self._put([error])
        self._put([None])


def _carried_bytes(task: Task) -> int:
    return carried_bytes(task[1].audio)


def _frames(item: _Item) -> int:
    """Weigh what waits: of a window its frames, and all else as nothing."""
    return item.mel.values.shape[1] if isinstance(item, Window) else 0
