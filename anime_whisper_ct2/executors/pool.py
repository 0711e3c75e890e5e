"""The front end in worker processes: references go out, features come back, in whatever order they are ready.

Each worker is a process of its own with a pipe each way and a thread here that serves it. Nothing is shared between
workers, so one that dies takes down the recording it had in hand and no other. A full queue makes the threads wait,
then the pipes, then the workers: memory depends neither on the corpus nor on the length of a recording.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TypeAlias, cast

from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors.frontend import FeatureSettings, extract
from anime_whisper_ct2.records import Broken, Closed, Opened, Recording, Tick, Window

Message: TypeAlias = Opened | Window | Closed | Broken | Tick
Task: TypeAlias = tuple[int, Recording]

TICK_S = 0.1
# References that a worker has in hand: the one it works on and the next, so that it never waits for this process.
_AHEAD = 2
# A worker is replaced after so many recordings: decoders leak a little.
_RECYCLE_AFTER = 5_000


class InProcess:
    """The front end without processes: for few recordings, or where none can be started."""

    def __init__(self, settings: FeatureSettings) -> None:
        self._settings = settings
        self._stopped = False

    def __call__(self, recordings: Iterable[Recording]) -> Iterator[Message]:
        """Give each recording's messages in order."""
        for key, recording in enumerate(recordings):
            if self._stopped:
                return
            yield Opened(key, recording)
            yield from extract(key, recording.audio, self._settings)

    def stop(self) -> None:
        """Begin no further recording."""
        self._stopped = True


class WorkerPool:
    """The front end in `workers` processes. `capacity`: windows that may wait here for the engine."""

    def __init__(self, settings: FeatureSettings, workers: int, capacity: int) -> None:
        self._settings = settings
        self._workers = workers
        self._out: queue.Queue[Message | BaseException | None] = queue.Queue(maxsize=capacity)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._tasks: Iterator[Task] = iter(())
        self._processes: set[subprocess.Popen[bytes]] = set()

    def __call__(self, recordings: Iterable[Recording]) -> Iterator[Message]:
        """Give the messages of all recordings as they come, and a tick when none came for a moment.

        Raises what the iterable of recordings raised.
        """
        self._tasks = enumerate(recordings)
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
                    if self._stop.is_set():
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
        self._stop.set()

    def _shut_down(self, threads: list[threading.Thread]) -> None:
        self._stop.set()
        for process in list(self._processes):
            process.kill()
        for thread in threads:
            thread.join()

    def _next_task(self) -> Task | None:
        with self._lock:
            return None if self._stop.is_set() else next(self._tasks, None)

    def _put(self, message: Message | BaseException | None) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Full):
                self._out.put(message, timeout=TICK_S)
                return

    def _serve(self) -> None:
        """One thread's life: keep a worker busy, and put another in its place when it dies."""
        unfinished: deque[Task] = deque()
        try:
            while not self._stop.is_set():
                if not unfinished:
                    task = self._next_task()
                    if task is None:
                        break
                    unfinished.append(task)
                code = self._serve_with_one_worker(unfinished)
                if code and unfinished and not self._stop.is_set():
                    key, recording = unfinished.popleft()
                    self._put(Opened(key, recording))
                    self._put(Broken(key, "decode", "WorkerDied", f"the worker that read it died ({_cause(code)})"))
        except BaseException as error:  # reaches the caller through the queue
            self._put(error)
        self._put(None)

    def _serve_with_one_worker(self, unfinished: deque[Task]) -> int:
        """Feed one worker until the tasks end, it is due for replacement or it dies; returns its exit status.

        `unfinished` holds what it has in hand, the first being worked on.
        """
        process = _start_worker()
        self._processes.add(process)
        stdin, stdout = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        ready = False
        try:
            pickle.dump(self._settings, stdin)
            stdin.flush()
            ready = isinstance(pickle.load(stdout), Tick)
            served = len(unfinished)
            sent = 0
            opened = False
            while not self._stop.is_set():
                while len(unfinished) < _AHEAD and served < _RECYCLE_AFTER and (task := self._next_task()):
                    unfinished.append(task)
                    served += 1
                if not unfinished:
                    break
                # Audio itself is sent to an idle worker only: while we wrote to one that writes to us, both would
                # wait for ever. A path fits into the pipe.
                while sent < len(unfinished) and (sent == 0 or isinstance(unfinished[sent][1].audio, str)):
                    _send(stdin, unfinished[sent])
                    sent += 1
                if not opened:
                    self._put(Opened(*unfinished[0]))
                    opened = True
                message = pickle.load(stdout)
                self._put(message)
                if not isinstance(message, Window):
                    unfinished.popleft()
                    sent -= 1
                    opened = False
        except (EOFError, OSError, pickle.UnpicklingError):
            # It died, or was killed at the end of the run; the exit status tells which.
            if process.poll() is None and not self._stop.is_set():
                process.kill()
        finally:
            for pipe in (stdin, stdout):
                with contextlib.suppress(OSError):
                    pipe.close()
            code = process.wait()
            self._processes.discard(process)
        if not ready and not self._stop.is_set():
            raise EngineError(f"no worker process could be started ({_cause(code)}); its own message is above")
        return code


def _send(stdin: IO[bytes], task: Task) -> None:
    key, recording = task
    pickle.dump((key, recording.audio), stdin, protocol=5)
    stdin.flush()


def _start_worker() -> subprocess.Popen[bytes]:
    """Start a fresh interpreter: nothing of this process is inherited, and `__main__` is not imported again."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    # Workers are the parallelism: threads of their own inside numpy would only fight the engine for the cores.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", "anime_whisper_ct2.executors.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **single, "PYTHONPATH": path},
    )


def _cause(code: int) -> str:
    if code < 0:
        try:
            return f"signal {-code}, {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"
    return f"exit status {code}"
