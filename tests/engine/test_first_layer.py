"""The beginning of an encoder as a model of its own gives what the beginning of the whole one does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import ctranslate2
import numpy as np
import pytest
import torch
import transformers

from anime_whisper_ct2.engine.first_layer import first_layer
from anime_whisper_ct2.engine.selfcheck import bound, noise, relative
from anime_whisper_ct2.records import Float32
from anime_whisper_ct2_convert import convert
from tests.support.places import CHECKPOINT


@pytest.fixture(scope="module")
def expected() -> Iterator[Float32]:
    """What transformers makes of the noise with one layer."""
    whole = transformers.WhisperForConditionalGeneration.from_pretrained(CHECKPOINT).model.encoder
    whole.layers = whole.layers[:1]
    mel = torch.from_numpy(noise(0, 3000, 128, np.float32).mel.values[None])
    with torch.inference_mode():
        yield whole(mel).last_hidden_state.numpy()


@pytest.mark.parametrize("quantization", ["float32", "float16", "bfloat16", "int8", "int8_float16"])
def test_it_equals_transformers_with_one_layer(quantization: str, expected: Float32, tmp_path: Path) -> None:
    folder = convert(str(CHECKPOINT), tmp_path / "model", quantization=quantization).path
    files = first_layer(folder)
    model = ctranslate2.models.Whisper("first-layer", device="cpu", compute_type="float32", files=files)
    mel = noise(0, 3000, 128, np.float32).mel.values[None]
    found = np.asarray(model.encode(ctranslate2.StorageView.from_array(mel)))
    assert found.shape == expected.shape
    assert relative(found, expected) < (1e-4 if quantization == "float32" else bound(quantization))
    # Cheap whatever the size of the model: no more than a layer of the encoder, and next to nothing of the decoder.
    assert len(files["model.bin"]) < (folder / "model.bin").stat().st_size * 0.4


def test_another_layout_is_told(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({}), encoding="utf-8")
    (tmp_path / "model.bin").write_bytes((tiny_model / "model.bin").read_bytes()[:200])
    with pytest.raises(ValueError, match=r"\w"):
        first_layer(tmp_path)
