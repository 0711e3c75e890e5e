"""Recordings cut beside each other, in processes that may die."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from anime_whisper_ct2.audio import PARTIAL_SUFFIX
from anime_whisper_ct2.errors import EngineError, OutputError
from anime_whisper_ct2.executors.process import Child, streams
from anime_whisper_ct2.export.clips.cutting import attempt, cannot_write, clip_path, is_there
from anime_whisper_ct2.export.clips.jobs import ClipJob, ClipResult
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions
from anime_whisper_ct2.options import available_cores
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2.system.files import remove
from anime_whisper_ct2.system.pipes import reader_may_go
from anime_whisper_ct2.system.processes import cause_of_death, limit_memory

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_MOST_WORKERS = 16
# A few blocks, and an encoded recording where it comes out of a table; what wants this much is none.
_MEMORY_BYTES = 2 << 30
# A recording that a worker dies over is tried once more: the system may have chosen it for another's hunger.
_TRIES = 2
# A worker is replaced after so many recordings: decoders leak a little.
_RECYCLE_AFTER = 5_000


def cut_clips(
    work: Iterable[ClipJob], folder: Path, options: ClipOptions = CLIPS, workers: int | None = None
) -> Iterator[ClipResult]:
    """Cut clips into files below `folder`, and give one result for each job, as they are done.

    Clips keep their recording's rate and channels, and 24 bits where it has more than 16. A clip that is a whole file
    of the wanted format is copied. Clips that are there are not cut again; what an interrupted call left half done is
    removed first, so only one call at a time may work in a folder. The same recordings give the same bytes.

    `workers`: processes; None: as many as cores; 0: none but this one. A recording that cannot be read costs its
    clips, and so does one that kills two workers in a row; the others go on. Memory: a few blocks for each worker.

    Raises OutputError when the folder cannot be written to, EngineError when no process can be started.
    """
    _prepare(folder)
    count = min(_MOST_WORKERS, available_cores()) if workers is None else workers
    if count == 0:
        for job in work:
            left = _left(job, folder, options)
            yield _result(job, left, attempt(left, folder, options) if left.clips else None, folder, options)
        return
    pool = _Workers(folder, options)
    pending: set[Future[ClipResult]] = set()
    try:
        with waiting.threads(count, "clips") as threads:
            try:
                for job in work:
                    left = _left(job, folder, options)
                    if not left.clips:
                        yield _result(job, left, None, folder, options)
                        continue
                    # Bounded: a corpus of millions would else be pending as a whole.
                    while len(pending) >= 2 * count:
                        yield from _done(pending)
                    pending.add(threads.submit(pool.cut, job, left))
                while pending:
                    yield from _done(pending)
            finally:
                for future in pending:
                    future.cancel()
                pool.stop()
    finally:
        pool.close()


def _done(pending: set[Future[ClipResult]]) -> Iterator[ClipResult]:
    """Wait for the first of those that are being cut, and take out all that are done."""
    for future in waiting.first_done(pending):
        pending.discard(future)
        yield waiting.result_of(future)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for above, _, names in os.walk(folder):
            for name in names:
                if name.endswith(PARTIAL_SUFFIX):
                    remove(os.path.join(above, name))  # noqa: PTH118 - strings keep invalid UTF-8
    except OSError as error:
        raise cannot_write(str(folder), error) from error


def _left(job: ClipJob, folder: Path, options: ClipOptions) -> ClipJob:
    """Give what is to be done still, without what a worker has no use for."""
    recording = replace(job.recording, meta={})
    missing = (clip for clip in job.clips if not is_there(clip_path(folder, clip, options)))
    return ClipJob(recording, job.duration_s, tuple(sorted(missing, key=lambda clip: (clip.start_s, clip.end_s))))


def _result(
    job: ClipJob, left: ClipJob, failure: tuple[str, str] | None, folder: Path, options: ClipOptions
) -> ClipResult:
    missing = tuple(clip.name for clip in left.clips if not is_there(clip_path(folder, clip, options)))
    error, message = failure or ("", "")
    return ClipResult(
        id=job.recording.id,
        audio=job.recording.name,
        written=len(left.clips) - len(missing),
        resumed=len(job.clips) - len(left.clips),
        missing=missing,
        error=error,
        message=message,
    )


class _Workers:
    """Worker processes, each serving one thread at a time; one that dies takes no other recording with it."""

    def __init__(self, folder: Path, options: ClipOptions) -> None:
        self._folder = folder
        self._options = options
        self._idle: list[tuple[Child, int]] = []
        self._all: set[Child] = set()
        self._stopped = False

    def cut(self, job: ClipJob, left: ClipJob) -> ClipResult:
        """Have a worker cut what is left of a job, and another one when that dies over it."""
        failure: tuple[str, str] | None = None
        for _ in range(_TRIES):
            child, served = self._take()
            try:
                child.send(left)
                answer = child.receive()
            except (EOFError, OSError):
                failure = "WorkerDied", f"the worker that cut it died ({cause_of_death(self._end(child))})"
                if self._stopped:
                    break
                continue
            if served + 1 < _RECYCLE_AFTER:
                self._idle.append((child, served + 1))
            else:
                self._end(child)
            if isinstance(answer, OutputError):
                raise answer
            failure = answer
            break
        _remove_partial(left, self._folder, self._options)
        return _result(job, left, failure, self._folder, self._options)

    def stop(self) -> None:
        """End what the workers have in hand at once."""
        self._stopped = True
        for child in tuple(self._all):
            child.kill()

    def close(self) -> None:
        """Wait for the workers' end; to be called when no thread uses them any more."""
        for child in tuple(self._all):
            self._end(child)

    def _take(self) -> tuple[Child, int]:
        try:
            return self._idle.pop()
        except IndexError:
            return self._start(), 0

    def _start(self) -> Child:
        child = Child("anime_whisper_ct2.export.clips.workers", _ONE_THREAD)
        self._all.add(child)
        # `stop` may just have gone through all that there were.
        if self._stopped:
            child.kill()
        try:
            child.send((self._folder, self._options))
            child.receive()
        except (EOFError, OSError):
            code = self._end(child)
            raise EngineError(
                f"no worker process could be started ({cause_of_death(code)}); its own message is above"
            ) from None
        return child

    def _end(self, child: Child) -> int:
        self._all.discard(child)
        return child.close()


def _remove_partial(left: ClipJob, folder: Path, options: ClipOptions) -> None:
    for clip in left.clips:
        with suppress(OSError):
            remove(clip_path(folder, clip, options) + PARTIAL_SUFFIX)


def main() -> None:
    """Be a worker: jobs on standard input, what went wrong with each (or None) on standard output, as pickles."""
    source, sink = streams()
    limit_memory(_MEMORY_BYTES)
    try:
        folder, options = pickle.load(source)
        answer: object = None
        while True:
            with reader_may_go(sink):
                pickle.dump(answer, sink)
                sink.flush()
            answer = _answer(pickle.load(source), folder, options)
    except (EOFError, BrokenPipeError):
        # The parent is done with us, or gone; what is left in the buffer has no reader.
        os._exit(0)


def _answer(job: ClipJob, folder: Path, options: ClipOptions) -> tuple[str, str] | OutputError | None:
    try:
        return attempt(job, folder, options)
    except OutputError as error:
        return error
