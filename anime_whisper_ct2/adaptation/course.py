"""The whole way from a checkpoint to one that was taught, in an order in which each part finds what is done already.

The engine writes the teacher's texts, torch learns from them, and the engine hears both models again. A stopped one
goes on in its work folder: lessons are there, texts are remembered, and the training was kept a moment ago.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from anime_whisper_ct2.adaptation.checkpoint import Original, convert, opened, write
from anime_whisper_ct2.adaptation.lessons import Entry, LessonStore, Teacher
from anime_whisper_ct2.adaptation.measuring import Adaptation, Heard, Teaching, Texts, compare, first_texts
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.place import check_place, held, publish, work_folder, writing
from anime_whisper_ct2.adaptation.report import write_report
from anime_whisper_ct2.adaptation.teacher import Taught, TextRules, teach
from anime_whisper_ct2.adaptation.telling import Clock, Failures, OnAdvance, OnNote
from anime_whisper_ct2.adaptation.training import Trained, Training
from anime_whisper_ct2.engine.encoders.installation import UnusableTorchError, usable_torch
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import InputError, counted
from anime_whisper_ct2.executors.opening import open_whisper
from anime_whisper_ct2.executors.sample import drawn
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import (
    AUDIO,
    FRONTEND,
    AudioOptions,
    DecodingOptions,
    EngineOptions,
    FrontendOptions,
    RunOptions,
)
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Recording, Window
from anime_whisper_ct2.system import files

# In the work folder.
_LESSONS, _TEXTS, _TRAINING = "lessons", "texts.json", "training.pt"
_CHECKPOINT, _CONVERTED = "checkpoint", "converted"
# Of a small corpus, no more than this share is held out.
_MOST_HELD_OUT = 0.2


def adapt(
    checkpoint: str,
    corpus: Corpus,
    out: Path,
    options: AdaptOptions | None = None,
    *,
    work: Path | None = None,
    overwrite: bool = False,
    frontend: FrontendOptions = FRONTEND,
    audio: AudioOptions = AUDIO,
    on_advance: OnAdvance = lambda _advance: None,
    on_note: OnNote = lambda _line: None,
) -> Adaptation:
    """Teach a checkpoint, a folder or a hub id, to give in a short window what it gives in one of 30 s.

    No texts are needed. `out` is a checkpoint again, with `adapt.json` and `adapt.svg`, and appears when all is done.
    What is known before is kept in `work`, by default beside `out`, where the same call goes on; the default goes in
    the end. With `overwrite`, an earlier result is replaced, and a training with other settings begun again; lessons
    stay. Raises InputError, ModelError, EngineError and OutputError.
    """
    options = options or AdaptOptions()
    check_place(checkpoint, out, work, read=corpus.places, overwrite=overwrite)
    folder = work_folder(out, work)
    with held(folder), opened(checkpoint) as original:
        course = _Course(original, folder, options, frontend, audio, overwrite, on_advance, on_note)
        adaptation = course.run(resolve_model(checkpoint), corpus)
        publish(folder / _CHECKPOINT, out)
    if work is None:
        files.clear_away(folder)
    return adaptation


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the first stage leaves: the lessons, those that are learnt from and those held out, and first texts."""

    store: LessonStore
    rules: TextRules
    network: Network
    learnt: tuple[Entry, ...]
    held_out: tuple[Entry, ...]
    texts: Texts
    passed_over: Mapping[str, int]


