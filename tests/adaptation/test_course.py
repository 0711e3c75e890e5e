"""From a checkpoint to one that was taught: whole, resumable at every stage, and never at the cost of what is there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from transformers import WhisperForConditionalGeneration

from anime_whisper_ct2.adaptation import course, hearing
from anime_whisper_ct2.adaptation.checkpoint import opened
from anime_whisper_ct2.adaptation.course import adapt
from anime_whisper_ct2.adaptation.lessons import LessonStore
from anime_whisper_ct2.adaptation.measuring import Adaptation
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.errors import InputError, ModelError, OutputError
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.readers import Corpus
from tests.support.places import CHECKPOINT, CORPUS
from tests.support.sounds import tone, written

OPTIONS = AdaptOptions(
    steps=3, batch_size=2, held_out=2, tails_s=(0.64, 1.28), learning_rate=1e-3, device="cpu", keep_every_s=0.0
)


class Killed(BaseException):
    """As good as `kill -9`: nothing behind it is done."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight clips of the sample, one recording that is too long, and a file that is none."""
    folder = tmp_path_factory.mktemp("corpus")
    for at, path in enumerate(sorted(CORPUS.rglob("*.ogg"), key=lambda path: path.stat().st_size)[:8]):
        shutil.copy(path, folder / f"{at}.ogg")
    written(folder / "long.wav", tone(31.0, 16_000), 16_000)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def run(corpus: Path, out: Path, options: AdaptOptions = OPTIONS, **further: Any) -> Adaptation:
    return adapt(str(CHECKPOINT), Corpus((str(corpus),)), out, options, frontend=FrontendOptions(workers=0), **further)


@pytest.fixture(scope="module")
def done(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adaptation, list[Advance], list[str]]:
    told: list[Advance] = []
    notes: list[str] = []
    out = tmp_path_factory.mktemp("done") / "out"
    return out, run(corpus, out, on_advance=told.append, on_note=notes.append), told, notes


def test_the_result_is_a_checkpoint_of_which_the_encoder_alone_differs(done: Any) -> None:
    out, original = done[0], load_file(CHECKPOINT / "model.safetensors")
    found = load_file(out / "model.safetensors")
    changed = {name for name in found if not np.array_equal(found[name], original[name])}
    assert found.keys() == original.keys()
    assert changed
    assert all(name.startswith("model.encoder.") for name in changed)
    assert WhisperForConditionalGeneration.from_pretrained(out).config.d_model == 192


