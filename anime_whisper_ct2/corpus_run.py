"""A corpus in, an output folder out: the room behind `awct2 run`."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.engine.cuda import why_unused
from anime_whisper_ct2.errors import EngineError, counted
from anime_whisper_ct2.executors import Executor, Listed, Result
from anime_whisper_ct2.executors.ahead import Ahead
from anime_whisper_ct2.executors.audit import Calibrated, warning
from anime_whisper_ct2.executors.cluster.messages import Rest
from anime_whisper_ct2.executors.opening import here, on_cluster, open_whisper
from anime_whisper_ct2.features.windows import window_length
from anime_whisper_ct2.ids import IdSet
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import RunOptions
from anime_whisper_ct2.output.about import about_of, settings_of
from anime_whisper_ct2.output.journal import Journal
from anime_whisper_ct2.output.lines import Part
from anime_whisper_ct2.output.metrics import Counts, Meter, Stage, Totals
from anime_whisper_ct2.output.printed import Printed
from anime_whisper_ct2.output.storage.output import RemoteOutput, SharedOutput, open_output
from anime_whisper_ct2.output.unfinished import UNFINISHED
from anime_whisper_ct2.readers import Corpus, Listing
from anime_whisper_ct2.records import Container, Failure, Headway, Outcome, Recording, Tick
from anime_whisper_ct2.system.paths import path_of
from anime_whisper_ct2.text.doubt import Bounds

# How soon a stop is noticed while the listing waits for its input.
_LOOK_EVERY_S = 0.1
_FOUND, _DONE, _FAILED = Listed(1), Listed(1, resumed=1), Listed(1, failed_before=1)


class CorpusRun:
    """Transcribes a corpus into a folder, and goes on where an earlier run ended.

    `out` is that folder, or a binary stream: then it gets the lines of `transcripts.jsonl`, and nothing is resumed. On
    a Ray cluster it is a folder that all nodes share, or a URL. `open_engine` is called when there is something to do,
    after the output was locked and checked. `on_progress` gets the totals, and the outcome or None, after every
    recording or part of a cluster's, whenever a long recording has come on, and about ten times a second when nothing
    was finished. `on_note` gets lines that a user should see. `listing` says what the corpus holds beside recordings.
    """

    def __init__(
        self,
        corpus: Corpus,
        out: Path | str | IO[bytes],
        model: ModelDir,
        options: RunOptions | None = None,
        *,
        open_engine: Callable[[ModelDir, RunOptions], Engine] | None = None,
        on_progress: Callable[[Totals, Outcome | None], None] | None = None,
        on_note: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._corpus = corpus
        self._out = out
        self._model = model
        self._options = options = options or RunOptions()
        self._length = window_length(options.decoding.window, options.decoding.tail_s, model.awct2)
        self._bounds = Bounds.of(model.awct2)
        self._calibrated = Calibrated.of(model.awct2, self._length)
        self._open_engine = open_engine
        self._on_progress = on_progress or (lambda _totals, _outcome: None)
        self._on_note = on_note
        self._executor: Executor | None = None
        self._output: SharedOutput | RemoteOutput | None = None
        self._journal: Journal | Printed | None = None
        # Held while a result is written and counted.
        self._writing = threading.Lock()
        # Held while recordings are counted that were found: the listing is in a thread of its own.
        self._finding = threading.Lock()
        self._stopping = False
        self.totals = Totals()
        self.listing = Listing(corpus.selection)

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called before the corpus was done."""
        return self._stopping

    @property
    def why_nothing(self) -> str:
        """Why nothing was found, in one line."""
        return self.listing.why_nothing(self._corpus.inputs)

    @property
    def figures(self) -> Mapping[str, Any]:
        """What the engines counted beside the totals, as `run.json` says it; empty where none was needed."""
        return self._calibrated.held_against(self._executor.figures) if self._executor else {}

    def stop(self) -> None:
        """Finish what the engine has in hand and return from `run`; may be called from a signal handler."""
        self._stopping = True
        self.totals.stage = "stopping"
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
        with self._output_open() as self._output, self._results(self._output) as journal:
            self._journal = journal
            if self._output is not None and isinstance(journal, Journal) and not self._options.overwrite:
                # Before anything is listed: what an earlier run has left in parts is not to be done again.
                journal.adopt(self._output.left())
            # Whatever ends the run otherwise than below leaves it at that.
            state = "failed"
            try:
                self._work(journal)
                self._check_all_told()
                self._note_passed_over()
                self._note_unclaimed(journal)
                self._note_audit()
                state = "interrupted" if self._stopping else "finished"
            except KeyboardInterrupt:
                state = "interrupted"
                raise
            finally:
                with self._writing:
                    # `abandon` looks for it under the same lock, and must not settle the folder a second time.
                    self._journal = None
                    self._finish(journal, state)
        return self.totals

    def _finish(self, journal: Journal | Printed, state: str) -> None:
        passed_over = dict(self.listing.passed_over.most_common())
        journal.finish(state, {**self.totals.as_dict(), "passed_over": passed_over, **self.figures})
        if self._output is not None:
            self._output.ended(finished=state == "finished")

    def _output_open(self) -> AbstractContextManager[SharedOutput | RemoteOutput | None]:
        if self._options.ray is None or not isinstance(self._out, (Path, str)):
            return nullcontext()
        return open_output(self._out)

    def _results(self, output: SharedOutput | RemoteOutput | None) -> Journal | Printed:
        path = output.path if output is not None else self._out
        if isinstance(path, (Path, str)):
            model = str(self._model.path)
            settings = settings_of(self._model, self._options, self._length, self._bounds)
            return Journal(path_of(path), settings, overwrite=self._options.overwrite, model=model)
        return Printed(path)

    def _begin(self, journal: Journal | Printed, about: Mapping[str, Any]) -> None:
        journal.begin(about)
        if self._output is not None:
            self._output.begun(afresh=self._options.overwrite)

    def _work(self, journal: Journal | Printed) -> None:
        totals = self.totals
        about = about_of(self._corpus, self._model, self._options)
        remaining = self._remaining(journal)
        # A model takes seconds to load, or minutes: not for a corpus of which nothing is left to do.
        first = self._first(remaining)
        if first is None or self._stopping:
            self._begin(journal, about)
            return
        if isinstance(journal, Journal) and journal.halfway:
            self._on_note(
                f"Of {counted(journal.halfway, 'recording')} that an earlier run has begun, what it finished is kept, "
                "and is not done again"
            )
        # A listing of its own, and a daemon: the run may be over before it is.
        threading.Thread(target=self._count, name="count", daemon=True).start()
        start = time.monotonic()
        self._enter("loading")
        with self._executor_open(journal) as self._executor:
            totals.load_seconds = time.monotonic() - start
            self._enter("working")
            # Only now that there is an engine may earlier results be touched.
            self._begin(journal, {**about, "engine": dict(self._executor.description)})
            if note := why_unused(self._options.engine.device, self._executor.description.get("device")):
                self._on_note(note)
            if self._stopping:
                return
            with closing(self._executor.run(enumerate(chain([first], remaining)))) as run:
                try:
                    self._follow(run, journal)
                except EngineError as error:
                    # Of a stream nothing is kept that another run could go on with.
                    if isinstance(journal, Printed):
                        raise
                    raise EngineError(f"{error}; what is finished is kept, and the same command goes on") from error

    def _follow(self, results: Iterable[Result], journal: Journal | Printed) -> None:
        """Write and count what the executor gives."""
        meter = Meter(self.totals)
        for item in results:
            if isinstance(item, Tick):
                self._on_progress(self.totals, None)
                continue
            if isinstance(item, Part):
                self._take(item, journal, meter)
                continue
            if isinstance(item, Listed):
                self._find(item)
                continue
            if isinstance(item, Headway):
                with self._writing:
                    journal.keep(item)
                    meter.advance(item)
                self._on_progress(self.totals, None)
                continue
            key, outcome = item
            with self._writing:
                journal.write(outcome)
                meter.count(Counts.of(outcome), key)
            self._on_progress(self.totals, outcome)

    def _take(self, part: Part, journal: Journal | Printed, meter: Meter) -> None:
        """Take over what an engine elsewhere has written."""
        assert isinstance(journal, Journal)
        assert self._output is not None
        with self._writing:
            meter.count(journal.append(part))
            self._output.taken(part)
        self._on_progress(self.totals, None)
        for line in part.errors.splitlines():
            self._on_progress(self.totals, Failure(**json.loads(line)))

    def _remaining(self, journal: Journal | Printed) -> Iterator[Recording]:
        """List the corpus, count it, and give what is to be done; of a container, others say what is in it."""
        for recording in (self._corpus.references if self._options.ray else self._corpus.recordings)(self.listing):
            if self._stopping:
                return
            if isinstance(recording.audio, Container):
                yield recording
                continue
            if recording.id in journal.done:
                self._find(_DONE)
            elif recording.id in journal.failed and not self._options.retry_failed:
                self._find(_FAILED)
            else:
                self._find(_FOUND)
                homes = journal.homes(recording.id)
                yield replace(recording, home=homes) if homes else recording

    def _enter(self, stage: Stage) -> None:
        """Say what the run is at from now on, unless it is to end."""
        if not self._stopping:
            self.totals.stage = stage
        self._on_progress(self.totals, None)

    def _find(self, listed: Listed) -> None:
        with self._finding:
            self.totals.found += listed.found
            self.totals.resumed += listed.resumed
            self.totals.failed_before += listed.failed_before

    def _first(self, remaining: Iterator[Recording]) -> Recording | None:
        """Wait for the first recording to do, or for a stop: the listing may be waiting for somebody to write."""
        ahead = Ahead(islice(remaining, 1), 1, lambda: self._stopping)
        while not self._stopping:
            first = ahead.next(_LOOK_EVERY_S)
            if first is not None or ahead.over:
                return first
        return None

    def _check_all_told(self) -> None:
        """Raise EngineError where a recording is neither done nor failed: a run that ends so is not finished."""
        totals = self.totals
        left = totals.found - totals.done - totals.resumed - totals.failed
        if left and not self._stopping:
            raise EngineError(
                f"{counted(left, 'recording')} came to no end; run the same command again, it goes on from there"
            )

    def _note_passed_over(self) -> None:
        """Say what else there was; where that is all there was, whoever says that nothing was found says it."""
        if self.totals.found and not self._stopping:
            for line in self.listing.notes():
                self._on_note(line)

    def _note_unclaimed(self, journal: Journal | Printed) -> None:
        """Say what is kept of recordings that did not come up, where all that there are should have."""
        corpus = self._corpus
        chosen = corpus.include or corpus.exclude or corpus.shard or corpus.limit is not None
        if self._stopping or chosen or not isinstance(journal, Journal):
            return
        if unclaimed := journal.unclaimed():
            self._on_note(
                f"{journal.path / UNFINISHED} holds the beginning of {counted(unclaimed, 'recording')} not found in "
                "INPUT; give the INPUT of then to go on there, or remove that folder"
            )

    def _note_audit(self) -> None:
        """Say where short windows do not do what they did when they were calibrated."""
        if line := warning(self.figures):
            self._on_note(line)

    def _count(self) -> None:
        """Say how much there is, ahead of the listing, which waits for the engine."""
        # What is wrong with the corpus is for the listing to say.
        with contextlib.suppress(Exception):
            self.totals.expected = self._corpus.count()

    def _executor_open(self, journal: Journal | Printed) -> AbstractContextManager[Executor]:
        options = replace(self._options, engine=self._options.engine.with_encoder(journal.encoder))
        if options.ray is None:
            return here(self._model, options, self._length, self._open_engine or open_whisper)
        assert self._output is not None
        rest = Rest(self._corpus.selection, journal.done, IdSet() if options.retry_failed else journal.failed)
        return on_cluster(
            self._model, options, self._length, self._output.place, rest, self._corpus.places, self._on_note
        )
