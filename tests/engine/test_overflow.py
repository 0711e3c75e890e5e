"""Windows whose numbers overflowed have their texts from a second model, in another precision, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from anime_whisper_ct2.engine.device import ComputeDevice
from anime_whisper_ct2.engine.overflow import Overflow, open_second, wider_type
from anime_whisper_ct2.engine.recognizer import recognizer
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.errors import EngineError, EngineLostError, EngineMemoryError
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import DecodingOptions, EngineOptions
from anime_whisper_ct2.records import Batch, Decoded, Window
from tests.support.audio_windows import clip_windows, numbered, said
from tests.support.models import Overflowing

LOST = Decoded("", (), avg_logprob=-99.0, no_speech_prob=0.0, flags=("overflow",))
BATCH = Batch(tuple(numbered(key) for key in range(4)), 640)
FIRST = [said("一"), LOST, said("三"), LOST]


@pytest.mark.parametrize(
    ("compute_type", "supported", "wider"),
    [
        ("float16", {"float16", "bfloat16", "float32"}, "bfloat16"),
        ("float16", {"float16", "float32"}, "float32"),  # a GPU before Ampere
        ("bfloat16", {"float16", "bfloat16", "float32"}, "float32"),
        ("int8_float16", {"int8_float16", "int8_bfloat16", "int8_float32"}, "int8_bfloat16"),
        ("int8_float16", {"int8_float16", "int8_float32", "float32"}, "int8_float32"),
        ("int8_bfloat16", {"int8_bfloat16", "int8_float32"}, "int8_float32"),
        ("float32", {"float16", "bfloat16", "float32"}, None),
        ("int8_float32", {"int8_float32", "float32"}, None),
        ("int16", {"int16", "float32"}, None),
        ("float16", {"float16"}, None),
    ],
)
def test_the_next_wider_float_that_the_device_has_is_tried(
    compute_type: str, supported: set[str], wider: str | None
) -> None:
    assert wider_type(compute_type, supported) == wider


@dataclass
class Second:
    """A second model that answers each window with `decode`."""

    decode: Callable[[Window], Decoded] = lambda window: said(f"第{window.key}")
    batches: list[tuple[int, ...]] = field(default_factory=list)
    closed: bool = False

    def __call__(self, batch: Batch) -> list[Decoded]:
        self.batches.append(tuple(window.key for window in batch.windows))
        return [self.decode(window) for window in batch.windows]

    def close(self) -> None:
        self.closed = True


def test_lost_windows_alone_are_decoded_again_and_flagged() -> None:
    second = Second()
    found = Overflow(lambda: second)(BATCH, FIRST)
    assert [(one.text, one.flags) for one in found] == [
        ("一", ()),
        ("第1", ("overflow",)),
        ("三", ()),
        ("第3", ("overflow",)),
    ]
    assert second.batches == [(1, 3)]


def test_the_second_model_loads_once_and_only_when_it_is_wanted() -> None:
    loads: list[Second] = []

    def load() -> Second:
        loads.append(Second())
        return loads[-1]

    overflow = Overflow(load)
    assert overflow(BATCH, [said("文")] * 4) == [said("文")] * 4
    assert not loads
    overflow(BATCH, FIRST)
    overflow(BATCH, FIRST)
    assert len(loads) == 1
    overflow.close()
    assert loads[0].closed
    # Whatever comes afterwards loads nothing again.
    assert overflow(BATCH, FIRST) == FIRST
    assert len(loads) == 1


@pytest.mark.parametrize("error", [EngineMemoryError("out of memory"), EngineError("no such type")])
def test_a_second_model_that_does_not_load_costs_no_more_than_the_lost_texts(error: EngineError) -> None:
    tries: list[None] = []

    def load() -> Second:
        tries.append(None)
        raise error

    overflow = Overflow(load)
    assert overflow(BATCH, FIRST) == FIRST
    assert overflow(BATCH, FIRST) == FIRST
    assert len(tries) == 1


def test_where_there_is_no_other_precision_windows_stay_lost() -> None:
    assert Overflow(lambda: None)(BATCH, FIRST) == FIRST


def test_numbers_that_overflow_there_too_leave_the_window_lost() -> None:
    second = Second(lambda window: LOST if window.key == 1 else said("文"))
    assert [one.text for one in Overflow(lambda: second)(BATCH, FIRST)] == ["一", "", "三", "文"]


def test_a_second_model_that_fails_on_one_window_gives_the_others() -> None:
    class Short(Second):
        """Has room for one window, and none for the first."""

        def __call__(self, batch: Batch) -> list[Decoded]:
            answered = super().__call__(batch)
            if len(batch.windows) > 1 or batch.windows[0].key == 1:
                raise EngineMemoryError("out of memory")
            return answered

    second = Short()
    found = Overflow(lambda: second)(BATCH, FIRST)
    assert [one.text for one in found] == ["一", "", "三", "第3"]
    assert found[1] == LOST
    assert second.batches == [(1, 3), (1,), (3,)]


def test_a_device_that_is_lost_meanwhile_is_told() -> None:
    def lose(_: Window) -> Decoded:
        raise EngineLostError("an illegal memory access was encountered")

    with pytest.raises(EngineLostError):
        Overflow(lambda: Second(lose))(BATCH, FIRST)


class TestEngine:
    """The whole way, on a CPU whose first model is made to overflow as one in float16 would."""

    @pytest.fixture(params=[False, True], ids=["texts", "words"])
    def engine(self, request: pytest.FixtureRequest, tiny_model: Path) -> Iterator[CTranslate2Engine]:
        options = EngineOptions(device="cpu", compute_type="float32")
        made = CTranslate2Engine(open_model_dir(tiny_model), options, DecodingOptions(words=request.param))
        yield made
        made.close()

    def test_the_text_is_the_one_that_the_other_precision_gives(
        self, engine: CTranslate2Engine, tiny_model: Path
    ) -> None:
        batch = Batch(tuple(clip_windows(3)), 640)
        expected = engine.submit(batch).result()
        model, first = open_model_dir(tiny_model), engine._recognizer
        assert first is not None
        tokenizer = first.decoder._tokenizer
        engine._recognizer = recognizer(
            Overflowing(engine._model, lambda _: [0, 2]),
            first.encoder,
            tokenizer,
            model.config,
            engine._decoding,
            again=0,
            make_room=lambda: None,
        )
        device = ComputeDevice("cpu", "float32", batch_size=4, replicas=1, threads=1)
        load = partial(open_second, model, device, 0, "float16", tokenizer, engine._decoding)
        engine._overflow = Overflow(load)
        found = engine.submit(batch).result()
        assert all(one.text for one in expected)
        assert [(one.text, one.tokens, one.flags) for one in found] == [
            (one.text, one.tokens, ("overflow",) if at in (0, 2) else ()) for at, one in enumerate(expected)
        ]
        assert [one.words for one in found] == [one.words for one in expected]
        # With a float32 conversion in float32, there is nothing wider.
        engine._overflow.close()
        engine._overflow = Overflow(partial(load.func, *load.args[:3], "float32", *load.args[4:]))
        assert [one.flags for one in engine.submit(batch).result()] == [("overflow",), (), ("overflow",)]

    def test_a_folder_that_does_not_load_again_is_an_engines_error(
        self, engine: CTranslate2Engine, tiny_model: Path, tmp_path: Path
    ) -> None:
        gone = replace(open_model_dir(tiny_model), path=tmp_path)
        assert engine._recognizer is not None
        device = ComputeDevice("cpu", "float32", batch_size=4, replicas=1, threads=1)
        with pytest.raises(EngineError):
            open_second(gone, device, 0, "float16", engine._recognizer.decoder._tokenizer, DecodingOptions())
