"""A file that was written tensor by tensor is the one that the safetensors library writes of all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import load_file
from safetensors.torch import save_file as save_torch_file

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.safetensors_file import Layout, file_bytes, write_safetensors


def noise(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def test_it_is_the_librarys_to_the_byte_in_whatever_order_tensors_come(tmp_path: Path) -> None:
    tensors = {"b.weight": noise(3, 5, 2), "a.bias": noise(7), "あ": noise(1), "none": noise(0, 4)}
    layout: Layout = {name: ("float32", values.shape) for name, values in tensors.items()}
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    write_safetensors(ours, layout, ((name, [values]) for name, values in tensors.items()))
    save_file(tensors, theirs, metadata={"format": "pt"})
    assert ours.read_bytes() == theirs.read_bytes()
    assert ours.stat().st_size == file_bytes(layout)


def test_types_may_be_mixed_and_tensors_come_in_blocks(tmp_path: Path) -> None:
    tensors = {
        "half": torch.from_numpy(noise(4, 4)).half(),
        "brain": torch.from_numpy(noise(5, 2)).bfloat16(),
        "whole": torch.from_numpy(noise(3)),
        "other half": torch.from_numpy(noise(2)).half(),
    }
    layout: Layout = {
        name: (str(values.dtype).removeprefix("torch."), tuple(values.shape))  # type: ignore[misc]
        for name, values in tensors.items()
    }

    def flat(values: Any) -> Any:
        return (values.view(torch.uint16) if values.dtype is torch.bfloat16 else values).numpy().reshape(-1)

    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    write_safetensors(ours, layout, ((name, np.split(flat(values), [1])) for name, values in tensors.items()))
    save_torch_file(tensors, theirs, metadata={"format": "pt"})
    assert ours.read_bytes() == theirs.read_bytes()
    assert all(torch.equal(values, tensors[name]) for name, values in load_file(ours).items())


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_no_number_is_not_written_and_named(bad: float, tmp_path: Path) -> None:
    values = np.array([1.0, bad], np.float32)
    with pytest.raises(CheckpointError, match=r"^a\.weight holds values that are infinite or no numbers"):
        write_safetensors(tmp_path / "x", {"a.weight": ("float32", (2,))}, [("a.weight", [values])])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "a did not come"),
        ([("b", [noise(2)])], "b is no tensor of the layout"),
        ([("a", [noise(2)]), ("a", [noise(2)])], "a is no tensor of the layout, or came before"),
        ([("a", [noise(3)])], "not the size of its shape"),
        ([("a", [noise(2).astype(np.float16)])], "a came as float16 and should be float32"),
    ],
)
def test_other_tensors_than_were_announced_are_an_error(given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        write_safetensors(tmp_path / "x", {"a": ("float32", (2,))}, given)
