"""A candidate is tried: averaged, converted, opened, and heard as `awct2 run` hears a model with its defaults."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import ConversionError, OutputError
from anime_whisper_ct2.executors.local import LocalExecutor
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.features.windows import window_length
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.models import convert_opened, range_recipe, weights_recipe
from anime_whisper_ct2.options import AudioOptions, DecodingOptions, EngineOptions, RunOptions
from anime_whisper_ct2.records import Failure
from anime_whisper_ct2.search.candidates import REST
from anime_whisper_ct2.search.heard import Heard
from anime_whisper_ct2.search.options import SearchOptions
from anime_whisper_ct2.search.records import Candidate
from anime_whisper_ct2.search.telling import OnNote
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2.text.doubt import Bounds

if TYPE_CHECKING:
    from anime_whisper_ct2.models import FloatType, PrefixSums, Recipe, Series


def recipe_of(candidate: Candidate, count: int) -> Recipe:
    """Say how much of each of so many checkpoints goes into each tensor."""
    if not candidate.weights:
        return range_recipe(count, candidate.first, candidate.last + 1)
    shares = dict(candidate.weights)
    return weights_recipe(shares[REST], [(pattern, own) for pattern, own in candidate.weights if pattern != REST])


@dataclass(frozen=True, slots=True)
class Listener:
    """A candidate's model, loaded."""

    model: ModelDir
    engine: Engine
    run: RunOptions
    on_note: OnNote

    def edits(self, heard: Heard, numbers: Sequence[int], on_recording: Callable[[], None]) -> dict[int, int]:
        """Hear recordings, and give the edits of each; what the engine cannot decode counts as if nothing were heard.

        Raises EngineError where the device fails.
        """
        decoding = self.run.decoding
        executor = LocalExecutor(
            self.engine,
            decoding,
            self.run.frontend,
            window_length(decoding.window, decoding.tail_s, self.model.awct2),
            self.run.segment,
            self.run.audio,
            Bounds.of(self.model.awct2),
            heard.recorded.stage(),
        )
        tasks = [(number, heard.listed.recordings[number]) for number in numbers]
        found: dict[int, int] = {}
        with closing(executor.run(tasks)) as results:
            for item in results:
                if isinstance(item, tuple):
                    number, outcome = item
                    if isinstance(outcome, Failure):
                        self.on_note(f"{outcome.id}: counts as if nothing were heard, {outcome.message}")
                    found[number] = heard.scorer.edits(number, "" if isinstance(outcome, Failure) else outcome.text)
                    on_recording()
        return found


@dataclass(frozen=True, slots=True)
class Trier:
    """Opens candidates of a series in a folder of this process's own; `sums` make long ranges as cheap as short ones.

    `dtype`: of the weights, as they will be written; None: that of the first checkpoint.
    """

    series: Series
    folder: Path
    options: SearchOptions
    audio: AudioOptions
    dtype: FloatType | None
    on_note: OnNote

    @contextmanager
    def listening(self, candidate: Candidate, sums: PrefixSums | None = None) -> Iterator[Listener]:
        """Make a candidate's model, and have it loaded for as long as the context lasts.

        Raises ModelError, OutputError and EngineError.
        """
        recipe = recipe_of(candidate, len(self.series.checkpoints))
        # The one before is of no use any more, and would need as much disk again.
        files.clear_away(self.folder)
        with _converting(self.folder):
            model = convert_opened(self.series.blend(recipe, dtype=self.dtype, sums=sums), self.folder)
        options = RunOptions(
            DecodingOptions(language=self.options.language),
            EngineOptions(device=self.options.device, compute_type=self.options.compute_type),
            audio=self.audio,
        )
        engine = open_whisper(model, options)
        try:
            yield Listener(model, engine, options, self.on_note)
        finally:
            engine.close()


@contextmanager
def _converting(folder: Path) -> Iterator[None]:
    """Say what a conversion lacks as a search does, which puts it where nobody has named an output."""
    try:
        yield
    except ConversionError as error:
        if not isinstance(cause := error.__cause__, OSError):
            raise
        full = cause.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full; make room" if full else f"{reason(cause, folder)}; see to that"
        raise OutputError(
            f"{folder.parent}: the model of a trial cannot be written there: {why}, and the same command goes on; or "
            "name another folder with --work"
        ) from error