class _Course:
    """The three stages, for one checkpoint in one work folder."""

    def __init__(
        self,
        original: Original,
        folder: Path,
        options: AdaptOptions,
        frontend: FrontendOptions,
        audio: AudioOptions,
        overwrite: bool,
        on_advance: OnAdvance,
        on_note: OnNote,
    ) -> None:
        self._original, self._folder, self._options, self._overwrite = original, folder, options, overwrite
        self._frontend, self._audio = frontend, audio
        self._on_advance, self._on_note = on_advance, on_note
        self._sha256 = original.sha256()
        self._references: dict[str, str] = {}

    def run(self, model: ModelDir, corpus: Corpus) -> Adaptation:
        """Hear, learn, measure, and leave the new checkpoint with its report in the work folder."""
        begun = time.monotonic()
        heard = self._hear(model, corpus)
        listened = time.monotonic()
        trained, device = self._learn(heard), str(heard.network.device)
        write_to = self._folder / _CHECKPOINT
        files.clear_away(write_to)
        write_to.mkdir()
        write(write_to, self._original, heard.network.tensors())
        learnt = time.monotonic()
        windows = [_window(heard.store, at, entry.id) for at, entry in enumerate(heard.held_out)]
        texts = self._first_texts(convert(write_to, self._folder / _CONVERTED), windows)
        comparison = compare(heard.texts, texts, [self._references.get(entry.id) for entry in heard.held_out])
        adaptation = Adaptation(
            self._original.source,
            self._sha256,
            Teaching(
                clips=len(heard.learnt),
                audio_s=sum(entry.frames for entry in heard.learnt) / 100,
                steps=self._options.steps,
                device=device,
                listening_s=round(listened - begun, 1),
                learning_s=round(trained.seconds, 1),
                measuring_s=round(time.monotonic() - learnt, 1),
                passed_over=heard.passed_over,
                curve=trained.points,
                settings={key: value for key, value in asdict(self._options).items() if key != "keep_every_s"},
            ),
            comparison,
        )
        write_report(adaptation, write_to)
        return adaptation

    def _hear(self, model: ModelDir, corpus: Corpus) -> _Heard:
        """Have the teacher hear all clips, and the first texts of those that are held out."""
        learnt, held_out = self._parted(list(drawn(iter(corpus), self._options.clips + self._options.held_out)))
        recordings = [*held_out, *learnt]
        self._references = {
            recording.id: text for recording in held_out if isinstance(text := recording.meta.get("text"), str)
        }
        with self._engine(model) as engine:
            rules = TextRules.of(model, engine.prompt)
            device = torch.device(self._device(engine.description["device"]))
            network = Network(self._original.config).load(self._original.weights).to(device)
            teacher = Teacher(self._sha256, self._options.language, rules.prompt, self._audio.channel, engine.n_mels)
            store = LessonStore(self._folder / _LESSONS, teacher)
            clock, failures = Clock("listening", len(recordings), self._on_advance), Failures(self._on_note)
            taught = teach(
                recordings,
                store,
                engine,
                network,
                rules,
                frontend=self._frontend,
                audio=self._audio,
                on_failure=failures,
                on_advance=clock,
            )
            entries = {entry.id: entry for entry in store.entries()}
            heard, measured = ([entries[one.id] for one in of if one.id in entries] for of in (learnt, held_out))
            known = [entry for entry in heard if entry.usable]
            passed_over = _passed_over(taught, len(heard) - len(known))
            if not known or not measured:
                raise InputError(_nothing(passed_over, len(recordings)))
            measured.sort(key=_length)
            texts = self._remembered_texts(engine, store, measured, rules)
        return _Heard(store, rules, network, tuple(sorted(known, key=_length)), tuple(measured), texts, passed_over)

    def _parted(self, recordings: list[Recording]) -> tuple[list[Recording], list[Recording]]:
        """Part those that are learnt from and those that are held out: by their ids, whatever else there is."""
        by_id = sorted(recordings, key=lambda one: hashlib.sha256(one.id.encode("utf-8", "surrogatepass")).digest())
        few = min(self._options.held_out, max(1, int(_MOST_HELD_OUT * len(by_id))))
        return by_id[few:][: self._options.clips], by_id[:few]

    def _learn(self, heard: _Heard) -> Trained:
        """Teach the network what it is to say."""
        usable = [entry for entry in heard.held_out if entry.usable]
        kept = self._folder / _TRAINING
        training = Training(
            heard.network, heard.rules.prompt, heard.store, heard.learnt, usable, self._options, kept, self._overwrite
        )
        return training.run(self._on_advance)

    def _first_texts(self, model: ModelDir, windows: Sequence[Window]) -> Texts:
        with self._engine(model) as engine:
            clock = Clock("measuring", len(windows) * (1 + len(set(self._options.tails_s))), self._on_advance)
            return first_texts(engine, windows, self._options.tails_s, on_decoded=clock.add)

    def _remembered_texts(
        self, engine: CTranslate2Engine, store: LessonStore, held_out: Sequence[Entry], rules: TextRules
    ) -> Texts:
        """Hear the original's first texts, or remember them: those at 30 s are in the lessons."""
        lessons = (store.read(entry.id) for entry in held_out)
        full = tuple(Heard(one.text, one.tokens[-1:] != (rules.end,)) for one in lessons)
        path = self._folder / _TEXTS
        about = [self._sha256, sorted(set(self._options.tails_s)), [entry.id for entry in held_out]]
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["about"] == json.loads(json.dumps(about)):
                fitted = {float(tail_s): tuple(Heard(*one) for one in texts) for tail_s, texts in found["fitted"]}
                return Texts(full, fitted)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # none yet, or torn: they are heard again
        windows = [_window(store, at, entry.id) for at, entry in enumerate(held_out)]
        clock = Clock("measuring", len(windows) * len(set(self._options.tails_s)), self._on_advance)
        texts = first_texts(engine, windows, self._options.tails_s, full=full, on_decoded=clock.add)
        fitted_texts = [[tail_s, [[one.text, one.capped] for one in heard]] for tail_s, heard in texts.fitted.items()]
        content = json.dumps({"about": about, "fitted": fitted_texts}, ensure_ascii=False)
        with writing(path):
            files.put(path, content.encode("utf-8", "surrogatepass"))
        return texts

    @contextmanager
    def _engine(self, model: ModelDir) -> Iterator[CTranslate2Engine]:
        decoding = DecodingOptions(language=self._options.language, window="full")
        engine = open_whisper(model, RunOptions(decoding, EngineOptions(device=self._options.device)))
        assert isinstance(engine, CTranslate2Engine)  # which is what `open_whisper` opens
        try:
            yield engine
        finally:
            engine.close()

    def _device(self, engines: str) -> str:
        """Have torch learn where the engine computes, if it can."""
        try:
            usable_torch(engines)
        except UnusableTorchError as error:
            if self._options.device == "cuda":
                raise InputError(f"torch cannot train on the GPU: {error.why}; choose --device cpu") from error
            self._on_note(f"Training on the CPU: {error.why}.")
            return "cpu"
        return engines


def _length(entry: Entry) -> tuple[int, str]:
    return entry.frames, entry.id


def _window(store: LessonStore, key: int, id_: str) -> Window:
    lesson = store.read(id_)
    return Window(key, 0, 0.0, lesson.seconds, lesson.mel)


def _passed_over(taught: Taught, unusable: int) -> Mapping[str, int]:
    """Count what was not learnt from, by the reason."""
    found = {
        "longer than 30 s": taught.long,
        "silent": taught.silent,
        "unreadable": taught.broken,
        "loops, or came to no end": unusable,
    }
    return {reason_: count for reason_, count in found.items() if count}


def _nothing(passed_over: Mapping[str, int], found: int) -> str:
    why = ", ".join(f"{count} {what}" for what, count in passed_over.items())
    return (
        f"of {counted(found, 'recording')}, too few can be learnt from and measured with ({why or 'none is usable'}); "
        "name a corpus with clips of speech of up to 30 s, some hundreds at least"
    )
