"""Weighted sums of tensors in float64, block by block, and their way back to the type they are stored in.

They are rounded as torch rounds float64: to float32, and from there to 16 bits. So what the noise of float64 has moved
from a tie, such as 0.2 * a + 0.8 * b of float16, is one again, and comes out alike however it was summed up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2_convert.averaging.recipe import Mix
from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType, all_finite, convert_float
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.source import NamedError, naming
from anime_whisper_ct2_convert.tensor import BLOCK_ELEMENTS, Tensor


def stored_values(checkpoint: OpenCheckpoint, tensor: Tensor, start: int, stop: int) -> Array:
    """Read elements of a checkpoint's tensor, in the carrier of its dtype.

    Raises CheckpointError, which names the two, for what cannot be read, is infinite or no number.
    """
    with naming(checkpoint.files):
        try:
            values = tensor.read(start, stop)
        except OSError as error:
            raise CheckpointError(f"{tensor.name} cannot be read ({reason(error)})") from error
        if not all_finite(values, tensor.dtype):
            raise CheckpointError(
                f"{tensor.name} holds values that are infinite or no numbers; leave this checkpoint out"
            )
    return values


def finite_values(checkpoint: OpenCheckpoint, tensor: Tensor, start: int, stop: int) -> NDArray[np.float64]:
    """Read elements of a checkpoint's tensor as float64. Raises CheckpointError as `stored_values` does."""
    values = stored_values(checkpoint, tensor, start, stop)
    return convert_float(values, tensor.dtype, "float32").astype(np.float64)


def rounded(values: NDArray[np.float64], dtype: FloatType, name: str) -> Array:
    """Give averages in the carrier of `dtype`. Raises CheckpointError for those of `name` that are too large for it."""
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = convert_float(values.astype(np.float32), "float32", dtype)
    if not all_finite(narrow, dtype):
        what = "choose other weights" if dtype == "float32" else "choose --dtype float32"
        # Of no single checkpoint.
        raise NamedError(f"the average of {name} has values that are too large for {dtype}; {what}")
    return narrow


def blended(name: str, mix: Mix, checkpoints: Sequence[OpenCheckpoint], dtype: FloatType) -> Tensor:
    """Give a tensor of an average, which is computed as it is read: the sum of weight times value, over the total.

    What is taken from one checkpoint as it is keeps its bits, and one that is there twice is read once. Reading raises
    CheckpointError as `stored_values` and `rounded` do.
    """
    weights: dict[int, float] = {}
    for at in mix.used:
        weights[id(checkpoints[at])] = weights.get(id(checkpoints[at]), 0.0) + mix.weights[at]
    distinct = {id(checkpoint): checkpoint for checkpoint in checkpoints}
    parts = [(weight, distinct[key], distinct[key].tensors[name]) for key, weight in weights.items()]
    shape = parts[0][2].shape

    def average(start: int, stop: int) -> Array:
        """Compute so many elements as one block."""
        sums = np.zeros(stop - start, np.float64)
        # What grows beyond all bounds is told when it is rounded.
        with np.errstate(over="ignore", invalid="ignore"):
            for weight, checkpoint, tensor in parts:
                values = convert_float(stored_values(checkpoint, tensor, start, stop), tensor.dtype, "float32")
                sums += values if weight == 1 else np.multiply(values, weight, dtype=np.float64)
            if mix.total != 1:
                sums /= mix.total
        return rounded(sums, dtype, name)

    def read(start: int, stop: int) -> Array:
        """Compute the elements from `start` to before `stop`."""
        if mix.only is not None and parts[0][2].dtype == dtype:
            return stored_values(parts[0][1], parts[0][2], start, stop)
        result = np.empty(stop - start, CARRIER[dtype])
        for at in range(start, stop, BLOCK_ELEMENTS):
            end = min(at + BLOCK_ELEMENTS, stop)
            result[at - start : end - start] = average(at, end)
        return result

    return Tensor(name, dtype, shape, read)
