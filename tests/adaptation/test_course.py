"""From a checkpoint to one that was taught: whole, resumable at every stage, and never at the cost of what is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import WhisperForConditionalGeneration

from anime_whisper_ct2.adaptation import course
from anime_whisper_ct2.adaptation.course import adapt
from anime_whisper_ct2.adaptation.lessons import LessonStore
from anime_whisper_ct2.adaptation.measuring import Adaptation
from anime_whisper_ct2.adaptation.options import AdaptOptions
from anime_whisper_ct2.adaptation.records import Advance
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.readers import Corpus
from tests.support.places import CHECKPOINT, CORPUS
from tests.support.sounds import tone, written

OPTIONS = AdaptOptions(steps=3, batch_size=2, held_out=2, tails_s=(0.64, 1.28), learning_rate=1e-3, keep_every_s=0.0)


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
    assert [note for note in notes if note.startswith("broken.wav: ")] == notes
    assert {one.stage for one in told} == {"listening", "learning", "measuring"}
    assert all(0 <= one.done <= one.total for one in told)


def test_only_the_result_is_left(done: Any) -> None:
    assert [path.name for path in done[0].parent.iterdir()] == ["out"]


@pytest.mark.parametrize(("stage", "at"), [("listening", 4), ("learning", 2), ("measuring", 1)])
def test_killed_at_any_stage_it_ends_as_if_it_had_not_been(
    corpus: Path, tmp_path: Path, done: Any, monkeypatch: pytest.MonkeyPatch, stage: str, at: int
) -> None:
    def kill(advance: Advance) -> None:
        if (advance.stage, advance.done) == (stage, at):
            raise Killed

    with pytest.raises(Killed):
        run(corpus, tmp_path / "out", on_advance=kill)
    assert not (tmp_path / "out").exists()
    heard: list[str] = []
    original = LessonStore.add
    monkeypatch.setattr(LessonStore, "add", lambda self, lesson: (heard.append(lesson.id), original(self, lesson)))
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
    corpus: Path, tmp_path: Path, done: Any
) -> None:
    work = tmp_path / "work"
    run(corpus, tmp_path / "out", work=work)
    told: list[Advance] = []
    with pytest.raises(InputError, match="another --steps"):
        run(corpus, tmp_path / "other", replace(OPTIONS, steps=4), work=work)
    other = run(
        corpus,
        tmp_path / "other",
        replace(OPTIONS, steps=4),
        work=work,
        overwrite=True,
        on_advance=told.append,
    )
    assert other.teaching.steps == 4
    # All clips were heard before.
    assert [one.done for one in told if one.stage == "listening" and one.done < one.total - 2] == []


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


def test_a_gpu_that_torch_cannot_use_is_said_and_refused_where_it_was_asked_for() -> None:
    notes: list[str] = []
    one = object.__new__(course._Course)
    one._options, one._on_note = OPTIONS, notes.append
    assert one._device("cuda") == "cpu"
    assert notes[0].startswith("Training on the CPU: torch ")
    one._options = AdaptOptions(device="cuda")
    with pytest.raises(InputError, match="torch cannot train on the GPU"):
        one._device("cuda")
