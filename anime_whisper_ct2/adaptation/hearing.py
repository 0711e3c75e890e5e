"""The first stage: the teacher hears the clips of a corpus until enough can be learnt from, and what is held out.

Which clips are taken depends on their ids and on what is heard in them, and not on how often it was stopped.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from anime_whisper_ct2.adaptation.checkpoint import Original
from anime_whisper_ct2.adaptation.lessons import Entry, LessonStore, Teacher
from anime_whisper_ct2.adaptation.measuring import Heard, Texts, comparable, first_texts
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.place import LESSONS, TEXTS
from anime_whisper_ct2.adaptation.teacher import Taught, TextRules, teach
from anime_whisper_ct2.adaptation.telling import Clock, Failures, OnAdvance, OnNote
from anime_whisper_ct2.engine.encoders.installation import UnusableTorchError, usable_torch
from anime_whisper_ct2.engine.encoders.torch_door import settle_products
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import EngineError, EngineMemoryError, InputError, counted, first_line
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.executors.sample import CANDIDATES, drawn
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.options import AudioOptions, DecodingOptions, EngineOptions, FrontendOptions, RunOptions
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.stamps import stamp
from anime_whisper_ct2.records import Recording, Window
from anime_whisper_ct2.system import files

# Of a small corpus, no more than this share is held out.
_MOST_HELD_OUT = 0.2
# So many times as many are heard as were wanted, if hardly any can be learnt from.
_MOST_AHEAD = 10


@dataclass(frozen=True, slots=True)
class Setting:
    """What all stages of an adaptation have in common: what is taught, where the work lies, and whom it tells."""

    original: Original
    sha256: str  # of the original's weights
    folder: Path
    options: AdaptOptions
    frontend: FrontendOptions
    audio: AudioOptions
    on_advance: OnAdvance
    on_note: OnNote


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the stage leaves: lessons to learn from and those held out, from the shortest to the longest, first texts.

    `asked_out`: recordings that were to be held out; what could be heard of them are lessons. `references`: what the
    corpus says is spoken, by the id.
    """

    store: LessonStore
    rules: TextRules
    network: Network
    learnt: tuple[Entry, ...]
    held_out: tuple[Entry, ...]
    texts: Texts
    passed_over: Mapping[str, int]
    asked_out: int
    references: Mapping[str, str]


def hear(setting: Setting, model: ModelDir, corpus: Corpus) -> Lessons:
    """Have the teacher hear clips, and the first texts of those that are held out.

    Raises InputError where too few can be heard, EngineError where the device fails, and OutputError.
    """
    options = setting.options
    recordings = list(drawn(iter(corpus), CANDIDATES * options.clips + options.held_out))
    candidates, held_out = parted(recordings, options)
    if len(held_out) < options.held_out:
        setting.on_note(
            f"Held out: {len(held_out):,} of {counted(len(recordings), 'recording')}, a fifth; for --held-out "
            f"{options.held_out}, name a larger corpus."
        )
    with opened_engine(options, model) as engine:
        rules = TextRules.of(model, engine.prompt)
        network = _network(setting.original, training_device(engine.description["device"], options, setting.on_note))
        teacher = Teacher(setting.sha256, options.language, rules.prompt, setting.audio.channel, engine.n_mels)
        store = LessonStore(setting.folder / LESSONS, teacher)
        hearing = _Hearing(setting, store, engine, network, rules)
        first = hearing([*held_out, *candidates[: options.clips]])
        measured, heard = [entry for entry in first[: len(held_out)] if entry], first[len(held_out) :]
        while (missing := options.clips - len(usable := _usable(heard))) > 0 and len(heard) < len(candidates):
            ahead = min(_MOST_AHEAD * missing, math.ceil(missing * len(heard) / max(1, len(usable))))
            heard += hearing(candidates[len(heard) : len(heard) + ahead])
        learnt = usable[: options.clips]
        passed_over = _passed_over(hearing.taught, sum(entry is not None for entry in heard) - len(usable))
        if not learnt or not measured:
            raise InputError(_nothing(passed_over, len(recordings)))
        if len(learnt) < options.clips:
            setting.on_note(
                f"Clips to learn from: {len(learnt):,}; --clips asks for {options.clips:,}, and of "
                f"{counted(len(recordings), 'recording')} no more can be used."
            )
        measured.sort(key=_length)
        texts = _remembered_texts(setting, engine, store, measured, rules)
    return Lessons(
        store,
        rules,
        network,
        tuple(sorted(learnt, key=_length)),
        tuple(measured),
        texts,
        passed_over,
        len(held_out),
        {one.id: text for one in held_out if isinstance(text := one.meta.get("text"), str)},
    )


def parted(recordings: Sequence[Recording], options: AdaptOptions) -> tuple[list[Recording], list[Recording]]:
    """Part those that may be learnt from, in the order in which they are taken, and those that are held out.

    Their ids decide, whatever else there is. Where there are no more than are asked for, a fifth at most is held out.
    """
    by_id = sorted(recordings, key=lambda one: hashlib.sha256(one.id.encode("utf-8", "surrogatepass")).digest())
    few = options.held_out
    if len(by_id) <= options.clips + options.held_out:
        few = min(few, max(1, int(_MOST_HELD_OUT * len(by_id))))
    return by_id[few:], by_id[:few]


