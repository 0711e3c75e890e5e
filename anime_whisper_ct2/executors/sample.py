"""Some clips of a corpus, to be measured with or learnt from, and decoding them as a run would."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, InputError
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pool import WorkerPool
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import AudioOptions, FrontendOptions
from anime_whisper_ct2.records import Batch, Broken, Decoded, Recording, Window
from anime_whisper_ct2.system import waiting

# Candidates for each clip that is wanted; from them, clips are taken evenly over all lengths.
CANDIDATES = 2
# Fixed, so that two calibrations of one corpus measure the same clips.
_SEED = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """Clips of up to 30 s, shortest first: a window of each, and its recording."""

    windows: tuple[Window, ...]
    recordings: tuple[Recording, ...]

    @property
    def audio_s(self) -> float:
        """Seconds of all of them."""
        return sum(window.end_s for window in self.windows)


def draw(
    engine: Engine, corpus: Iterable[Recording], clips: int, frontend: FrontendOptions, audio: AudioOptions
) -> Sample:
    """Draw recordings without listing them all into memory, and take clips at even steps of their lengths.

    Raises InputError where no clip can be read.
    """
    candidates = drawn(corpus, clips * CANDIDATES)
    settings = FeatureSettings(engine.n_mels, half=engine.feature_dtype is np.float16, audio=audio)
    pool = WorkerPool(settings, max(1, frontend.resolved_workers()), capacity=64)
    found: dict[int, Window] = {}
    for message in pool(enumerate(candidates)):
        if isinstance(message, Window) and message.number == 0:
            found[message.key] = message
        elif isinstance(message, Window | Broken):
            found.pop(message.key, None)  # a long recording or a broken one
    whole = [window for _, window in sorted(found.items())]
    if not whole:
        raise InputError("the corpus holds no clip of up to 30 s that could be read; name one that does")
    whole.sort(key=lambda window: window.end_s)
    step = max(1.0, len(whole) / clips)
    taken = tuple(whole[int(n * step)] for n in range(min(clips, len(whole))))
    return Sample(taken, tuple(candidates[window.key] for window in taken))


@dataclass(slots=True)
class Reservoir:
    """So many of a stream of unknown length, with equal chances (Algorithm R), the same ones every time."""

    wanted: int
    kept: list[Recording] = field(default_factory=list)
    seen: int = 0
    rng: random.Random = field(default_factory=partial(random.Random, _SEED))

    def offer(self, recording: Recording) -> None:
        """Keep a recording, or not."""
        self.seen += 1
        if len(self.kept) < self.wanted:
            self.kept.append(recording)
        elif (place := self.rng.randrange(self.seen)) < self.wanted:
            self.kept[place] = recording


def drawn(recordings: Iterable[Recording], n: int) -> list[Recording]:
    """Draw n recordings with equal chances from a stream of unknown length, the same ones every time."""
    reservoir = Reservoir(n)
    for recording in recordings:
        reservoir.offer(recording)
    return reservoir.kept


def warm_up(engine: Engine, windows: Sequence[Window]) -> None:
    """Let kernels compile and memory pools fill before anything is timed."""
    for length in (WindowLength("full"), WindowLength("fit")):
        window = windows[len(windows) // 2]
        waiting.result_of(engine.submit(Batch((window,), length(window.mel.values.shape[1]))))


def decode(engine: Engine, windows: Sequence[Window], length: Callable[[int], int]) -> tuple[list[Decoded], float]:
    """Decode all windows as a run would, without second looks; gives the texts in their order, and wall seconds."""
    start = time.perf_counter()  # Windows' monotonic clock stands still for 15 ms
    texts: dict[int, Decoded] = {}
    for item in Decoding(engine)(Batcher(length, engine.capacity)(windows)):
        if isinstance(item, Broken):
            raise EngineError(f"a clip could not be decoded, so nothing can be compared: {item.message}")
        if isinstance(item, tuple):
            # By identity: a key is a recording's and not a window's, and windows hold arrays, so that they have no
            # hash.
            texts[id(item[0])] = item[1]
    return [texts[id(window)] for window in windows], time.perf_counter() - start
