"""A corpus in, an output folder out: the room behind `awct2 run`."""

from __future__ import annotations

import contextlib
import os
import platform
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import IO, Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError
from anime_whisper_ct2.executors import Executor
from anime_whisper_ct2.executors.fleet import Fleet
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.journal import Journal
from anime_whisper_ct2.metrics import Meter, Totals
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions, SegmentOptions
from anime_whisper_ct2.printed import Printed
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Outcome, Recording, Tick
from anime_whisper_ct2.windows import window_length

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run treats its output, and the options of the rooms it passes through."""

    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    frontend: FrontendOptions = field(default_factory=FrontendOptions)
    segment: SegmentOptions = field(default_factory=SegmentOptions)
    overwrite: bool = False  # remove earlier results first
    retry_failed: bool = False  # try the recordings of errors.jsonl again


class CorpusRun:
    """Transcribes a corpus into a folder, and goes on where an earlier run ended.

    `out` is that folder, or a binary stream: then it gets the lines of `transcripts.jsonl`, and nothing is resumed.
    `open_engine` is called when there is something to do, after the output was locked and checked. `on_progress` gets
    the totals, and the outcome or None, after every recording and about ten times a second when none was finished.
    """

    def __init__(
        self,
        corpus: Corpus,
        out: Path | IO[bytes],
        model: ModelDir,
        options: RunOptions | None = None,
        *,
        open_engine: Callable[[ModelDir, RunOptions], Engine] | None = None,
        on_progress: Callable[[Totals, Outcome | None], None] | None = None,
    ) -> None:
        self._corpus = corpus
        self._out = out
        self._model = model
        self._options = options = options or RunOptions()
        self._length = window_length(options.decoding.window, options.decoding.tail_s, model.awct2)
        self._open_engine = open_engine
        self._on_progress = on_progress or (lambda _totals, _outcome: None)
        self._executor: Executor | None = None
        self._journal: Journal | Printed | None = None
        # Held while a result is written and counted.
        self._writing = threading.Lock()
        self._stopping = False
        self.totals = Totals()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called before the corpus was done."""
        return self._stopping

    @property
    def figures(self) -> Mapping[str, Any]:
        """What the engines counted beside the totals, as `run.json` says it; empty where none was needed."""
        return self._executor.figures if self._executor else {}

    def stop(self) -> None:
        """Finish what the engine has in hand and return from `run`; may be called from a signal handler."""
        self._stopping = True
        if self._executor:
            self._executor.stop()

    def abandon(self) -> None:
        """Settle the folder while `run` still waits for the engine, from another thread; then the process must end.

        What is in flight is left to the next run, and `run` writes nothing any more.
        """
        self._stopping = True
        # It is held for long only by a write that hangs, and then there is nothing to settle on.
        if self._writing.acquire(timeout=1.0) and self._journal is not None:
            self._finish(self._journal, "interrupted")
            self._journal.close()

    def run(self) -> Totals:
        """Do the work; raises an `Awct2Error` when it cannot go on. Results so far are in the folder either way."""
        self._corpus.check()
        with self._results() as journal:
            self._journal = journal
            state = "failed"
            try:
                self._work(journal)
                self._check_all_told()
                state = "interrupted" if self._stopping else "finished"
            except KeyboardInterrupt:
                state = "interrupted"
                raise
            finally:
                with self._writing:
                    self._journal = None
                    self._finish(journal, state)
        return self.totals

    def _finish(self, journal: Journal | Printed, state: str) -> None:
        journal.finish(state, {**self.totals.as_dict(), **self.figures})

    def _results(self) -> Journal | Printed:
        if isinstance(self._out, Path):
            return Journal(self._out, self._settings(), overwrite=self._options.overwrite)
        return Printed(self._out)

    def _work(self, journal: Journal | Printed) -> None:
        totals = self.totals
        remaining = self._remaining(journal)
        first = self._first(remaining)
        if first is None or self._stopping:
            journal.begin(self._about())
            return
        threading.Thread(target=self._count, name="count", daemon=True).start()
        start = time.monotonic()
        with self._executor_open() as self._executor:
            totals.load_seconds = time.monotonic() - start
            # Only now that there is an engine may earlier results be touched.
            journal.begin({**self._about(), "engine": dict(self._executor.description)})
            if self._stopping:
                return
            meter = Meter(totals)
            with closing(self._executor.run(enumerate(chain([first], remaining)))) as run:
                for item in run:
                    if isinstance(item, Tick):
                        self._on_progress(totals, None)
                        continue
                    _, outcome = item
                    with self._writing:
                        journal.write(outcome)
                        meter.count(outcome)
                    self._on_progress(totals, outcome)

    def _remaining(self, journal: Journal | Printed) -> Iterator[Recording]:
        """List the corpus, count it, and give what is to be done."""
        totals = self.totals
        for recording in self._corpus:
            if self._stopping:
                return
            totals.found += 1
            if recording.id in journal.done:
                totals.resumed += 1
            elif recording.id in journal.failed and not self._options.retry_failed:
                totals.failed_before += 1
            else:
                yield recording

    def _first(self, remaining: Iterator[Recording]) -> Recording | None:
        """Wait for the first recording to do, or for a stop: the listing may be waiting for somebody to write."""
        found: queue.SimpleQueue[Recording | BaseException | None] = queue.SimpleQueue()

        def take() -> None:
            try:
                found.put(next(remaining, None))
            except BaseException as error:  # reaches the caller through the queue
                found.put(error)

        threading.Thread(target=take, name="first", daemon=True).start()
        while not self._stopping:
            with contextlib.suppress(queue.Empty):
                first = found.get(timeout=_LOOK_EVERY_S)
                if isinstance(first, BaseException):
                    raise first
                return first
        return None

    def _check_all_told(self) -> None:
        """Raise EngineError where a recording is neither done nor failed: a run that ends so is not finished."""
        totals = self.totals
        left = totals.found - totals.done - totals.resumed - totals.failed
        if left and not self._stopping:
            raise EngineError(f"{left} recordings came to no end; run the same command again, it goes on with them")

    def _count(self) -> None:
        """Say how much there is, ahead of the listing, which waits for the engine."""
        # What is wrong with the corpus is for the listing to say.
        with contextlib.suppress(Exception):
            self.totals.expected = self._corpus.count()

    @contextmanager
    def _executor_open(self) -> Iterator[Executor]:
        """One engine runs in this process; several, each in a process of its own."""
        options = self._options
        parts = options.engine.split()
        if len(parts) == 1 or self._open_engine is not None:
            engine = (self._open_engine or open_whisper)(self._model, replace(options, engine=parts[0]))
            try:
                yield LocalExecutor(engine, options.decoding, options.frontend, self._length, options.segment)
            finally:
                engine.close()
            return
        frontend = replace(options.frontend, workers=options.frontend.resolved_workers(len(parts)))
        model = str(self._model.path)
        fleet = Fleet(
            [
                StationSettings(model, part, options.decoding, frontend, self._length, segment=options.segment)
                for part in parts
            ]
        )
        try:
            fleet.open()
            yield fleet
        finally:
            fleet.close()

    def _settings(self) -> dict[str, Any]:
        """What decides the text: a run goes on only with these."""
        options = self._options
        return {
            "model": self._model.fingerprint,
            "compute_type": options.engine.compute_type,
            "language": options.decoding.language,
            "beam_size": options.decoding.beam_size,
            "no_repeat_ngram_size": options.decoding.no_repeat_ngram_size,
            **self._length.settings,
            **options.segment.settings,
            "retry": options.decoding.retry,
            **({"words": True} if options.decoding.words else {}),
        }

    def _about(self) -> dict[str, Any]:
        engines = len(self._options.engine.split())
        packages = ("ctranslate2", "faster-whisper", "numpy", "soundfile", "soxr", "av", "tokenizers")
        return {
            "inputs": list(self._corpus.inputs),
            "folder": os.getcwd(),  # noqa: PTH109 - where relative inputs start; as text it may hold invalid UTF-8
            "audio_column": self._corpus.audio_column,
            "include": list(self._corpus.include),
            "exclude": list(self._corpus.exclude),
            "shard": self._corpus.shard,
            "limit": self._corpus.limit,
            "model": str(self._model.path),
            "workers": engines * self._options.frontend.resolved_workers(engines),
            "versions": {
                "anime-whisper-ct2": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in packages},
            },
        }


def open_whisper(model: ModelDir, options: RunOptions) -> Engine:
    """Load the model on its device; CTranslate2 is imported here and not before."""
    from anime_whisper_ct2.engine.whisper import CTranslate2Engine  # noqa: PLC0415

    return CTranslate2Engine(model, options.engine, options.decoding)