class _Hearing:
    """Hears recordings, and counts what became of them."""

    def __init__(
        self, setting: Setting, store: LessonStore, engine: CTranslate2Engine, network: Network, rules: TextRules
    ) -> None:
        self._setting, self._store = setting, store
        self._engine, self._network, self._rules = engine, network, rules
        self._clock, self._failures = Clock("listening", 0, setting.on_advance), Failures(setting.on_note)
        self._through = 0
        self.taught = Taught()

    def __call__(self, recordings: Sequence[Recording]) -> list[Entry | None]:
        """Give the lesson's entry of each, or None where there is no lesson."""
        before = self._through
        self._clock.expect(len(recordings))
        self.taught += teach(
            recordings,
            self._store,
            self._engine,
            self._network,
            self._rules,
            frontend=self._setting.frontend,
            audio=self._setting.audio,
            on_failure=self._failures,
            on_advance=lambda done: self._clock(before + done),
        )
        self._through += len(recordings)
        entries = {entry.id: entry for entry in self._store}
        # A lesson of other audio is none of this one, which could not be heard.
        return [entries[one.id] if self._store.has(one.id, stamp(one.audio)) else None for one in recordings]


@contextmanager
def opened_engine(options: AdaptOptions, model: ModelDir) -> Iterator[CTranslate2Engine]:
    """Open a model as everything here hears with it, for as long as the context lasts."""
    decoding = DecodingOptions(language=options.language, window="full")
    engine = open_whisper(model, RunOptions(decoding, EngineOptions(device=options.device)))
    assert isinstance(engine, CTranslate2Engine)  # which is what `open_whisper` opens
    try:
        yield engine
    finally:
        engine.close()


def training_device(engines: str, options: AdaptOptions, on_note: OnNote) -> str:
    """Have torch learn where the engine computes, if it can.

    Raises InputError where it cannot use the GPU that was asked for.
    """
    try:
        usable_torch(engines)
    except UnusableTorchError as error:
        if options.device == "cuda":
            raise InputError(f"torch cannot train on the GPU: {error.why}; choose --device cpu") from error
        on_note(f"Training on the CPU: {error.why}.")
        return "cpu"
    return engines


def reader(store: LessonStore, entries: Sequence[Entry]) -> Callable[[int], Window]:
    """Give what reads the window of one of the lessons, by its number."""

    def read(at: int) -> Window:
        lesson = store.read(entries[at].id)
        return Window(at, 0, 0.0, lesson.seconds, lesson.mel)

    return read


def _network(original: Original, device: str) -> Network:
    """Load what is taught onto its device. Raises EngineError."""
    network = Network(original.config).load(original.weights)
    if device == "cuda":
        settle_products(torch.backends.cuda)
    try:
        network.to(torch.device(device))
    except torch.OutOfMemoryError as error:
        raise EngineMemoryError(
            "the device has no memory for the network beside the engine; choose another --device"
        ) from error
    except RuntimeError as error:
        raise EngineError(f"torch failed: {first_line(error)}") from error
    return network


def _remembered_texts(
    setting: Setting, engine: CTranslate2Engine, store: LessonStore, held_out: Sequence[Entry], rules: TextRules
) -> Texts:
    """Hear the original's first texts, or remember them: those at 30 s are in the lessons."""
    lessons = (store.read(entry.id) for entry in held_out)
    full = tuple(Heard(one.text, one.tokens[-1:] != (rules.end,)) for one in lessons)
    comparable(full)
    path, tails_s = setting.folder / TEXTS, sorted(set(setting.options.tails_s))
    about = [asdict(store.teacher), tails_s, store.digest(entry.id for entry in held_out)]
    if (known := _read_texts(path, about)) is not None:
        return Texts(full, known)
    clock = Clock("measuring", len(held_out) * len(tails_s), setting.on_advance)
    lengths = [entry.frames for entry in held_out]
    texts = first_texts(engine, lengths, reader(store, held_out), tails_s, full=full, on_decoded=clock.add)
    fitted = [[tail_s, [[one.text, one.capped] for one in heard]] for tail_s, heard in texts.fitted.items()]
    content = json.dumps({"about": about, "fitted": fitted}, ensure_ascii=False)
    with writing(path):
        files.put(path, content.encode("utf-8", "surrogatepass"))
    return texts


def _read_texts(path: Path, about: Sequence[object]) -> Mapping[float, tuple[Heard, ...]] | None:
    """Read what was heard of these very lessons; None where there is nothing, or it is torn."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["about"] == json.loads(json.dumps(about)):
            return {float(tail_s): tuple(Heard(*one) for one in texts) for tail_s, texts in found["fitted"]}
    except (OSError, ValueError, KeyError, TypeError):
        pass  # they are heard again
    return None


def _usable(heard: Sequence[Entry | None]) -> list[Entry]:
    return [entry for entry in heard if entry and entry.usable]


def _length(entry: Entry) -> tuple[int, str]:
    return entry.frames, entry.id


def _passed_over(taught: Taught, unusable: int) -> Mapping[str, int]:
    """Count what was not learnt from, by the reason."""
    found = {
        "longer than 30 s": taught.long,
        "silent": taught.silent,
        "unreadable": taught.broken,
        "loops, or came to no end": unusable,
    }
    return {reason: count for reason, count in found.items() if count}


def _nothing(passed_over: Mapping[str, int], found: int) -> str:
    why = ", ".join(f"{count} {what}" for what, count in passed_over.items())
    return (
        f"of {counted(found, 'recording')}, too few can be learnt from and measured with ({why or 'none is usable'}); "
        "name a corpus with clips of speech of up to 30 s, some hundreds at least"
    )
