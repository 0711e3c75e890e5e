"""A safetensors file is written tensor by tensor, in any order: no more than a block of weights is ever in memory.

Byte-identical to what the safetensors library saves, which wants all tensors at once and whose numpy door has no
bfloat16.

Format: huggingface/safetensors README, "Format"; the order of the tensors: `prepare` in its `tensor.rs`.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.system import files
from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType, all_finite

# Wide types come first, so that every tensor is aligned; of those alike, by name.
_STORED: dict[FloatType, str] = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
_ORDER = list(_STORED)
_ALIGNMENT = 8

Layout = Mapping[str, tuple[FloatType, tuple[int, ...]]]


def file_bytes(layout: Layout) -> int:
    """Give how long the file of such tensors will be. `layout`: dtype and shape of each by its name."""
    return len(_header(layout)) + sum(_n_bytes(*entry) for entry in layout.values())


def write_safetensors(path: Path, layout: Layout, tensors: Iterable[tuple[str, Iterable[Array]]]) -> None:
    """Write tensors, each as the blocks of its flat form in the carrier of its dtype, and sync them.

    Raises CheckpointError for a value that is infinite or no number, OSError as the disk gives it, and ValueError for
    tensors that are not those of `layout`.
    """
    begins, at = {}, len(header := _header(layout))
    for name in _in_order(layout):
        begins[name] = at
        at += _n_bytes(*layout[name])
    missing = set(layout)
    with files.opened(path, "wb") as stream:
        stream.write(header)
        for name, blocks in tensors:
            if name not in missing:
                raise ValueError(f"{name} is no tensor of the layout, or came before")
            missing.discard(name)
            dtype, shape = layout[name]
            stream.seek(begins[name])
            n_bytes = 0
            for block in blocks:
                if block.dtype != CARRIER[dtype]:
                    raise ValueError(f"{name} came as {block.dtype} and should be {dtype}")
                flat = np.ascontiguousarray(block).reshape(-1)
                if not all_finite(flat, dtype):
                    raise CheckpointError(f"{name} holds values that are infinite or no numbers; it was not written")
                stream.write(flat.data)
                n_bytes += flat.nbytes
            if n_bytes != _n_bytes(dtype, shape):
                raise ValueError(f"{name} came with {n_bytes:,} bytes, which is not the size of its shape {shape}")
        if missing:
            raise ValueError(f"{min(missing)} did not come")
        stream.flush()
        os.fsync(stream.fileno())


def _header(layout: Layout) -> bytes:
    # transformers takes a file for PyTorch's only where it says so.
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name in _in_order(layout):
        dtype, shape = layout[name]
        end = at + _n_bytes(dtype, shape)
        header[name] = {"dtype": _STORED[dtype], "shape": shape, "data_offsets": (at, end)}
        at = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    return struct.pack("<Q", len(text)) + text


def _in_order(layout: Layout) -> list[str]:
    return sorted(layout, key=lambda name: (_ORDER.index(layout[name][0]), name))


def _n_bytes(dtype: FloatType, shape: tuple[int, ...]) -> int:
    return math.prod(shape) * CARRIER[dtype].itemsize
