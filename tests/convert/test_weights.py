"""Tensors come out of their files as they went in, and a damaged file is named, with what to do."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save_file

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.numerics import all_finite, convert_float, quantize_rows
from anime_whisper_ct2_convert.weights import open_weights


def bits(tensor: Any) -> bytes:
    return bytes(tensor.contiguous().view(torch.uint8).numpy().data)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_any_range_of_a_tensor_can_be_read(dtype: Any, tmp_path: Path) -> None:
    tensors = {"a": torch.randn(7, 5).to(dtype), "b": torch.randn(3, 2, 4).to(dtype)}
    save_file(tensors, tmp_path / "model.safetensors")
    with ExitStack() as files:
        found = open_weights(tmp_path, files)
        assert found.keys() == tensors.keys()
        for name, tensor in tensors.items():
            flat = tensor.reshape(-1)
            assert found[name].shape == tuple(tensor.shape)
            assert found[name].read(0, len(flat)).tobytes() == bits(flat)
            assert found[name].read(5, 9).tobytes() == bits(flat[5:9])


def test_torch_files_hold_the_same_tensors(tmp_path: Path) -> None:
    tensors = {"a": torch.randn(4, 3), "b": torch.randn(4).half(), "c": torch.randn(2, 2).bfloat16().T}
    torch.save(tensors, tmp_path / "pytorch_model.bin")
    with ExitStack() as files:
        found = open_weights(tmp_path, files)
        assert [found[name].dtype for name in "abc"] == ["float32", "float16", "bfloat16"]
        for name, tensor in tensors.items():
            assert found[name].read(1, 4).tobytes() == bits(tensor.reshape(-1)[1:4])


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "touched",)

    torch.save({"a": Attack()}, tmp_path / "pytorch_model.bin")
    with ExitStack() as files, pytest.raises(CheckpointError, match="as plain tensors"):
        open_weights(tmp_path, files)
    assert not (tmp_path / "touched").exists()


def test_a_torch_file_without_torch_says_what_to_do(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"anything")
    program = (
        "import sys; sys.modules['torch'] = None; from contextlib import ExitStack; from pathlib import Path;"
        "from anime_whisper_ct2_convert.weights import open_weights; open_weights(Path(sys.argv[1]), ExitStack())"
    )
    done = run_python(program, str(tmp_path))
    assert "CheckpointError" in done.stderr
    assert "pip install torch" in done.stderr


def test_a_checkpoint_in_a_torch_file_converts_to_the_same_bytes(checkpoint: Path, tmp_path: Path) -> None:
    from anime_whisper_ct2_convert import convert

    one = convert(str(checkpoint), tmp_path / "one").path
    torch.save(load((checkpoint / "model.safetensors").read_bytes()), checkpoint / "pytorch_model.bin")
    (checkpoint / "model.safetensors").unlink()
    other = convert(str(checkpoint), tmp_path / "other").path
    assert (one / "model.bin").read_bytes() == (other / "model.bin").read_bytes()


@pytest.mark.parametrize("kept", [4, 100, 20_000, -1])
def test_a_truncated_file_is_refused(kept: int, checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with ExitStack() as files, pytest.raises(CheckpointError, match=r"(truncated|no safetensors).*download it again"):
        open_weights(checkpoint, files)


def test_a_file_that_shrinks_while_it_is_read_is_refused(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    with ExitStack() as files:
        found = open_weights(checkpoint, files)
        with path.open("rb+") as stream:
            stream.truncate(20_000)
        last = found["model.encoder.layers.1.self_attn_layer_norm.weight"]
        with pytest.raises(CheckpointError, match="ended within"):
            last.read(0, last.size)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}, "stored as F64"),
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, "not the size of its shape"),
        ({"dtype": "F32", "shape": [2]}, "not understood"),
        ({"dtype": "F32", "shape": "abc", "data_offsets": [0, 8]}, "entry for a is not understood"),
        ({"dtype": "F32", "shape": [2], "data_offsets": ["a", "b"]}, "not understood"),
        ({"dtype": ["x"], "shape": [2], "data_offsets": [0, 8]}, "not understood"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [-4, 4]}, "not understood"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4, 8]}, "not understood"),
        ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "not understood"),
        ({"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}, "not understood"),
        ({"dtype": "F32", "shape": [0], "data_offsets": [8, 0]}, "not the size of its shape"),
        ([1], "not understood"),
        (None, "not understood"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(entry: Any, message: str, tmp_path: Path) -> None:
    header = json.dumps({"a": entry}).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with ExitStack() as files, pytest.raises(CheckpointError, match=message):
        open_weights(tmp_path, files)


def test_tensors_that_share_bytes_are_refused(tmp_path: Path) -> None:
    entries = {"a": [0, 8], "b": [4, 12], "c": [12, 16]}
    header = json.dumps(
        {
            name: {"dtype": "F32", "shape": [(end - begin) // 4], "data_offsets": [begin, end]}
            for name, (begin, end) in entries.items()
        }
    ).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    with ExitStack() as files, pytest.raises(CheckpointError, match=r"a and b lie one over the other; download"):
        open_weights(tmp_path, files)


@pytest.mark.parametrize("header", ["[" * 100_000, "9" * 5000, "[]", "\\xff"])
def test_a_header_that_is_no_object_is_refused(header: str, tmp_path: Path) -> None:
    content = struct.pack("<Q", len(header)) + header.encode()
    (tmp_path / "model.safetensors").write_bytes(content)
    with ExitStack() as files, pytest.raises(CheckpointError, match="is no safetensors file"):
        open_weights(tmp_path, files)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("{}", "no index of shards"),
        ('{"weight_map": {"a": "gone.safetensors"}}', "the shard gone.safetensors"),
        ('{"weight_map": {"a": "../model.safetensors"}}', "is absent"),
        ('{"weight_map": {"other": "here.safetensors"}}', "other is in model.safetensors.index.json and in no shard"),
    ],
)
def test_a_broken_index_is_refused(index: str, message: str, tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "here.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    with ExitStack() as files, pytest.raises(CheckpointError, match=message):
        open_weights(tmp_path, files)


def test_a_folder_without_weights_says_so(tmp_path: Path) -> None:
    with ExitStack() as files, pytest.raises(CheckpointError, match="holds no weights"):
        open_weights(tmp_path, files)


def test_rounding_is_torch_s_for_every_16_bit_pattern_and_its_neighbours() -> None:
    patterns = np.arange(1 << 16, dtype=np.uint32)
    halves = [
        (patterns << 16 | low).astype(np.uint32).view(np.float32) for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)
    ]
    values = np.concatenate(halves)
    values = values[np.isfinite(values)]
    for name, dtype in (("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        expected = torch.from_numpy(values).to(dtype)
        rounded = convert_float(values, "float32", name)  # type: ignore[arg-type]
        assert rounded.tobytes() == bits(expected)
        back = convert_float(rounded, name, "float32")  # type: ignore[arg-type]
        assert back.tobytes() == bits(expected.float())


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_only_infinities_and_no_numbers_are_not_finite(dtype: Any) -> None:
    sound = convert_float(np.array([0, -0.0, 1e-30, 65504, -65504], np.float32), "float32", dtype)
    assert all_finite(sound, dtype)
    for bad in (np.inf, -np.inf, np.nan):
        # As torch makes it: our own conversion never sees one.
        tensor = torch.tensor([1.0, bad]).to(getattr(torch, dtype))
        values = tensor.view(torch.uint16).numpy() if dtype == "bfloat16" else tensor.numpy()
        assert not all_finite(values, dtype)


def test_rows_of_zeros_and_of_tiny_values_quantize() -> None:
    values = np.array([[0, 0], [1e-42, -1e-42], [2, -1]], np.float32)
    quantized, scale = quantize_rows(values)
    assert np.isfinite(scale).all()
    assert quantized[0].tolist() == [0, 0]
    assert quantized[2].tolist() == [127, -64]
