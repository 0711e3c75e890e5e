"""A blend is the float64 average, rounded as torch rounds it, and asks for no more of a tensor than a block."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2_convert.averaging.blending import BLOCK_ELEMENTS, blended, rounded
from anime_whisper_ct2_convert.averaging.recipe import Mix
from anime_whisper_ct2_convert.numerics import CARRIER, FloatType
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.source import Checkpoint
from anime_whisper_ct2_convert.tensor import Tensor

NAME = "model.encoder.layer_norm.weight"


def holding(
    read: Callable[[int, int], Any], size: int, dtype: FloatType = "float32", name: str = "a"
) -> OpenCheckpoint:
    shape: Any = None  # of a Whisper, of which nobody asks here
    tensors = MappingProxyType({NAME: Tensor(NAME, dtype, (size,), read)})
    return OpenCheckpoint(Checkpoint(Path("/") / name, f"/{name}", None), {}, shape, tensors)


def of_values(values: Any, dtype: FloatType = "float32", name: str = "a") -> OpenCheckpoint:
    array = np.asarray(values, CARRIER[dtype])
    return holding(lambda start, stop: array[start:stop].copy(), len(array), dtype, name)


@given(
    st.lists(st.floats(-3e38, 3e38) | st.floats(-1e5, 1e5) | st.floats(-1e-37, 1e-37), min_size=1, max_size=40),
    st.sampled_from(["float32", "float16", "bfloat16"]),
)
def test_rounding_is_torchs_for_every_float64(values: list[float], dtype: FloatType) -> None:
    expected = torch.tensor(values, dtype=torch.float64).to(getattr(torch, dtype))
    if not torch.isfinite(expected).all():
        with pytest.raises(CheckpointError, match="too large for"):
            rounded(np.array(values), dtype, NAME)
        return
    carried = expected.view(torch.uint16).numpy() if dtype == "bfloat16" else expected.numpy()
    assert rounded(np.array(values), dtype, NAME).tobytes() == carried.tobytes()


def test_ties_that_float64_has_moved_are_ties_again() -> None:
    # Those of 2,048 to 4,096 are even: where 0.2 * a + 0.8 * b is odd, it lies halfway, and float64 cannot say 0.2.
    a, b = (each.reshape(-1) for each in np.meshgrid(np.arange(1025, 2048, 2.0), np.arange(2048, 4096, 2.0)))
    exact, noisy = (a + 4 * b) / 5, 0.2 * a + 0.8 * b
    halfway = (exact % 2 == 1) & (exact > 2048)
    exact, noisy = exact[halfway], noisy[halfway]
    assert (noisy.astype(np.float16) != exact.astype(np.float16)).any()
    assert rounded(noisy, "float16", NAME).tobytes() == exact.astype(np.float16).tobytes()


def test_the_average_of_infinite_values_is_refused_and_named() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        checkpoints = [of_values([1, 2]), of_values([1, bad], name="b")]
        tensor = blended(NAME, Mix.of_range(2, 0, 2), checkpoints, "float32")
        with pytest.raises(CheckpointError, match=rf"^/b: {NAME} holds values that are infinite .* leave"):
            tensor.read(0, 2)
        # Taken as it is, too.
        with pytest.raises(CheckpointError, match=rf"^/b: {NAME} holds values"):
            blended(NAME, Mix.of_range(2, 1, 2), checkpoints, "float32").read(0, 2)
        # Whoever has no part in it may hold what it likes.
        assert blended(NAME, Mix.of_range(2, 0, 1), checkpoints, "float32").read(0, 2).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("dtype", "advice"), [("float16", "choose --dtype float32"), ("float32", "choose other weights")]
)
def test_an_average_too_large_for_its_type_is_refused_and_named(dtype: FloatType, advice: str) -> None:
    tensor = blended(NAME, Mix((3.0, -2.0), 1.0), [of_values([3e38]), of_values([1])], dtype)
    with pytest.raises(CheckpointError, match=rf"^the average of {NAME} has values .* for {dtype}; {advice}"):
        tensor.read(0, 1)


def test_a_file_that_cannot_be_read_is_named() -> None:
    def broken(*_: int) -> Any:
        raise OSError(5, "Input/output error")

    tensor = blended(NAME, Mix.of_range(2, 0, 2), [of_values([1]), holding(broken, 1, name="b")], "float32")
    with pytest.raises(CheckpointError, match=rf"^/b: {NAME} cannot be read \(Input/output error\)"):
        tensor.read(0, 1)


def test_only_blocks_are_asked_for_however_much_is_wanted() -> None:
    asked: list[int] = []

    def read(start: int, stop: int) -> Any:
        asked.append(stop - start)
        return np.ones(stop - start, np.float16)

    size = 5 * BLOCK_ELEMENTS + 3
    checkpoints = [holding(read, size, "float16") for _ in range(3)]
    values = blended(NAME, Mix.of_range(3, 0, 3), checkpoints, "float16").read(1, size)
    assert len(values) == size - 1
    assert (values == 1).all()
    assert max(asked) <= BLOCK_ELEMENTS
    assert sum(asked) == 3 * (size - 1)


def test_who_has_no_part_is_not_read() -> None:
    def refused(*_: int) -> Any:
        pytest.fail("it was read")

    checkpoints = [of_values([1, 2]), holding(refused, 2), of_values([3, 4])]
    tensor = blended(NAME, Mix.of_weights([0.5, 0, 0.5]), checkpoints, "float32")
    assert tensor.read(0, 2).tolist() == [2, 3]


def test_what_is_taken_as_it_is_keeps_its_bits() -> None:
    values = np.array([-0.0, 1e-45, 1], np.float32)
    checkpoints = [of_values([1, 1, 1]), of_values(values)]
    assert blended(NAME, Mix.of_weights([0, 1]), checkpoints, "float32").read(0, 3).tobytes() == values.tobytes()
    half = blended(NAME, Mix.of_weights([0, 1]), checkpoints, "float16").read(0, 3)
    assert half.tolist() == values.astype(np.float16).tolist()
