"""Arithmetic on weights: the three float types, and CTranslate2's int8, bit for bit as torch and CTranslate2 do it.

numpy has no bfloat16, so such an array travels as the uint16 of its bits; everything else is the array it says it is.
All functions are pure and take blocks small enough for the processor's cache.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatType: TypeAlias = Literal["float32", "float16", "bfloat16"]
Array: TypeAlias = NDArray[Any]

CARRIER: dict[FloatType, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(np.uint16),
}
_EXPONENT = {"float32": 0x7F800000, "float16": 0x7C00, "bfloat16": 0x7F80}


def convert_float(values: Array, source: FloatType, target: FloatType) -> Array:
    """Convert between float types, rounding to nearest even; values too large become infinite.

    A 16-bit type reaches the other through float32, which loses nothing.
    """
    if source == target:
        return values
    wide = _widen(values, source)
    if target == "float32":
        return wide
    if target == "float16":
        with np.errstate(over="ignore"):  # all_finite speaks of it, with the name of the tensor
            return wide.astype(np.float16)
    return _round_to_bfloat16(wide)


def all_finite(values: Array, dtype: FloatType) -> bool:
    """Tell whether no value is infinite or NaN.

    Looks at the exponent bits as integers: several times faster than `np.isfinite`, and the only way for bfloat16.
    """
    bits = values.view(np.uint32 if dtype == "float32" else np.uint16)
    exponent = bits.dtype.type(_EXPONENT[dtype])
    return bits.size == 0 or bool((bits & exponent).max() < exponent)


def quantize_rows(values: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantize float32 rows, shape (rows, columns), to int8 with one scale each: int8 = round(value * scale).

    Rows depend on nothing but themselves, so blocks of rows give what the whole matrix would. The order of operations
    is CTranslate2's; another order rounds differently.
    Source: CTranslate2 4.8 `LayerSpec._quantize`.
    """
    largest = np.abs(values).max(axis=1)
    # Of a row of zeros the scale does not matter; CTranslate2's is 1.
    largest[largest == 0] = 127.0
    # Keeps the scale of rows of tiny values representable.
    largest = np.maximum(largest, np.float32(127) / np.finfo(np.float32).max)
    scale = np.float32(127) / largest
    scaled = values * scale[:, np.newaxis]
    return np.rint(scaled, out=scaled).astype(np.int8), scale


def _widen(values: Array, source: FloatType) -> NDArray[np.float32]:
    wide: NDArray[np.float32] = values
    if source == "float16":
        # One look-up each; numpy's own conversion takes several times as long.
        wide = _float16_table()[values.view(np.uint16)]
    elif source == "bfloat16":
        wide = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return wide


def _round_to_bfloat16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    bits = values.view(np.uint32)
    # Half of the last place kept, less one unless that place is odd: ties go to even.
    rounding = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    rounded: NDArray[np.uint16] = ((bits + rounding) >> np.uint32(16)).astype(np.uint16)
    return rounded


@cache
def _float16_table() -> NDArray[np.float32]:
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
