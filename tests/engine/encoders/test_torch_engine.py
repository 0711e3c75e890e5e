"""An engine whose encoder is torch's writes what CTranslate2 alone does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from anime_whisper_ct2.engine.encoders import torch_door
from anime_whisper_ct2.engine.encoders.torch_lanes import GpuLane
from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork
from anime_whisper_ct2.engine.whisper import CTranslate2Engine
from anime_whisper_ct2.executors.decoding import Decoding
from anime_whisper_ct2.features.windows import WindowLength
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import ComputeType, DecodingOptions, EncoderLibrary, EngineOptions
from anime_whisper_ct2.records import Batch, Broken, Decoded, Window
from tests.support.places import CHECKPOINT
from tests.support.pretend_torch_cuda import PretendCuda

BATCH = 8
FITTED = WindowLength("fit")


def decoded(
    model: ModelDir,
    encoder: EncoderLibrary,
    windows: Sequence[Window],
    decoding: DecodingOptions | None = None,
    compute_type: ComputeType = "float32",
    length: Callable[[int], int] = FITTED,
) -> list[Decoded]:
    options = EngineOptions(device="cpu", compute_type=compute_type, encoder=encoder)
    engine = CTranslate2Engine(model, options, decoding)
    try:
        assert engine.description["encoder"]["library"] == encoder
        frames = [length(window.mel.values.shape[1]) for window in windows]
        batches = [
            Batch(tuple(windows[at : at + BATCH]), max(frames[at : at + BATCH])) for at in range(0, len(windows), BATCH)
        ]
        return [one for future in list(map(engine.submit, batches)) for one in future.result()]
    finally:
        engine.close()


def assert_alike(ours: Sequence[Decoded], theirs: Sequence[Decoded]) -> None:
    for our, their in zip(ours, theirs, strict=True):
        assert our.text
        assert (our.text, our.tokens, our.capped) == (their.text, their.tokens, their.capped)
        assert our.avg_logprob == pytest.approx(their.avg_logprob, abs=1e-4)
        assert our.no_speech_prob == pytest.approx(their.no_speech_prob, abs=1e-4)


def test_lines_read_the_same_in_windows_of_30_s(tiny_model: Path, windows: list[Window]) -> None:
    model, full = open_model_dir(tiny_model), WindowLength()
    ours, theirs = (decoded(model, library, windows[::4], length=full) for library in ("torch", "ctranslate2"))
    assert_alike(ours, theirs)


@pytest.mark.parametrize(
    "decoding", [DecodingOptions(words=True), DecodingOptions(beam_size=5)], ids=["words", "beams"]
)
def test_every_line_of_the_corpus_reads_the_same_in_fitted_windows(
    decoding: DecodingOptions, tiny_model: Path, windows: list[Window]
) -> None:
    model = open_model_dir(tiny_model)
    ours, theirs = (decoded(model, library, windows, decoding) for library in ("torch", "ctranslate2"))
    assert_alike(ours, theirs)
    for our, their in zip(ours, theirs, strict=True):
        assert [(word.text, word.start, word.end) for word in our.words] == [
            (word.text, word.start, word.end) for word in their.words
        ]
        assert bool(our.words) == decoding.words


def test_texts_that_came_out_with_a_suppressed_token_are_decoded_again_from_the_same_output(
    tiny_model: Path, windows: list[Window]
) -> None:
    model = open_model_dir(tiny_model)
    plain = decoded(model, "torch", windows)
    used = sorted({token for one in plain for token in one.tokens})
    # Some that a few of the texts need, and as many more as make up a long list.
    suppressed = used[:3] + [token for token in range(400, 680) if token not in used][:57]
    model = replace(model, config={**model.config, "suppress_ids": suppressed})
    ours, theirs = (decoded(model, library, windows) for library in ("torch", "ctranslate2"))
    assert_alike(ours, theirs)
    assert 0 < sum(our.tokens != one.tokens for our, one in zip(ours, plain, strict=True)) < len(windows)


@pytest.mark.parametrize(
    "quantization", ["float16", "bfloat16", "int8", "int8_float16", "int8_float32", "int8_bfloat16"]
)
def test_every_quantization_is_encoded_from_the_one_conversion(
    quantization: str, tmp_path: Path, windows: list[Window]
) -> None:
    from anime_whisper_ct2_convert import convert

    model = open_model_dir(convert(str(CHECKPOINT), tmp_path / "model", quantization=quantization).path)
    ours, theirs = (
        [one.text for one in decoded(model, library, windows[:BATCH], compute_type="default")]
        for library in ("torch", "ctranslate2")
    )
    # In int8, CTranslate2 rounds the activations, too.
    assert sum(our == their for our, their in zip(ours, theirs, strict=True)) >= BATCH - quantization.startswith("int8")


def test_a_batch_that_finds_no_memory_is_halved_and_every_window_comes_back(
    tiny_model: Path, windows: list[Window], monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda, sizes = PretendCuda(), list[int]()
    right = TorchNetwork.__call__

    def limited(self: TorchNetwork, mel: Any) -> Any:
        sizes.append(len(mel))
        if len(mel) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 139.00 GiB")
        return right(self, mel)

    monkeypatch.setattr(TorchNetwork, "__call__", limited)
    monkeypatch.setattr(torch_door, "CpuLane", lambda *_: GpuLane(cuda, torch.device("cpu")))
    model = open_model_dir(tiny_model)
    engine = CTranslate2Engine(model, EngineOptions(device="cpu", compute_type="float32", encoder="torch"))
    stage = Decoding(engine)
    try:
        del sizes[:]
        found = list(stage([Batch(tuple(windows[:8]), 768)]))
    finally:
        engine.close()
    # What does not fit is tried once more, with what was kept given back.
    assert sorted(sizes) == [2, 2, 2, 2, 4, 4, 4, 4, 8, 8]
    assert stage.memory_halvings == 3
    assert engine.capacity(768) < 8
    texts = {window.key: one.text for window, one in (item for item in found if not isinstance(item, Broken))}
    alone = decoded(model, "ctranslate2", windows[:8], length=lambda _: 768)
    assert texts == {window.key: one.text for window, one in zip(windows, alone, strict=False)}
