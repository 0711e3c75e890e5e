"""The teacher hears the clips: the engine's texts at 30 s, and what torch's decoder holds at each of their tokens.

A stream like a run's: workers, batches of one length, the engine; behind it a clip at a time is a lesson. Nothing of a
recording is kept when its lesson is, so memory depends neither on the corpus nor on the length of a recording.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anime_whisper_ct2.adaptation.lessons import Lesson, LessonStore
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.engine import Engine
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, counted
from anime_whisper_ct2.executors import Task
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.executors.frontend import FeatureSettings
from anime_whisper_ct2.executors.pace import Pace
from anime_whisper_ct2.executors.pool import InProcess, Message, WorkerPool
from anime_whisper_ct2.features.batcher import Batcher
from anime_whisper_ct2.features.mel import WINDOW_FRAMES, WINDOW_S, stack
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import TOKENIZER, ModelDir
from anime_whisper_ct2.options import AUDIO, FRONTEND, AudioOptions, FrontendOptions, SegmentOptions
from anime_whisper_ct2.records import Batch, Broken, Closed, Decoded, Recording, Tick, Window
from anime_whisper_ct2.text.quality import is_lost, repeats

# Clips that go through torch together: a GPU needs several, and a CPU is no faster with them.
_TOGETHER_ON_GPU = 8
# Windows that may wait for the engine, at least.
_WAITING = 64
# Where torch takes another token than the engine this often, the engine's text is not what its states lead to.
_LEAST_AGREEMENT = 0.9
# Lessons after which it is plain whether both read the checkpoint alike.
_TRIED = 20
_END = "<|endoftext|>"
# What is longer than a window is passed over, and need not be cut well.
_AS_THEY_ARE = SegmentOptions(mode="off")


@dataclass(frozen=True, slots=True)
class TextRules:
    """What holds for every text of an engine.

    `prompt`: ids of the tokens that it begins with, `end`: of the one that ends it. `never`: of those that are never in
    it, `never_first`: that are not its first; torch is asked for the likeliest of all others.
    """

    prompt: tuple[int, ...]
    end: int
    never: tuple[int, ...] = ()
    never_first: tuple[int, ...] = ()

    @classmethod
    def of(cls, model: ModelDir, prompt: Sequence[int]) -> TextRules:
        """Read them off a converted folder; `prompt` is the engine's."""
        tokenizer = json.loads((model.path / TOKENIZER).read_text(encoding="utf-8"))
        ids = {**tokenizer["model"]["vocab"], **{token["content"]: token["id"] for token in tokenizer["added_tokens"]}}
        return cls(tuple(prompt), ids[_END], *(_ids(model, key) for key in ("suppress_ids", "suppress_ids_begin")))


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
    """Make a lesson of every recording of up to 30 s that the store has none of, and keep it at once.

    `network` holds the weights that `engine` was converted from. `on_failure` gets the id of a recording that cannot be
    read or decoded, and why; `on_advance` how many recordings are through, whatever became of them.

    Raises EngineError where the device fails, or where torch and CTranslate2 do not read the checkpoint alike, and
    OutputError where a lesson cannot be kept.
    """
    hearing = _Hearing(store, _States(network, rules), on_failure, on_advance)
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
        hearing.flush()
        hearing.tell()
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
        states: _States,
        on_failure: Callable[[str, str], None],
        on_advance: Callable[[int], None],
    ) -> None:
        self._store, self._states = store, states
        self._on_failure, self._on_advance = on_failure, on_advance
        self._ids: dict[int, str] = {}
        self._heard: list[tuple[Window, Decoded]] = []
        self._counts = dict.fromkeys(Taught.__slots__, 0)
        self._differing = 0

    @property
    def taught(self) -> Taught:
        """What became of them so far."""
        return Taught(**self._counts)

    def tasks(self, recordings: Iterable[Recording]) -> Iterator[Task]:
        """Number those that the store lacks."""
        for key, recording in enumerate(recordings):
            if self._store.has(recording.id):
                # Told with what comes next: whoever lists does so in a thread of its own.
                self._counts["kept"] += 1
            else:
                self._ids[key] = recording.id
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
                    del self._ids[item.key]
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
            lesson = Lesson(
                id=self._ids.pop(window.key),
                mel=window.mel,
                tokens=state.tokens,
                hidden=state.hidden,
                text=decoded.text,
                seconds=window.end_s - window.start_s,
                usable=agrees and not (decoded.capped or repeats(decoded.text) or is_lost(decoded)),
            )
            self._store.add(lesson)
            self._through("lessons")
            self._differing += not (agrees or is_lost(decoded))
            if self._counts["lessons"] == _TRIED and 2 * self._differing > _TRIED:
                raise EngineError(
                    "torch and CTranslate2 read the checkpoint differently: of the first "
                    f"{counted(_TRIED, 'text')}, {self._differing} are not what torch would write; try another "
                    "--device, or see what is wrong with: awct2 convert CHECKPOINT FOLDER --verify"
                )

    def fail(self, broken: Broken) -> None:
        """Say that a recording came to nothing."""
        self._on_failure(self._ids.pop(broken.key), broken.message)
        self._through("broken")

    def tell(self) -> None:
        """Say how many are through."""
        self._on_advance(sum(self._counts.values()))

    def _through(self, what: str) -> None:
        self._counts[what] += 1
        self.tell()


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What torch's decoder holds at the tokens of a text, shape (tokens, width), and the share that it would take."""

    tokens: tuple[int, ...]
    hidden: NDArray[np.float16]
    agreement: float