def test_it_says_what_was_done_and_what_was_not(done: Any) -> None:
    out, adaptation, told, notes = done
    said = json.loads((out / "adapt.json").read_text(encoding="utf-8"))
    assert said["teaching"]["clips"] == adaptation.teaching.clips
    # Of the two that are held out, one may be what cannot be heard.
    assert said["teaching"]["clips"] + said["comparison"]["clips"] == 8
    assert 1 <= said["comparison"]["clips"] <= 2
    assert said["teaching"]["passed_over"] == {"longer than 30 s": 1, "unreadable": 1}
    assert said["teaching"]["curve"][-1]["step"] == 3
    assert (out / "adapt.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert said["teaching"]["held_out"] == 2
    failure, few = notes
    assert failure.startswith("broken.wav: ")
    clips = adaptation.teaching.clips
    assert few == f"Clips to learn from: {clips}; --clips asks for 2,000, and of 10 recordings no more can be used."
    assert {one.stage for one in told} == {"listening", "learning", "measuring"}
    assert all(0 <= one.done <= one.total for one in told)


def test_only_the_result_is_left(done: Any) -> None:
    assert [path.name for path in done[0].parent.iterdir()] == ["out"]


@pytest.mark.parametrize(("stage", "at"), [("listening", 4), ("learning", 2), ("measuring", 1), ("measuring again", 1)])
def test_killed_at_any_stage_it_ends_as_if_it_had_not_been(
    corpus: Path, tmp_path: Path, done: Any, monkeypatch: pytest.MonkeyPatch, stage: str, at: int
) -> None:
    stages: list[str] = []

    def kill(advance: Advance) -> None:
        stages.append(advance.stage)
        again = " again" if advance.stage == "measuring" and "learning" in stages else ""
        if (advance.stage + again, advance.done >= at) == (stage, True):
            raise Killed

    with pytest.raises(Killed):
        run(corpus, tmp_path / "out", on_advance=kill)
    assert not (tmp_path / "out").exists()
    heard: list[str] = []
    original = LessonStore.add
    monkeypatch.setattr(LessonStore, "add", lambda self, one, of: (heard.append(one.id), original(self, one, of)))
    again = run(corpus, tmp_path / "out")
    # What was heard before it was killed is not heard again.
    assert len(heard) < 8 if stage == "listening" else not heard
    assert again.comparison == done[1].comparison
    assert again.teaching.curve == done[1].teaching.curve
    ours, theirs = (load_file(out / "model.safetensors") for out in (tmp_path / "out", done[0]))
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_result_is_replaced_only_when_that_is_asked_for(corpus: Path, tmp_path: Path, done: Any) -> None:
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    with pytest.raises(InputError, match="--overwrite"):
        run(corpus, out)
    (out / "mine.txt").write_text("an older file")
    run(corpus, out, overwrite=True)
    assert not (out / "mine.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_work_folder_that_was_named_stays_and_serves_another_training(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    run(corpus, tmp_path / "out", work=work)
    heard: list[str] = []
    monkeypatch.setattr(LessonStore, "add", lambda _self, lesson, _of: heard.append(lesson.id))
    with pytest.raises(InputError, match="another --steps"):
        run(corpus, tmp_path / "other", replace(OPTIONS, steps=4), work=work)
    other = run(
        corpus,
        tmp_path / "other",
        replace(OPTIONS, steps=4),
        work=work,
        overwrite=True,
    )
    assert other.teaching.steps == 4
    assert not heard


def test_a_clip_that_was_recorded_again_is_heard_again_and_so_are_texts_that_it_is_held_against(
    corpus: Path, tmp_path: Path
) -> None:
    again, work = tmp_path / "corpus", tmp_path / "work"
    shutil.copytree(corpus, again)
    run(again, tmp_path / "out", work=work)
    _, held_out = hearing.parted(list(Corpus((str(again),))), OPTIONS)
    changed = next(one for one in held_out if one.id.endswith(".ogg"))
    other = next(path for path in again.glob("*.ogg") if path.name not in {one.id for one in held_out})
    shutil.copy(other, again / changed.id)
    before = json.loads((work / "texts.json").read_text(encoding="utf-8"))["about"]
    run(again, tmp_path / "other", work=work)
    after = json.loads((work / "texts.json").read_text(encoding="utf-8"))["about"]
    assert (before[:-1] == after[:-1], before[-1] == after[-1]) == (True, False)


def test_a_second_one_in_the_same_folder_is_refused(corpus: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    lock = FolderLock(work)
    lock.acquire()
    try:
        with pytest.raises(OutputError, match="is writing there"):
            run(corpus, tmp_path / "out", work=work)
    finally:
        lock.release()


def test_references_that_the_corpus_brings_along_are_held_against_both(corpus: Path, tmp_path: Path) -> None:
    rows = [{"audio": str(corpus / f"{at}.ogg"), "text": "あいう"} for at in range(8)]
    manifest = tmp_path / "list.jsonl"
    manifest.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    found = run(manifest, tmp_path / "out").comparison
    assert found.referenced == found.clips == 1  # a fifth of eight at most
    assert found.tails[0].cer is not None


def test_a_corpus_without_speech_of_30_s_or_less_says_why(tmp_path: Path, write_tone: Callable[..., Path]) -> None:
    write_tone("corpus/long.wav", 31.0)
    with pytest.raises(InputError, match="1 longer than 30 s"):
        run(tmp_path / "corpus", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_corpus_in_which_nothing_is_heard_is_not_learnt_from(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, told = LessonStore.read, list[Advance]()
    monkeypatch.setattr(LessonStore, "read", lambda self, id_: replace(read(self, id_), text=""))
    with pytest.raises(InputError, match="hears nothing in the clips held out"):
        run(corpus, tmp_path / "out", on_advance=told.append)
    assert {one.stage for one in told} == {"listening"}


def test_what_is_no_checkpoint_leaves_no_folder(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "mistaken").mkdir()
    with pytest.raises(ModelError):
        adapt(str(tmp_path / "mistaken"), Corpus((str(corpus),)), tmp_path / "out", OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["mistaken"]


def test_it_is_named_from_where_it_was_called(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def move(_advance: Advance) -> None:
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        os.chdir(tmp_path / "elsewhere")

    run(corpus, Path("out"), on_advance=move)
    assert (tmp_path / "out" / "adapt.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "out"]


def test_what_was_learnt_leaves_the_device_to_the_engine() -> None:
    with opened(str(CHECKPOINT)) as original:
        network = Network(original.config).load(original.weights)
    network.encode(torch.zeros(1, 128, 100)).sum().backward()
    assert any(parameter.grad is not None for parameter in network.parameters())
    course._make_room(network)
    assert all(parameter.grad is None for parameter in network.parameters())
