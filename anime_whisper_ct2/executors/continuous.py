"""An executor that stays open: portions of recordings come and go, and it never runs empty between them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeAlias

from anime_whisper_ct2.errors import EngineError, counted
from anime_whisper_ct2.executors import Executor, Task
from anime_whisper_ct2.records import Outcome, Recording
from anime_whisper_ct2.system import waiting

_LOOK_EVERY_S = 0.1
# Outcomes that wait for their caller; then others' recordings are listed before more of its own.
_MOST_UNTAKEN = 1_024

_Result: TypeAlias = "tuple[int, Outcome] | BaseException | None"


@dataclass(eq=False, slots=True)
class _Portion:
    """One caller's recordings, and what has come of them: outcomes, and an error or None behind the last."""

    tasks: Iterator[Task]
    results: queue.SimpleQueue[_Result] = field(default_factory=queue.SimpleQueue)
    left: int = 0  # handed to the executor, and not back yet
    listed: bool = False


class Continuous:
    """Takes recordings of several callers through one executor, in the order in which the portions came.

    Batches are filled across portions, so give it the next one before the last is done. An iterable that waits holds up
    those behind it; a caller that takes nothing does not. The executor stays the caller's, and `close` has to be called
    before it is closed. It has to give ticks, as all do whose front end is in processes.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._unfinished: set[_Portion] = set()
        self._unlisted: list[_Portion] = []
        self._open: dict[int, tuple[_Portion, int]] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._closing = False
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="continuous", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        """Whether the executor ended with an error, which every call raises from then on."""
        return self._error is not None

    def transcribe(self, recordings: Iterable[Recording]) -> Iterator[Outcome]:
        """Give the outcomes of these recordings as they are finished; else as `run`."""
        with closing(self.run(enumerate(recordings))) as run:
            for _, outcome in run:
                yield outcome

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[int, Outcome], None, None]:
        """Give each recording's number and outcome as it is finished; may be called from many threads at once.

        Numbers are the caller's own. Ends early after `stop`, with what the engine had in hand; when it is closed, no
        more of its recordings are listed. Raises what the iterable raised, EngineError when no engine is left, and
        RuntimeError after `close`.
        """
        portion = _Portion(iter(tasks))
        with self._changed:
            if self._error is not None:
                raise self._error
            if self._stopped:
                return
            if self._closing:
                raise RuntimeError("closed, and takes no recordings any more")
            self._unfinished.add(portion)
            self._unlisted.append(portion)
            self._changed.notify_all()
        try:
            while (result := waiting.take(portion.results)) is not None:
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            with self._changed:
                self._forget(portion)

    def stop(self) -> None:
        """Begin nothing new: every portion ends with what the engine has in hand."""
        self._stopped = True
        self._executor.stop()

    def close(self) -> None:
        """Wait for the end of what was handed in, or after `stop` of what is in hand."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        waiting.join(self._thread)

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            with closing(self._executor.run(self._tasks())) as run:
                for item in run:
                    if isinstance(item, tuple):
                        self._hand_back(*item)
        except BaseException as caught:  # reaches the callers through their queues
            error = caught
        with self._changed:
            # An executor that ends early without a word would leave its callers waiting for ever.
            if error is None and self._unfinished and not self._stopped:
                left = sum(portion.left for portion in self._unfinished)
                error = EngineError(f"{counted(left, 'recording')} came to no end")
            self._ended = True
            self._error = error
            for portion in self._unfinished:
                portion.results.put(error)

    def _tasks(self) -> Iterator[Task]:
        """List all portions, one after the other, numbered throughout; waits for the next one."""
        key = 0
        while (portion := self._next_portion()) is not None:
            try:
                number, recording = next(portion.tasks)
            except StopIteration:
                self._end(portion)
                continue
            except Exception as error:  # for its caller, and no matter of the others
                portion.results.put(error)
                self._end(portion)
                continue
            with self._changed:
                self._open[key] = portion, number
                portion.left += 1
            yield key, recording
            key += 1

    def _next_portion(self) -> _Portion | None:
        """Wait for a portion to list from, the first whose caller keeps up; None when there will be no more."""
        with self._changed:
            while not (self._stopped or self._ended):
                for portion in self._unlisted:
                    if portion.results.qsize() < _MOST_UNTAKEN:
                        return portion
                if self._closing and not self._unlisted:
                    return None
                self._changed.wait(_LOOK_EVERY_S)
        return None

    def _end(self, portion: _Portion) -> None:
        with self._changed:
            portion.listed = True
            if portion in self._unlisted:
                self._unlisted.remove(portion)
            self._finish(portion)

    def _hand_back(self, key: int, outcome: Outcome) -> None:
        with self._changed:
            portion, number = self._open.pop(key)
            portion.left -= 1
            portion.results.put((number, outcome))
            self._finish(portion)

    def _finish(self, portion: _Portion) -> None:
        if portion.listed and not portion.left:
            self._unfinished.discard(portion)
            portion.results.put(None)

    def _forget(self, portion: _Portion) -> None:
        """Give a portion up whose caller is through with it, or takes no more."""
        self._unfinished.discard(portion)
        if portion in self._unlisted:
            self._unlisted.remove(portion)