class _States:
    """Reads texts with torch, each token behind those before it, in windows of 30 s."""

    def __init__(self, network: Network, rules: TextRules) -> None:
        self._network, self._rules = network, rules
        self.together = _TOGETHER_ON_GPU if network.device.type == "cuda" else 1

    def __call__(self, heard: Sequence[tuple[Window, Decoded]]) -> list[_State]:
        """Give the states of some texts. Raises EngineError as the device fails."""
        if not heard:
            return []
        try:
            with torch.inference_mode():
                return self._read(heard)
        except torch.OutOfMemoryError as error:
            if len(heard) == 1:
                raise EngineMemoryError(
                    "the device has no memory for the network and a window of 30 s; choose another --device"
                ) from error
        except RuntimeError as error:
            raise EngineError(f"torch failed: {str(error).strip().partition(chr(10))[0]}") from error
        self.together = half = -(-len(heard) // 2)
        torch.cuda.empty_cache()
        return self(heard[:half]) + self(heard[half:])

    def _read(self, heard: Sequence[tuple[Window, Decoded]]) -> list[_State]:
        device, before = self._network.device, len(self._rules.prompt) - 1
        windows = tuple(window for window, _ in heard)
        mel = stack(Batch(windows, WINDOW_FRAMES), windows[0].mel.values.shape[0], np.float32)
        texts = [(*decoded.tokens, *(() if decoded.capped else (self._rules.end,))) for _, decoded in heard]
        rows = [(*self._rules.prompt, *tokens[:-1]) for tokens in texts]
        most = max(map(len, rows))
        # What stands behind the end of a shorter one is never looked at by what is before it.
        ids = torch.tensor([(*row, *(most - len(row)) * (self._rules.end,)) for row in rows])
        encoded = self._network.encode(torch.from_numpy(mel).to(device))
        hidden = self._network.decode(ids.to(device), encoded)[:, before:]
        return [self._state(tokens, hidden[at, : len(tokens)]) for at, tokens in enumerate(texts)]

    def _state(self, tokens: tuple[int, ...], hidden: Any) -> _State:
        scores = self._network.logits(hidden)
        scores[:, list(self._rules.never)] = -torch.inf
        scores[0, list(self._rules.never_first)] = -torch.inf
        found = scores.argmax(-1) == torch.tensor(tokens, device=scores.device)
        return _State(tokens, hidden.cpu().numpy().astype(np.float16), float(found.float().mean()))


def _ids(model: ModelDir, key: str) -> tuple[int, ...]:
    return tuple(int(token) for token in model.config.get(key) or ())
