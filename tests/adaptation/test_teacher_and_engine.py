"""On the tiny checkpoint, lessons are what CTranslate2 writes and what transformers' decoder holds at that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration

from anime_whisper_ct2.adaptation import checkpoint
from anime_whisper_ct2.adaptation.lessons import LessonStore, Teacher
from anime_whisper_ct2.adaptation.network import Network
from anime_whisper_ct2.adaptation.teacher import Taught, TextRules, teach
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions, FrontendOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Batch, Recording, Window
from tests.support.places import CHECKPOINT, CORPUS

HERE = FrontendOptions(workers=0)
# Seven clips and a long recording.
TAKEN = ("さくら/第二章/", "長い録音/")
WHOSE = Teacher("ab" * 32, "ja", (1, 2), "mix", 128)


def recordings() -> Iterator[Recording]:
    return (recording for recording in Corpus((str(CORPUS),)) if recording.id.startswith(TAKEN))


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[CTranslate2Engine]:
    options = EngineOptions(device="cpu", compute_type="float32")
    engine = CTranslate2Engine(open_model_dir(tiny_model), options, DecodingOptions(retry=False))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def network() -> Network:
    with checkpoint.opened(str(CHECKPOINT)) as original:
        return Network(original.config).load(original.weights)


@pytest.fixture(scope="module")
def rules(tiny_model: Path, engine: CTranslate2Engine) -> TextRules:
    return TextRules.of(open_model_dir(tiny_model), engine.prompt)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory, engine: Any, network: Network, rules: TextRules) -> LessonStore:
    store = LessonStore(tmp_path_factory.mktemp("lessons"), WHOSE)
    taught = teach(recordings(), store, engine, network, rules, frontend=HERE)
    assert (taught.lessons, taught.long, taught.broken) == (7, 1, 0)
    return store


def test_the_rules_are_the_checkpoints(rules: TextRules) -> None:
    generation = json.loads((CHECKPOINT / "generation_config.json").read_text(encoding="utf-8"))
    assert rules.end == generation["eos_token_id"]
    assert rules.prompt[0] == generation["decoder_start_token_id"]
    assert rules.never_first == tuple(generation["begin_suppress_tokens"])
    assert rules.never == tuple(generation.get("suppress_tokens") or ())


def test_texts_are_those_that_are_spoken_and_torch_agrees(lessons: LessonStore, references: dict[str, str]) -> None:
    for entry in lessons:
        assert entry.usable
        lesson = lessons.read(entry.id)
        assert lesson.text == references[entry.id]
        assert entry.tokens == len(lesson.tokens) == len(lesson.hidden)
        assert lesson.mel.values.shape == (128, entry.frames)


def test_hidden_states_are_those_of_transformers(lessons: LessonStore, rules: TextRules) -> None:
    theirs = WhisperForConditionalGeneration.from_pretrained(CHECKPOINT).eval()
    for entry in lessons.entries()[::2]:
        lesson = lessons.read(entry.id)
        assert lesson.tokens[-1] == theirs.config.eos_token_id
        batch = Batch((Window(0, 0, 0.0, lesson.seconds, lesson.mel),), 3_000)
        with torch.inference_mode():
            found = theirs.model(
                input_features=torch.from_numpy(stack(batch, 128, np.float32)),
                decoder_input_ids=torch.tensor([[*rules.prompt, *lesson.tokens[:-1]]]),
            )
        expected = found.last_hidden_state[0, len(rules.prompt) - 1 :].numpy()
        # Half a place of float16 is lost as they are kept.
        assert np.allclose(lesson.hidden, expected, rtol=2**-11, atol=1e-4)


def test_a_store_that_was_left_half_way_and_gone_on_with_is_that_of_one_go(
    lessons: LessonStore, engine: Any, network: Network, rules: TextRules, tmp_path: Path
) -> None:
    class Stopped(Exception):
        pass

    def stop(done: int) -> None:
        if done >= 4:
            raise Stopped

    def go_on(**options: Any) -> Taught:
        store = LessonStore(tmp_path, WHOSE)
        return teach(recordings(), store, engine, network, rules, frontend=HERE, **options)

    with pytest.raises(Stopped):
        go_on(on_advance=stop)
    taught = go_on()
    assert 3 <= taught.kept <= 4
    assert taught.lessons == 7 - taught.kept
    found = LessonStore(tmp_path, WHOSE)
    assert found.entries() == lessons.entries()
    for entry in lessons:
        one, other = lessons.read(entry.id), found.read(entry.id)
        assert (one.tokens, one.text, one.seconds, one.mel.floor) == (
            other.tokens,
            other.text,
            other.seconds,
            other.mel.floor,
        )
        assert np.array_equal(one.mel.values, other.mel.values)
        assert np.array_equal(one.hidden, other.hidden)
    assert go_on() == Taught(kept=7, long=1)
