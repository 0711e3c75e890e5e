"""What one model makes of batches that go wrong: errors that are another call's, and numbers that overflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.engine import stale
from anime_whisper_ct2.engine.encoders.stock import StockEncoder
from anime_whisper_ct2.engine.recognizer import Recognizer, recognizer
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError
from anime_whisper_ct2.model_dir import ModelShape, open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Batch, Decoded
from tests.support.audio_windows import clip_windows
from tests.support.models import NO_NUMBERS, Failing, Overflowing

LEFT_BEHIND = "parallel_for failed: cudaErrorInvalidDevice: invalid device ordinal"
REPLICAS = 2
SHAPE = ModelShape(n_mels=128, n_vocab=2294, decoder_layers=2, decoder_heads=3, encoder_heads=3, width=192)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> Iterator[CTranslate2Engine]:
    made = CTranslate2Engine(open_model_dir(tiny_model), EngineOptions(device="cpu", compute_type="float32"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def batch() -> Batch:
    return Batch(tuple(clip_windows(3)), 640)


@pytest.fixture(scope="module")
def expected(engine: CTranslate2Engine, batch: Batch) -> list[Decoded]:
    found = engine.submit(batch).result()
    assert all(one.text and not one.flags for one in found)
    return found


def made(engine: CTranslate2Engine, model: Any, make_room: Any = lambda: None) -> Recognizer:
    """Give a recognizer as an engine on a GPU has it, around another model."""
    assert engine._recognizer is not None
    decoder = engine._recognizer.decoder
    encoder = StockEncoder(model, SHAPE, engine.feature_dtype, on_cpu=False, aligned=False)
    return recognizer(model, encoder, decoder._tokenizer, {}, DecodingOptions(), REPLICAS, make_room)


class TestLeftBehind:
    @pytest.mark.parametrize("times", range(REPLICAS + 1))
    def test_a_batch_is_tried_again_until_each_thread_has_told_its_error(
        self, engine: CTranslate2Engine, batch: Batch, expected: list[Decoded], times: int
    ) -> None:
        model = Failing(engine._model, [RuntimeError(LEFT_BEHIND)] * times)
        assert made(engine, model)(batch) == expected
        assert model.calls == times + 1

    def test_what_still_fails_then_is_taken_for_want_of_memory(self, engine: CTranslate2Engine, batch: Batch) -> None:
        model = Failing(engine._model, [RuntimeError(LEFT_BEHIND)] * 2 * (REPLICAS + 1))
        room: list[str] = []
        with pytest.raises(EngineMemoryError, match="invalid device ordinal"):
            made(engine, model, lambda: room.append("made"))(batch)
        assert (model.calls, room) == (2 * (REPLICAS + 1), ["made"])

    def test_memory_that_another_library_kept_costs_no_batch(
        self, engine: CTranslate2Engine, batch: Batch, expected: list[Decoded]
    ) -> None:
        model = Failing(engine._model, [RuntimeError("CUDA failed with error out of memory")])
        room: list[int] = []
        assert made(engine, model, lambda: room.append(model.calls))(batch) == expected
        assert (model.calls, room) == (2, [1])

    @pytest.mark.parametrize(
        ("error", "kind", "room_made"),
        [
            (RuntimeError("CUDA failed with error out of memory"), EngineMemoryError, 1),
            (RuntimeError("parallel_for failed: cudaErrorMemoryAllocation: out of memory"), EngineMemoryError, 1),
            (MemoryError(), EngineMemoryError, 1),
            (
                RuntimeError("parallel_for failed: cudaErrorIllegalAddress: an illegal memory access"),
                EngineLostError,
                0,
            ),
            (RuntimeError("input has shape (1, 80, 3000)"), EngineError, 0),
            (ValueError("prompts of different lengths"), EngineError, 0),
        ],
    )
    def test_an_error_of_its_own_is_told_at_once(
        self, engine: CTranslate2Engine, batch: Batch, error: Exception, kind: type[EngineError], room_made: int
    ) -> None:
        model = Failing(engine._model, [error] * 2)
        room: list[None] = []
        with pytest.raises(EngineError) as caught:
            made(engine, model, lambda: room.append(None))(batch)
        assert type(caught.value) is kind
        assert (model.calls, len(room)) == (1 + room_made, room_made)

    @pytest.mark.parametrize(
        ("said", "left"),
        [
            (LEFT_BEHIND, True),
            ("trivial_device_copy D->H failed: cudaErrorInvalidValue: invalid argument", True),
            ("for_each: failed to synchronize: cudaErrorInvalidConfiguration: invalid configuration argument", True),
            ("CUDA failed with error invalid configuration argument", True),
            ("CUDA failed with error invalid device ordinal", True),
            ("after reduction step 1: cudaErrorInvalidDevice: invalid device ordinal", True),
            ("parallel_for failed: cudaErrorLaunchFailure: unspecified launch failure", False),
            ("radix_sort: failed to synchronize: cudaErrorMemoryAllocation: out of memory", False),
            ("cuBLAS failed with status CUBLAS_STATUS_EXECUTION_FAILED", False),
        ],
    )
    def test_words_of_thrust_and_of_launches_that_were_refused_tell_an_earlier_error(
        self, said: str, left: bool
    ) -> None:
        assert stale.is_left_behind(said) is left

    def test_clearing_reaches_every_thread_and_survives_what_it_finds(self, engine: CTranslate2Engine) -> None:
        class Remembering:
            """A model each of whose threads fails once more, by what the probe left behind."""

            n_mels = engine.n_mels
            asked = 0

            def generate(self, *_: object, asynchronous: bool, **__: object) -> list[Any]:
                assert asynchronous
                self.asked += 1
                return [self]

            def result(self) -> None:
                assert self.asked == 2 * REPLICAS  # all at once, else one thread might take them all
                raise RuntimeError(LEFT_BEHIND)

        model = Remembering()
        stale.clear(model, engine.prompt, REPLICAS)
        assert model.asked == 2 * REPLICAS
        stale.clear(engine._model, engine.prompt, REPLICAS)


class TestOverflow:
    @pytest.mark.parametrize("scores", NO_NUMBERS)
    def test_a_row_without_numbers_is_lost_and_its_neighbours_keep_their_texts(
        self, engine: CTranslate2Engine, batch: Batch, expected: list[Decoded], scores: tuple[float, float]
    ) -> None:
        found = made(engine, Overflowing(engine._model, lambda _: [1], scores))(batch)
        lost = Decoded("", (), avg_logprob=-99.0, no_speech_prob=0.0, flags=("overflow",))
        assert found == [expected[0], lost, expected[2]]

    def test_one_score_that_overflowed_in_a_long_text_is_enough(self, engine: CTranslate2Engine, batch: Batch) -> None:
        # The mean of 224 tokens, of which one had no number.
        found = made(engine, Overflowing(engine._model, lambda _: [0], (-65504 / 224, 0.1)))(batch)
        assert [one.flags for one in found] == [("overflow",), (), ()]

    def test_ctranslate2_itself_gives_such_rows(self, engine: CTranslate2Engine, batch: Batch) -> None:
        window = batch.windows[1]
        values = window.mel.values.copy()
        values[:, 10] = float("nan")
        broken = replace(window, mel=replace(window.mel, values=values))
        windows = (batch.windows[0], broken, batch.windows[2])
        found = engine.submit(replace(batch, windows=windows)).result()
        # float32 has no wider type, so nothing helps here.
        assert [(bool(one.text), one.flags) for one in found] == [(True, ()), (False, ("overflow",)), (True, ())]
