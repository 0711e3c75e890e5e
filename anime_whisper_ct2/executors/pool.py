"""The front end in worker processes: references go out, features come back, in whatever order they are ready.

Each worker is a process of its own with a pipe each way and a thread here that serves it. Nothing is shared between
workers, so one that dies takes down the recording it had in hand and no other. A full queue makes the threads wait,
then the pipes, then the workers: memory depends neither on the corpus nor on the length of a recording.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.executors.process import Child, cause_of_death
from anime_whisper_ct2.records import Broken, Closed, Opened, Tick, Window

Message: TypeAlias = Opened | Window | Closed | Broken | Tick

TICK_S = 0.1
_WORKER = "anime_whisper_ct2.executors.worker"
# Workers are the parallelism: threads of their own inside numpy would only fight the engine for the cores.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# References that a worker has in hand: the one it works on and the next, so that it never waits for this process.
_AHEAD = 2
# A worker is replaced after so many recordings: decoders leak a little.
_RECYCLE_AFTER = 5_000


class InProcess:
    """The front end without processes: for few recordings, or where none can be started."""

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        self._stopped = False

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Message]:
        """Give each recording's messages in order."""
        for key, recording in tasks:
            if self._stopped:
                return
            yield Opened(key, recording)
            yield from extract(key, recording.audio, self._settings)

    def stop(self) -> None:
        """Begin no further recording."""
        self._stopped = True


class WorkerPool:
    """The front end in `workers` processes, for one pass. `capacity`: windows that may wait here for the engine."""

    def __init__(self, settings: FeatureSettings, workers: int, capacity: int) -> None:
        self._settings = settings
        self._workers = workers
        self._out: queue.Queue[Message | BaseException | None] = queue.Queue(maxsize=capacity)
        self._tasks: queue.Queue[Task | None] = queue.Queue(maxsize=_AHEAD * workers)
        self._stopped = False
        self._children: set[Child] = set()

    def __call__(self, tasks: Iterable[Task]) -> Iterator[Message]:
        """Give the messages of all recordings as they come, and a tick when none came for a moment.

        Raises what the iterable of recordings raised.
        """
        # Never joined: it may be waiting in the caller's iterable, for as long as that likes.
        threading.Thread(target=self._take, args=(iter(tasks),), name="frontend-tasks", daemon=True).start()
        threads = [
            threading.Thread(target=self._serve, name=f"frontend-{n}", daemon=True) for n in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        live = len(threads)
        try:
            while live:
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
        for child in list(self._children):
            child.kill()
        for thread in threads:
            thread.join()

    def _take(self, tasks: Iterator[Task]) -> None:
        """Move tasks from the caller's iterable into the queue, and an end for each thread behind them."""
        try:
            for task in tasks:
                self._put_task(task)
                if self._stopped:
                    return
        except BaseException as error:  # reaches the caller through the queue
            self._put(error)
        for _ in range(self._workers):
            self._put_task(None)

    def _put_task(self, task: Task | None) -> None:
        while not self._stopped:
            with contextlib.suppress(queue.Full):
                self._tasks.put(task, timeout=TICK_S)
                return

    def _next_task(self, *, wait: bool) -> Task | None:
        """Give the next recording; None at the end, when stopped, or when there is none yet and `wait` is False."""
        while not self._stopped:
            try:
                task = self._tasks.get(timeout=TICK_S) if wait else self._tasks.get_nowait()
            except queue.Empty:
                if not wait:
                    return None
                continue
            if task is None:
                self._put_task(None)  # for this thread's next look, and for the others
            return task
        return None

    def _put(self, message: Message | BaseException | None) -> None:
        while not self._stopped:
            with contextlib.suppress(queue.Full):
                self._out.put(message, timeout=TICK_S)
                return

    def _serve(self) -> None:
        """One thread's life: keep a worker busy, and put another in its place when it dies."""
        unfinished: deque[Task] = deque()
        try:
            while not self._stopped:
                if not unfinished:
                    task = self._next_task(wait=True)
                    if task is None:
                        break
                    unfinished.append(task)
                code = self._serve_with_one_worker(unfinished)
                if code and unfinished and not self._stopped:
                    key, recording = unfinished.popleft()
                    self._put(Opened(key, recording))
                    self._put(
                        Broken(key, "decode", "WorkerDied", f"the worker that read it died ({cause_of_death(code)})")
                    )
        except BaseException as error:  # reaches the caller through the queue
            self._put(error)
        self._put(None)

    def _serve_with_one_worker(self, unfinished: deque[Task]) -> int:
        """Feed one worker until the tasks end, it is due for replacement or it dies; returns its exit status.

        `unfinished` holds what it has in hand, the first being worked on.
        """
        worker = Child(_WORKER, _ONE_THREAD)
        self._children.add(worker)
        ready = False
        try:
            worker.send(self._settings)
            ready = isinstance(worker.receive(), Tick)
            self._feed(worker, unfinished)
        except (EOFError, OSError):
            pass  # it died, or was killed at the end of the run; the exit status tells which
        finally:
            code = worker.close()
            self._children.discard(worker)
        if not ready and not self._stopped:
            raise EngineError(f"no worker process could be started ({cause_of_death(code)}); its own message is above")
        return code

    def _feed(self, worker: Child, unfinished: deque[Task]) -> None:
        served = len(unfinished)
        sent = 0
        opened = False
        while not self._stopped:
            while len(unfinished) < _AHEAD and served < _RECYCLE_AFTER:
                task = self._next_task(wait=not unfinished)
                if task is None:
                    break
                unfinished.append(task)
                served += 1
            if not unfinished:
                return
            # Audio itself is sent to an idle worker only: while we wrote to one that writes to us, both would wait
            # for ever. A path fits into the pipe.
            while sent < len(unfinished) and (sent == 0 or isinstance(unfinished[sent][1].audio, str)):
                key, recording = unfinished[sent]
                worker.send((key, recording.audio))
                sent += 1
            if not opened:
                self._put(Opened(*unfinished[0]))
                opened = True
            message = worker.receive()
            self._put(message)
            if not isinstance(message, Window):
                unfinished.popleft()
                sent -= 1
                opened = False
