"""The teacher hears the clips: the engine's texts at 30 s, and what torch's decoder holds at each of their tokens.

A stream like a run's: workers, batches of one length, the engine; behind it a clip at a time is a lesson. Nothing of a
recording is kept when its lesson is, so memory depends neither on the corpus nor on the length of a recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass

import numpy as np

from anime_whisper_ct2.adaptation.lessons import Lesson, LessonStore
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.states import States, TextRules
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, counted
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pace import Pace
from anime_whisper_ct2.executors.pool import InProcess, Message, WorkerPool
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.mel import WINDOW_FRAMES, WINDOW_S
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.options import AUDIO, FRONTEND, AudioOptions, FrontendOptions, SegmentOptions
from anime_whisper_ct2.readers.stamps import stamp
from anime_whisper_ct2.records import Broken, Closed, Decoded, Recording, Tick, Window
from anime_whisper_ct2.text.quality import is_lost, repeats

__all__ = ["Taught", "TextRules", "teach"]

# Windows that may wait for the engine, at least.
_WAITING = 64
# Where torch takes another token than the engine this often, the engine's text is not what its states lead to.
_LEAST_AGREEMENT = 0.9
# Lessons after which it is plain whether both read the checkpoint alike.
_TRIED = 20
# What is longer than a window is passed over, and need not be cut well.
_AS_THEY_ARE = SegmentOptions(mode="off")


@dataclass(frozen=True, slots=True)
class Taught:
    """What became of the recordings.

    `lessons`: heard now, `kept`: before. `long`: passed over because they are longer than a window. `silent`: nothing
    is in them. `broken`: could not be read or decoded.
    """

    lessons: int = 0
    kept: int = 0
    long: int = 0
    silent: int = 0
    broken: int = 0

    def __add__(self, other: Taught) -> Taught:
        """Count what became of further recordings, too."""
        return Taught(*map(sum, zip(astuple(self), astuple(other), strict=True)))


def teach(
    recordings: Iterable[Recording],
    store: LessonStore,
    engine: Engine,
    network: Network,
    rules: TextRules,
    *,
    frontend: FrontendOptions = FRONTEND,
    audio: AudioOptions = AUDIO,
    on_failure: Callable[[str, str], None] = lambda _id, _message: None,
    on_advance: Callable[[int], None] = lambda _done: None,
) -> Taught:
    """Make a lesson of every recording of up to 30 s of whose audio the store has none, and keep it at once.

    `network` holds the weights that `engine` was converted from. `on_failure` gets the id of a recording that cannot be
    read or decoded, and why; `on_advance` how many recordings are through, whatever became of them.

    Raises EngineError where the device fails, or where torch and CTranslate2 do not read the checkpoint alike, and
    OutputError where a lesson cannot be kept.
    """
    hearing = _Hearing(store, States(network, rules), on_failure, on_advance)
    settings = FeatureSettings(engine.n_mels, engine.feature_dtype is np.float16, _AS_THEY_ARE, audio)
    workers = frontend.resolved_workers()
    waiting = max(_WAITING, 2 * engine.capacity(WINDOW_FRAMES))
    pool = WorkerPool(settings, workers, waiting, frontend.time_limit_s) if workers else InProcess(settings)
    pace = Pace(engine)
    decoding = Decoding(engine, pace=pace)
    batcher = Batcher(
        WindowLength("full"), decoding.room, lambda: decoding.hungry, lambda: pool.dry, enough=pace.are_enough
    )
    messages = pool(hearing.tasks(recordings))
    clips = hearing.clips(messages)
    batches = batcher(clips)
    texts = decoding(batches)
    try:
        for item in texts:
            if isinstance(item, tuple):
                hearing.take(*item)
            elif isinstance(item, Broken):
                hearing.fail(item)
        hearing.end()
    finally:
        # Each by itself: the traceback of an error keeps those before it alive, and their workers with them.
        for generator in (texts, batches, clips, messages):
            generator.close()  # type: ignore[attr-defined] # all of them are generators
    return hearing.taught


class _Hearing:
    """Knows the recordings that are on their way, and what became of the others."""

    def __init__(
        self,
        store: LessonStore,
        states: States,
        on_failure: Callable[[str, str], None],
        on_advance: Callable[[int], None],
    ) -> None:
        self._store, self._states = store, states
        self._on_failure, self._on_advance = on_failure, on_advance
        # Ids, and stamps of the audio.
        self._known: dict[int, tuple[str, str]] = {}
        self._heard: list[tuple[Window, Decoded]] = []
        self._counts = dict.fromkeys(Taught.__slots__, 0)
        # Lessons that torch does not agree with are kept once it is plain that they are few.
        self._differing: list[tuple[Lesson, str]] = []

    @property
    def taught(self) -> Taught:
        """What became of them so far."""
        return Taught(**self._counts)

    def tasks(self, recordings: Iterable[Recording]) -> Iterator[Task]:
        """Number those that the store lacks."""
        for key, recording in enumerate(recordings):
            of = stamp(recording.audio)
            if self._store.has(recording.id, of):
                # Told with what comes next: whoever lists does so in a thread of its own.
                self._counts["kept"] += 1
            else:
                self._known[key] = recording.id, of
                yield key, recording

    def clips(self, messages: Iterable[Message]) -> Iterator[Window | Broken | Tick]:
        """Give the windows of recordings that have no more than one."""
        first: dict[int, Window] = {}
        for item in messages:
            if isinstance(item, Window):
                # Of a long recording none is kept.
                first.pop(item.key, None)
                if item.number == 0:
                    first[item.key] = item
            elif isinstance(item, Closed):
                window = first.pop(item.key, None)
                # Of a long one all but a window may be silent.
                is_long = item.windows > 1 or item.duration > WINDOW_S
                if window is not None and not is_long:
                    yield window
                else:
                    del self._known[item.key]
                    self._through("long" if is_long else "silent")
            elif isinstance(item, Broken):
                first.pop(item.key, None)
                yield item
            elif isinstance(item, Tick):
                yield item

    def take(self, window: Window, decoded: Decoded) -> None:
        """Make a lesson of a text, with others that go through torch together."""
        self._heard.append((window, decoded))
        if len(self._heard) >= self._states.together:
            self.flush()

    def flush(self) -> None:
        """Make lessons of the texts that still wait for others."""
        heard, self._heard = self._heard, []
        for (window, decoded), state in zip(heard, self._states(heard), strict=True):
            agrees = state.agreement >= _LEAST_AGREEMENT
            id_, of = self._known.pop(window.key)
            lesson = Lesson(
                id=id_,
                mel=window.mel,
                tokens=state.tokens,
                hidden=state.hidden,
                text=decoded.text,
                seconds=window.end_s - window.start_s,
                usable=agrees and not (decoded.capped or repeats(decoded.text) or is_lost(decoded)),
            )
            if self._counts["lessons"] >= _TRIED or agrees or is_lost(decoded):
                self._store.add(lesson, of)
            else:
                self._differing.append((lesson, of))
            self._through("lessons")
            if self._counts["lessons"] == _TRIED:
                self._settle()

    def end(self) -> None:
        """Make lessons of what is left, and say how many are through."""
        self.flush()
        self._settle()
        self.tell()

    def _settle(self) -> None:
        """Keep lessons that torch does not agree with, unless they are most of the first. Raises EngineError."""
        differing, self._differing = self._differing, []
        if 2 * len(differing) > _TRIED:
            raise EngineError(
                "torch and CTranslate2 read the checkpoint differently: of the first "
                f"{counted(_TRIED, 'text')}, {len(differing)} are not what torch would write; try another "
                "--device, or see what is wrong with: awct2 convert CHECKPOINT FOLDER --verify"
            )
        for lesson, of in differing:
            self._store.add(lesson, of)

    def fail(self, broken: Broken) -> None:
        """Say that a recording came to nothing."""
        self._on_failure(self._known.pop(broken.key)[0], broken.message)
        self._through("broken")

    def tell(self) -> None:
        """Say how many are through."""
        self._on_advance(sum(self._counts.values()))

    def _through(self, what: str) -> None:
        self._counts[what] += 1
        self.tell()
