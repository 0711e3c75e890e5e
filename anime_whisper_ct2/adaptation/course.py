"""The whole way from a checkpoint to one that was taught, in an order in which each part finds what is done already.

The engine writes the teacher's texts, torch learns from them, and the engine hears both models again. A stopped one
goes on in its work folder: lessons are there, texts are remembered, and the training was kept some minutes ago.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path

import torch

from anime_whisper_ct2.adaptation.checkpoint import convert, opened, write
from anime_whisper_ct2.adaptation.hearing import Lessons, Setting, hear, opened_engine, reader
from anime_whisper_ct2.adaptation.measuring import Adaptation, Teaching, Texts, compare, first_texts
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.place import CHECKPOINT, CONVERTED, TRAINING, check_place, held, work_folder
from anime_whisper_ct2.adaptation.publishing import clear_work, publish, settle
from anime_whisper_ct2.adaptation.report import write_report
from anime_whisper_ct2.adaptation.telling import Clock, OnAdvance, OnNote
from anime_whisper_ct2.adaptation.training import Trained, Training
from anime_whisper_ct2.model_dir import ModelDir
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.options import AUDIO, FRONTEND, AudioOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.system import files


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
    What is known before is kept in `work`, where the same call goes on: by default in a folder beside `out`, of which
    nothing is left in the end but what others have put there. With `overwrite`, an earlier result is replaced, and a
    training with other settings begun again; lessons stay. Raises InputError, ModelError, EngineError and OutputError.
    """
    options = options or AdaptOptions()
    out = Path(os.path.abspath(out))  # noqa: PTH100 - as in `work_folder`
    settle(out, work)
    check_place(checkpoint, out, work, read=corpus.places, overwrite=overwrite)
    folder = work_folder(out, work)
    # Before there is a folder: what is no checkpoint leaves none.
    with opened(checkpoint) as original:
        model = resolve_model(checkpoint)
        with held(folder):
            setting = Setting(original, original.sha256(), folder, options, frontend, audio, on_advance, on_note)
            adaptation = _taught(setting, model, corpus, overwrite)
            publish(folder, out)
    if work is None:
        clear_work(folder)
    return adaptation


def _taught(setting: Setting, model: ModelDir, corpus: Corpus, overwrite: bool) -> Adaptation:
    """Hear, learn, measure, and leave the new checkpoint with its report in the work folder."""
    begun, options = time.monotonic(), setting.options
    lessons = hear(setting, model, corpus)
    listened = time.monotonic()
    trained, device = _learn(setting, lessons, overwrite), str(lessons.network.device)
    write_to = setting.folder / CHECKPOINT
    files.clear_away(write_to)
    write_to.mkdir()
    write(write_to, setting.original, lessons.network.tensors())
    _make_room(lessons.network)
    learnt = time.monotonic()
    texts = _first_texts(setting, convert(write_to, setting.folder / CONVERTED), lessons)
    comparison = compare(lessons.texts, texts, [lessons.references.get(entry.id) for entry in lessons.held_out])
    adaptation = Adaptation(
        setting.original.source,
        setting.sha256,
        Teaching(
            clips=len(lessons.learnt),
            audio_s=sum(entry.frames for entry in lessons.learnt) / 100,
            steps=options.steps,
            device=device,
            listening_s=round(listened - begun, 1),
            learning_s=round(trained.seconds, 1),
            measuring_s=round(time.monotonic() - learnt, 1),
            passed_over=lessons.passed_over,
            curve=trained.points,
            settings={key: value for key, value in asdict(options).items() if key != "keep_every_s"},
            held_out=lessons.asked_out,
        ),
        comparison,
    )
    write_report(adaptation, write_to)
    return adaptation


def _learn(setting: Setting, lessons: Lessons, overwrite: bool) -> Trained:
    """Teach the network what it is to say."""
    usable = [entry for entry in lessons.held_out if entry.usable]
    training = Training(
        lessons.network,
        lessons.rules.prompt,
        lessons.store,
        lessons.learnt,
        usable,
        setting.options,
        setting.folder / TRAINING,
        overwrite,
    )
    return training.run(setting.on_advance)


def _make_room(network: Network) -> None:
    """Leave a GPU to the engine: what was learnt is written."""
    network.zero_grad(set_to_none=True)
    network.to("cpu")
    torch.cuda.empty_cache()


def _first_texts(setting: Setting, model: ModelDir, lessons: Lessons) -> Texts:
    """Hear what the new model makes of the clips held out."""
    tails_s, lengths = setting.options.tails_s, [entry.frames for entry in lessons.held_out]
    with opened_engine(setting.options, model) as engine:
        clock = Clock("measuring", len(lengths) * (1 + len(set(tails_s))), setting.on_advance)
        return first_texts(engine, lengths, reader(lessons.store, lessons.held_out), tails_s, on_decoded=clock.add)
