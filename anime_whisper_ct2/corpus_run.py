"""A corpus in, an output folder out: the room behind `awct2 run`."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors import Executor
from anime_whisper_ct2.executors.fleet import Fleet
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.messages import StationSettings
from anime_whisper_ct2.journal import Journal
from anime_whisper_ct2.metrics import Meter, Totals
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Outcome, Recording, Tick
from anime_whisper_ct2.windows import window_length


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run treats its output, and the options of the rooms it passes through."""

    decoding: DecodingOptions = field(default_factory=DecodingOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    frontend: FrontendOptions = field(default_factory=FrontendOptions)
    overwrite: bool = False  # remove earlier results first
    retry_failed: bool = False  # try the recordings of errors.jsonl again


class CorpusRun:
    """Transcribes a corpus into a folder, and goes on where an earlier run ended.

    `open_engine` is called when there is something to do, after the output was locked and checked. `on_progress` gets
    the totals, and the outcome or None, after every recording and about ten times a second when none was finished.
    """

    def __init__(
        self,
        corpus: Corpus,
        out: Path,
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
        self._stopping = False
        self.totals = Totals()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called before the corpus was done."""
        return self._stopping

    def stop(self) -> None:
        """Finish what the engine has in hand and return from `run`; may be called from a signal handler."""
        self._stopping = True
        if self._executor:
            self._executor.stop()

    def run(self) -> Totals:
        """Do the work; raises an `Awct2Error` when it cannot go on. Results so far are in the folder either way."""
        totals = self.totals
        totals.found = self._corpus.check_ids()
        options = self._options
        with Journal(self._out, self._settings(), overwrite=options.overwrite) as journal:
            state = "failed"
            try:
                self._work(journal)
                state = "interrupted" if self._stopping else "finished"
            except KeyboardInterrupt:
                state = "interrupted"
                raise
            finally:
                figures = self._executor.figures if self._executor else {}
                journal.finish(state, {**totals.as_dict(), **figures})
        return totals

    def _work(self, journal: Journal) -> None:
        totals = self.totals
        again: set[str] = set()
        for recording in self._corpus:
            totals.resumed += recording.id in journal.done
            if recording.id in journal.failed:
                again.add(recording.id)
        if not self._options.retry_failed:
            totals.failed, again = len(again), set()
        if totals.resumed + totals.failed >= totals.found or self._stopping:
            journal.begin(self._about())
            return
        start = time.monotonic()
        with self._executor_open() as self._executor:
            totals.load_seconds = time.monotonic() - start
            # Only now that there is an engine may earlier results be touched.
            journal.begin({**self._about(), "engine": dict(self._executor.description)})
            if again:
                journal.retry(again)
            if self._stopping:
                return
            meter = Meter(totals)
            with closing(self._executor.run(enumerate(self._remaining(journal)))) as run:
                for item in run:
                    if isinstance(item, Tick):
                        self._on_progress(totals, None)
                        continue
                    _, outcome = item
                    journal.write(outcome)
                    meter.count(outcome)
                    self._on_progress(totals, outcome)

    @contextmanager
    def _executor_open(self) -> Iterator[Executor]:
        """One engine runs in this process; several, each in a process of its own."""
        options = self._options
        parts = options.engine.split()
        if len(parts) == 1 or self._open_engine is not None:
            engine = (self._open_engine or open_whisper)(self._model, replace(options, engine=parts[0]))
            try:
                yield LocalExecutor(engine, options.decoding, options.frontend, self._length)
            finally:
                engine.close()
            return
        workers = FrontendOptions(options.frontend.resolved_workers(len(parts)))
        model = str(self._model.path)
        fleet = Fleet([StationSettings(model, part, options.decoding, workers, self._length) for part in parts])
        try:
            fleet.open()
            yield fleet
        finally:
            fleet.close()

    def _remaining(self, journal: Journal) -> Iterator[Recording]:
        for recording in self._corpus:
            if recording.id not in journal.done and recording.id not in journal.failed:
                yield recording

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
            **({"retry": options.decoding.retry} if self._length.mode == "fit" else {}),
        }

    def _about(self) -> dict[str, Any]:
        engines = len(self._options.engine.split())
        packages = ("ctranslate2", "faster-whisper", "numpy", "soundfile", "soxr", "av", "tokenizers")
        return {
            "inputs": list(self._corpus.inputs),
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
