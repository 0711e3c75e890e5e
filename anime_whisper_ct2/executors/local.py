"""All stages on this machine: a list and a loop."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.ladder import Ladder
from anime_whisper_ct2.executors.pace import Pace
from anime_whisper_ct2.executors.pool import FrontEnd, InProcess, Message, WorkerPool
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.mel import WINDOW_FRAMES
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import AUDIO, AudioOptions, DecodingOptions, FrontendOptions, SegmentOptions
from anime_whisper_ct2.output.assemble import Assembler
from anime_whisper_ct2.records import Headway, Outcome, Tick, Worked
from anime_whisper_ct2.text.doubt import BOUNDS, Bounds


class LocalExecutor:
    """Runs recordings through front end, batcher, engine and assembly.

    `length` decides how far windows are padded, by default to 30 s, `segment` where recordings are cut, `audio` how
    they are heard, `bounds` what is marked. The engine stays the caller's: it is neither opened nor closed here.
    `frontend_stage` takes the place of the front end that `frontend` asks for; its features have to be the engine's. It
    is for one run, and so is the executor then.
    """

    def __init__(
        self,
        engine: Engine,
        decoding: DecodingOptions | None = None,
        frontend: FrontendOptions | None = None,
        length: WindowLength | None = None,
        segment: SegmentOptions | None = None,
        audio: AudioOptions = AUDIO,
        bounds: Bounds = BOUNDS,
        frontend_stage: FrontEnd | None = None,
    ) -> None:
        self._engine = engine
        self.description = engine.description
        decoding = decoding or DecodingOptions()
        self._language = decoding.language
        self._length = length or WindowLength("full")
        self.ladder = Ladder(decoding.retry, decoding.audit if self._length.mode == "fit" else 0.0, bounds)
        segment = segment or SegmentOptions()
        # A cut every 30 s may go through a word; utterances are sentences of their own.
        self._between = "" if segment.mode == "off" else " "
        self._features = FeatureSettings(engine.n_mels, engine.feature_dtype is np.float16, segment, audio)
        self._frontend_options = frontend or FrontendOptions()
        self._frontend_stage = frontend_stage
        self._memory_halvings = 0
        self.worked = Worked()
        self._frontend: FrontEnd | None = None
        self._stopping = False

    def run(self, tasks: Iterable[Task | Tick]) -> Generator[tuple[int, Outcome] | Headway | Tick, None, None]:
        """Give each recording's number and outcome as it is finished; a tick says that nothing was for a moment.

        Headway says how far a long recording has come, and brings what is finished of it.
        Without worker processes, an iterable that has to wait should give ticks meanwhile: nobody else would.
        Closing the generator, or an error in it, ends the workers; what the engine has in hand is finished.
        """
        self._engine.take_worked()  # what it did for others
        self._frontend = frontend = self._new_frontend()
        pace = Pace(self._engine)
        decoding = Decoding(self._engine, self.ladder, stopped=lambda: self._stopping, pace=pace)
        stages = (
            frontend,
            self._until_stopped,
            Batcher(
                self._length,
                decoding.room,
                lambda: decoding.hungry,
                lambda: frontend.dry,
                enough=pace.are_enough,
            ),
            self._until_stopped,
            decoding,
            Assembler(self._language, self._between, lambda: decoding.amid_batch),
        )
        items: Iterable[object] = tasks
        running: list[Any] = []
        for stage in stages:
            items = stage(items)  # type: ignore[arg-type] # each stage takes what the one before it gives
            running.append(items)
        try:
            yield from items  # type: ignore[misc]
        finally:
            # Each by itself: the traceback of an error keeps those before it alive, and their workers with them.
            for generator in reversed(running):
                generator.close()
            self._memory_halvings += decoding.memory_halvings
            self.worked += self._engine.take_worked()

    @property
    def figures(self) -> dict[str, Any]:
        """What `run.json` says beside the totals: halved batches, waits, retries, and the audit of fitted windows."""
        return {"memory_halvings": self._memory_halvings, **self.worked.figures, **self.ladder.figures}

    def stop(self) -> None:
        """Begin nothing new: the engine finishes its batches, `run` gives the recordings that end with them."""
        self._stopping = True
        if self._frontend is not None:
            self._frontend.stop()

    def _new_frontend(self) -> FrontEnd:
        if self._frontend_stage is not None:
            return self._frontend_stage
        workers = self._frontend_options.resolved_workers()
        if not workers:
            return InProcess(self._features)
        # Two full batches may wait, of whichever length has the largest, so that the next one is there when the engine
        # is free. They weigh what two of 30 s do.
        full, largest = self._engine.capacity(WINDOW_FRAMES), self._engine.capacity(self._length(1))
        windows, frames = (max(64, 2 * many) for many in (max(full, largest), full))
        return WorkerPool(
            self._features,
            workers,
            windows,
            self._frontend_options.time_limit_s,
            frames=frames * WINDOW_FRAMES,
            beyond=(self._engine.in_flight + 1) * largest,
        )

    def _until_stopped(self, items: Iterable[Message]) -> Iterator[Message]:
        for item in items:
            if self._stopping:
                return
            yield item
