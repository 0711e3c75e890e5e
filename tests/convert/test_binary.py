"""model.bin is what ct2-transformers-converter writes, byte for byte, whatever the checkpoint is stored as."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load, save_file

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.model_dir import QUANTIZATIONS
from anime_whisper_ct2.model_dir.variables import BINARY_VERSION, SPEC_REVISION
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2_convert import binary, convert
from anime_whisper_ct2_convert.tensor import Tensor
from anime_whisper_ct2_convert.variables import Scalar, Weight, find_aliases

Oracle = Callable[[Path, Path, str], Path]


def edit_config(checkpoint: Path, **values: object) -> None:
    path = checkpoint / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def store(checkpoint: Path, dtype: str, **more: object) -> None:
    import torch

    tensors = load((checkpoint / "model.safetensors").read_bytes())
    tensors = {name: tensor.to(getattr(torch, dtype)).contiguous() for name, tensor in tensors.items()}
    save_file({**tensors, **more}, checkpoint / "model.safetensors", metadata={"format": "pt"})


def assert_identical(checkpoint: Path, quantization: str, tmp_path: Path, ct2_convert: Oracle) -> None:
    ours = convert(str(checkpoint), tmp_path / "ours", quantization=quantization).path
    theirs = ct2_convert(checkpoint, tmp_path / "theirs", quantization)
    assert (ours / "model.bin").read_bytes() == (theirs / "model.bin").read_bytes()


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_bytes_equal_ctranslate2s(
    dtype: str, quantization: str, checkpoint: Path, tmp_path: Path, ct2_convert: Oracle
) -> None:
    store(checkpoint, dtype)
    edit_config(checkpoint, dtype=dtype)
    assert_identical(checkpoint, quantization, tmp_path, ct2_convert)


@pytest.mark.parametrize(("stored", "configured"), [("float32", "float16"), ("float32", "bfloat16"), ("float16", None)])
def test_weights_are_cast_to_the_type_that_config_names(
    stored: str, configured: str | None, checkpoint: Path, tmp_path: Path, ct2_convert: Oracle
) -> None:
    store(checkpoint, stored)
    edit_config(checkpoint, dtype=configured)
    assert_identical(checkpoint, "int8", tmp_path, ct2_convert)


def test_an_output_projection_of_its_own_is_kept(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> None:
    embedding = load((checkpoint / "model.safetensors").read_bytes())["model.decoder.embed_tokens.weight"]
    store(checkpoint, "float32", **{"proj_out.weight": embedding.flip(0).contiguous()})
    edit_config(checkpoint, tie_word_embeddings=False)
    assert_identical(checkpoint, "float16", tmp_path, ct2_convert)


def test_a_stored_copy_of_the_embedding_is_one_weight(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> None:
    embedding = load((checkpoint / "model.safetensors").read_bytes())["model.decoder.embed_tokens.weight"]
    store(checkpoint, "float32", **{"proj_out.weight": embedding.clone()})
    assert_identical(checkpoint, "int8_float16", tmp_path, ct2_convert)


def test_a_projection_that_config_denies_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    embedding = load((checkpoint / "model.safetensors").read_bytes())["model.decoder.embed_tokens.weight"]
    store(checkpoint, "float32", **{"proj_out.weight": embedding.flip(0).contiguous()})
    with pytest.raises(CheckpointError, match="tie_word_embeddings"):
        convert(str(checkpoint), tmp_path / "out")


def test_keys_without_the_model_prefix(checkpoint: Path, tmp_path: Path, ct2_convert: Oracle) -> None:
    tensors = load((checkpoint / "model.safetensors").read_bytes())
    bare = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    save_file(bare, checkpoint / "model.safetensors", metadata={"format": "pt"})
    assert_identical(checkpoint, "bfloat16", tmp_path, ct2_convert)


@pytest.mark.filterwarnings("ignore:Moving the following attributes:UserWarning")  # transformers, of its own config
def test_shards_give_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    whole = convert(str(checkpoint), tmp_path / "whole").path
    from transformers import WhisperForConditionalGeneration

    model = WhisperForConditionalGeneration.from_pretrained(checkpoint)
    (checkpoint / "model.safetensors").unlink()
    model.save_pretrained(checkpoint, max_shard_size="200KB")
    assert len(list(checkpoint.glob("model-*-of-*.safetensors"))) > 1
    sharded = convert(str(checkpoint), tmp_path / "sharded").path
    assert (whole / "model.bin").read_bytes() == (sharded / "model.bin").read_bytes()


def test_the_installed_ctranslate2_writes_the_format_that_we_write() -> None:
    from ctranslate2.specs import model_spec, whisper_spec

    ours = (BINARY_VERSION, SPEC_REVISION)
    assert ours == binary.installed_format()
    assert ours == (model_spec.CURRENT_BINARY_VERSION, whisper_spec.WhisperSpec(1, 1, 1, 1).revision)


def weight(name: str, *parts: np.ndarray) -> Weight:
    tensors = [Tensor(name, "float32", part.shape, _reader(part)) for part in parts]
    return Weight(name, tuple(tensors), "float32", is_quantized=True)


def _reader(array: np.ndarray) -> Callable[[int, int], np.ndarray]:
    return lambda start, stop: array.reshape(-1)[start:stop].copy()


def test_aliases_point_to_the_first_name_with_equal_values() -> None:
    zeros, random = np.zeros((4, 8), np.float32), np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    nearly = random.copy()
    nearly[2, 0] += 1e-6
    weights = [
        weight("d", -zeros),
        weight("b", zeros[:1], zeros[1:]),
        weight("a", random),
        weight("c", nearly),
        weight("e", zeros.reshape(8, 4)),
        weight("f", random[:3], random[3:]),
    ]
    assert find_aliases(weights) == {"d": "b", "f": "a"}


def test_a_difference_between_the_sampled_ends_is_seen() -> None:
    one = np.ones((300, 1000), np.float32)
    other = one.copy()
    other[299, 3] = 2
    assert find_aliases([weight("a", one), weight("b", other), weight("c", one.copy())]) == {"c": "a"}


def test_a_file_is_closed_however_the_wait_for_its_hash_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows removes none that is open."""

    def interrupted(_: Callable[[], object]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "apart", interrupted)
    out = binary._HashingFile(tmp_path / "model.bin")
    with pytest.raises(KeyboardInterrupt), out:
        out.write(b"weights")
    assert out._file.closed


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    written: list[int] = []
    variables = [Scalar("n", np.int16(3)), weight("w", np.ones((7, 5), np.float32))]
    digest = binary.write_model(tmp_path / "model.bin", variables, {"x": "w"}, "int8", written.append)
    data = (tmp_path / "model.bin").read_bytes()
    assert digest == hashlib.sha256(data).hexdigest()
    assert sum(written) == len(data) == binary.model_bytes(variables, {"x": "w"}, "int8")


@pytest.mark.parametrize(
    ("value", "quantization", "advice"),
    [
        (np.nan, "float32", "diverged"),
        (np.inf, "int8", "diverged"),
        (1e6, "float16", "bfloat16"),
        (1e6, "int8_float16", "bfloat16"),
    ],
)
def test_values_that_no_model_can_have_are_refused(
    value: float, quantization: str, advice: str, checkpoint: Path, tmp_path: Path
) -> None:
    tensors = load((checkpoint / "model.safetensors").read_bytes())
    tensors["model.encoder.layers.0.self_attn.k_proj.weight"][3, 4] = value
    save_file(tensors, checkpoint / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=rf"layers\.0\.self_attn\.k_proj.*{advice}"):
        convert(str(checkpoint), tmp_path / "out", quantization=quantization)
    assert not (tmp_path / "out").exists()
