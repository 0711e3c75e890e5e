"""All stages on this machine: a list and a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from anime_whisper_ct2.assemble import Assembler
from anime_whisper_ct2.batcher import Batcher, WindowLength
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pool import InProcess, Message, WorkerPool
from anime_whisper_ct2.options import DecodingOptions, FrontendOptions
from anime_whisper_ct2.records import Outcome, Recording, Tick


class LocalExecutor:
    """Runs recordings through front end, batcher, engine and assembly.

    The engine stays the caller's: it is neither opened nor closed here.
    """

    def __init__(
        self,
        engine: Engine,
        decoding: DecodingOptions | None = None,
        frontend: FrontendOptions | None = None,
    ) -> None:
        self._engine = engine
        self._decoding = decoding or DecodingOptions()
        settings = FeatureSettings(engine.n_mels, half=engine.feature_dtype is np.float16)
        workers = (frontend or FrontendOptions()).resolved_workers()
        self._frontend: WorkerPool | InProcess
        if workers:
            self._frontend = WorkerPool(settings, workers, capacity=max(64, 2 * engine.batch_size))
        else:
            self._frontend = InProcess(settings)
        self._stopping = False

    def run(self, recordings: Iterable[Recording]) -> Iterator[tuple[int, Outcome] | Tick]:
        """Give each recording's number and outcome as it is finished; a tick says that nothing was for a moment.

        Closing the generator, or an error in it, ends the workers; what the engine has in hand is finished.
        """
        stages = (
            self._frontend,
            self._until_stopped,
            Batcher(WindowLength(self._decoding.window), self._engine.batch_size),
            self._until_stopped,
            Decoding(self._engine),
            Assembler(self._decoding.language),
        )
        items: Iterable[object] = recordings
        for stage in stages:
            items = stage(items)  # type: ignore[arg-type] # each stage takes what the one before it gives
        yield from items  # type: ignore[misc]

    def stop(self) -> None:
        """Begin nothing new: the engine finishes its batches, `run` gives the recordings that end with them."""
        self._stopping = True
        self._frontend.stop()

    def _until_stopped(self, items: Iterable[Message]) -> Iterator[Message]:
        for item in items:
            if self._stopping:
                return
            yield item
