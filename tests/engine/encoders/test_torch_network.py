"""The encoder on torch gives what CTranslate2's own does, at every length, from one and the same file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest
import torch

from anime_whisper_ct2.engine.encoders.torch_network import TorchNetwork
from anime_whisper_ct2.features.mel import stack
from anime_whisper_ct2.model_dir.variables import read_variables
from anime_whisper_ct2.records import Batch, Float32
from tests.support.places import CHECKPOINT

CPU = torch.device("cpu")
# Of the largest magnitude.
NEAR = 1e-4
LENGTHS = (16, 17, 64, 258, 512, 1001, 1500, 1536, 2992, 3000)


def network(folder: Path, dtype: torch.dtype = torch.float32) -> TorchNetwork:
    with torch.inference_mode():
        return TorchNetwork(read_variables(folder / "model.bin"), dtype, CPU)


def encoded(network: TorchNetwork, mel: Float32) -> Float32:
    with torch.inference_mode():
        return network(torch.from_numpy(mel)).float().numpy()


def encoded_by_ctranslate2(model: Any, mel: Float32) -> Float32:
    return np.array(model.encode(ctranslate2.StorageView.from_array(mel)))


@pytest.mark.parametrize("frames", LENGTHS)
def test_the_output_is_ctranslate2_s_at_any_length(
    frames: int, tiny_model: Path, bare: Any, noise: Callable[..., Batch]
) -> None:
    mel = stack(noise(2, frames), 128, np.float32)
    right, ours = encoded_by_ctranslate2(bare, mel), encoded(network(tiny_model), mel)
    assert ours.shape == right.shape == network(tiny_model).shape_of(2, frames)
    assert np.abs(ours - right).max() <= NEAR * np.abs(right).max()


@pytest.mark.parametrize(
    ("quantization", "dtype", "far"),
    [
        ("float32", torch.float16, 0.005),
        ("float32", torch.bfloat16, 0.03),
        ("float16", torch.float32, NEAR),
        ("bfloat16", torch.float32, NEAR),
        # CTranslate2 quantizes the activations, too.
        ("int8", torch.float32, 0.03),
        ("int8_float32", torch.float32, 0.03),
        ("int8_float16", torch.float32, 0.03),
        ("int8_bfloat16", torch.float32, 0.03),
    ],
)
def test_every_conversion_can_be_read(
    quantization: str, dtype: torch.dtype, far: float, tmp_path: Path, noise: Callable[..., Batch]
) -> None:
    from anime_whisper_ct2_convert import convert

    folder = convert(str(CHECKPOINT), tmp_path / "model", quantization=quantization).path
    wanted = "int8_float32" if quantization.startswith("int8") else "float32"
    model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type=wanted)
    mel = stack(noise(2, 512), 128, np.float32)
    right, ours = encoded_by_ctranslate2(model, mel), encoded(network(folder, dtype), mel)
    assert np.sqrt(np.mean((ours - right) ** 2) / np.mean(right**2)) <= far


def test_more_frames_than_there_are_positions_are_refused(tiny_model: Path) -> None:
    assert network(tiny_model).shape_of(1, 3000) == (1, 1500, 192)
    with pytest.raises(ValueError, match=r"3002 frames .* 1500 positions"):
        network(tiny_model).shape_of(1, 3002)


@pytest.mark.parametrize(
    ("there", "instead", "message"),
    [
        (b"encoder/layer_norm/gamma", b"encoder/layer_norm/gamme", "encoder/layer_norm/gamma"),
        (b"encoder/layer_0/", b"encoder/layer_9/", "encoder/layer_0"),
        # Its type, behind its three dimensions: int32.
        (b"\3\0\0\0\0", b"\3\0\0\0\3", "encoder/conv1/weight is int32"),
    ],
)
def test_a_file_with_other_weights_is_refused_by_the_name_of_what_is_amiss(
    there: bytes, instead: bytes, message: str, tiny_model: Path, tmp_path: Path
) -> None:
    data = (tiny_model / "model.bin").read_bytes()
    at = data.index(b"encoder/conv1/weight\0") if there.startswith(b"\3") else 0
    (tmp_path / "model.bin").write_bytes(data[:at] + data[at:].replace(there, instead, -1 if not at else 1))
    with pytest.raises((KeyError, ValueError), match=message):
        network(tmp_path)
