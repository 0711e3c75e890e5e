"""The variables of a CTranslate2 model before they are written: settings, and weights that are still on disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType, convert_float
from anime_whisper_ct2_convert.tensor import Tensor

_BLOCK_ELEMENTS = 1 << 18  # 1 MiB of float32: stays in the processor's cache from read to write
# Enough to tell trained weights apart; those that are all ones or zeros are compared in full.
_SAMPLE_ELEMENTS = 32


@dataclass(frozen=True, slots=True)
class Scalar:
    """A variable that is a setting and not a weight."""

    name: str
    value: np.generic


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable made of one or more tensors, joined along the first axis.

    `dtype` is what transformers casts the tensors to as it loads them, before CTranslate2's converter sees them.
    """

    name: str
    parts: tuple[Tensor, ...]
    dtype: FloatType
    is_quantized: bool  # whether int8 applies: embeddings, linear layers and convolutions

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its parts joined."""
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    @property
    def size(self) -> int:
        """The number of its elements."""
        return math.prod(self.shape)

    def blocks(self) -> Iterator[Array]:
        """Yield all elements in order as flat arrays of whole rows, in the carrier of `dtype`."""
        row = math.prod(self.shape[1:])
        step = max(1, _BLOCK_ELEMENTS // row) * row
        for part in self.parts:
            for start in range(0, part.size, step):
                yield convert_float(part.read(start, min(start + step, part.size)), part.dtype, self.dtype)

    def read(self, start: int, stop: int) -> Array:
        """Read the elements from `start` to before `stop` of the joined, flat weight, in the carrier of `dtype`."""
        pieces = []
        offset = 0
        for part in self.parts:
            begin, end = max(start - offset, 0), min(stop - offset, part.size)
            if begin < end:
                pieces.append(convert_float(part.read(begin, end), part.dtype, self.dtype))
            offset += part.size
        return np.concatenate(pieces) if pieces else np.empty(0, CARRIER[self.dtype])


Variable: TypeAlias = Scalar | Weight


def find_aliases(variables: Sequence[Variable]) -> dict[str, str]:
    """Find the weights whose values another repeats: {name: first name in alphabetical order with the same values}.

    As CTranslate2 sees them: by shape and element-wise equality, so −0.0 is 0.0. It compares every pair in full; here a
    few elements decide first, and only weights that agree in those are read, once each against every distinct weight.
    """
    aliases: dict[str, str] = {}
    distinct: dict[tuple[tuple[int, ...], bytes], list[Weight]] = {}
    weights = [variable for variable in variables if isinstance(variable, Weight)]
    for weight in sorted(weights, key=lambda weight: weight.name):
        rivals = distinct.setdefault((weight.shape, _sample(weight)), [])
        original = next((rival for rival in rivals if equal(weight, rival)), None)
        if original is None:
            rivals.append(weight)
        else:
            aliases[weight.name] = original.name
    return aliases


def equal(one: Weight, other: Weight) -> bool:
    """Tell whether two weights of one shape hold equal values, reading no further than the first difference."""
    if one.parts == other.parts:
        return True
    starts = range(0, one.size, _BLOCK_ELEMENTS)
    return all(np.array_equal(_values(one, start), _values(other, start)) for start in starts)


def _sample(weight: Weight) -> bytes:
    ends = [_values(weight, 0, _SAMPLE_ELEMENTS), _values(weight, max(0, weight.size - _SAMPLE_ELEMENTS))]
    values: Array = np.concatenate(ends) + np.float32(0)  # turns −0.0 into 0.0
    return bytes(values.data)


def _values(weight: Weight, start: int, length: int = _BLOCK_ELEMENTS) -> Array:
    block = weight.read(start, min(start + length, weight.size))
    return convert_float(block, weight.dtype, "float32")
