"""The weights of a checkpoint: named tensors that are read in pieces, whatever files they lie in.

safetensors files are read here without their library, because its numpy door has no bfloat16 and hands over whole
tensors; a file is only an 8-byte length, a JSON header and the raw data. Reads go through the file, not through a
memory map: mapped pages count as the process's memory, and a file that shrinks would kill it instead of raising.

Format: huggingface/safetensors README, "Format".
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType
from anime_whisper_ct2_convert.tensor import Tensor

SAFETENSORS = "model.safetensors"
SAFETENSORS_INDEX = "model.safetensors.index.json"
TORCH = "pytorch_model.bin"
TORCH_INDEX = "pytorch_model.bin.index.json"

_DTYPES: dict[str, FloatType] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}
_MAX_HEADER_BYTES = 100_000_000  # the format's own limit; more is a file of another kind


def open_weights(folder: Path, files: ExitStack) -> Mapping[str, Tensor]:
    """Open the weights of a checkpoint folder: safetensors, whole or in shards, else torch's `.bin`.

    The files stay open until `files` closes. Raises CheckpointError where they are absent, truncated or of another
    type.
    """
    if (folder / SAFETENSORS).is_file():
        return open_safetensors(folder / SAFETENSORS, files)
    if (folder / SAFETENSORS_INDEX).is_file():
        return _merge(folder, SAFETENSORS_INDEX, lambda path: open_safetensors(path, files))
    if (folder / TORCH).is_file() or (folder / TORCH_INDEX).is_file():
        # Only here, so that a safetensors checkpoint never comes near torch.
        from anime_whisper_ct2_convert.torch_weights import open_torch  # noqa: PLC0415

        if (folder / TORCH).is_file():
            return open_torch(folder / TORCH)
        return _merge(folder, TORCH_INDEX, open_torch)
    raise _no_weights(folder)


def weight_files(folder: Path) -> list[Path]:
    """Give the files that `open_weights` reads of a folder, an index before its shards.

    Raises CheckpointError where they are absent.
    """
    for whole, index in ((SAFETENSORS, SAFETENSORS_INDEX), (TORCH, TORCH_INDEX)):
        if (folder / whole).is_file():
            return [folder / whole]
        if (folder / index).is_file():
            return [folder / index, *_shards(folder, index)]
    raise _no_weights(folder)


def open_safetensors(path: Path, files: ExitStack) -> dict[str, Tensor]:
    """Open one safetensors file and check that every tensor of its header lies within it."""
    try:
        stream = files.enter_context(path.open("rb", buffering=0))
        size = path.stat().st_size
        header, data_start = _read_header(stream, size)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({reason(error)})") from error
    except (ValueError, RecursionError, struct.error) as error:
        raise CheckpointError(f"{path}: is no safetensors file ({error}); download it again") from error
    header.pop("__metadata__", None)
    tensors = {name: _describe(path, stream, name, entry, data_start) for name, entry in header.items()}
    end = data_start + _data_bytes(path, header)
    if size < end:
        raise CheckpointError(f"{path}: is truncated: {size:,} of {end:,} bytes are there; download it again")
    return tensors


def _read_header(stream: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    (length,) = struct.unpack("<Q", stream.read(8))
    if length > min(size - 8, _MAX_HEADER_BYTES):
        raise ValueError(f"its header would be {length:,} bytes long, and the file is {size:,}")
    header = json.loads(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, 8 + length


def _data_bytes(path: Path, header: Mapping[str, Any]) -> int:
    """Give how long the data are that are described. Raises CheckpointError where two tensors share bytes."""
    at, before = 0, ""
    for (begin, end), name in sorted((entry["data_offsets"], name) for name, entry in header.items()):
        if begin < at:
            raise CheckpointError(f"{path}: {before} and {name} lie one over the other; download it again")
        at, before = end, name
    return at


def _describe(path: Path, stream: BinaryIO, name: str, entry: Any, data_start: int) -> Tensor:
    try:
        stored, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        if not (
            isinstance(stored, str) and all(type(number) is int and number >= 0 for number in (*shape, begin, end))
        ):
            raise ValueError(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: the header's entry for {name} is not understood; download it again") from error
    if stored not in _DTYPES:
        raise CheckpointError(
            f"{path}: {name} is stored as {stored}; save the checkpoint as float32, float16 or bfloat16"
        )
    dtype = _DTYPES[stored]
    carrier = CARRIER[dtype]
    if end - begin != math.prod(shape) * carrier.itemsize:
        raise CheckpointError(f"{path}: {name} takes {end - begin:,} bytes, which is not the size of its shape {shape}")

    def read(start: int, stop: int) -> Array:
        """Read the elements from `start` to before `stop`. Raises CheckpointError where the file has ended."""
        # Writable and new each time: blocks are handed to other threads while the next is read.
        block = np.empty(stop - start, carrier)
        window = block.data.cast("B")
        stream.seek(data_start + begin + start * carrier.itemsize)
        while window:
            n_read = stream.readinto(window)  # type: ignore[attr-defined]  # BinaryIO leaves it out, raw files have it
            if not n_read:
                raise CheckpointError(f"{path}: ended within {name} while it was read; is it still being copied?")
            window = window[n_read:]
        return block

    return Tensor(name, dtype, shape, read)


def _no_weights(folder: Path) -> CheckpointError:
    return CheckpointError(f"{folder}: holds no weights ({SAFETENSORS}, its shards, or {TORCH}); download them again")


def _merge(folder: Path, index: str, open_file: Callable[[Path], Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Join the shards that an index names; each tensor must lie where the index says."""
    places = _read_index(folder / index)
    tensors: dict[str, Tensor] = {}
    for shard in _shards(folder, index):
        tensors.update(open_file(shard))
    if lost := sorted(places.keys() - tensors.keys()):
        raise CheckpointError(f"{folder}: {lost[0]} is in {index} and in no shard; download the checkpoint again")
    return tensors


def _shards(folder: Path, index: str) -> list[Path]:
    shards = sorted(set(_read_index(folder / index).values()))
    for shard in shards:
        # An index comes with the checkpoint: it must not lead out of its folder.
        if Path(shard).name != shard or not (folder / shard).is_file():
            raise CheckpointError(f"{folder}: the shard {shard} that {index} names is absent; download it again")
    return [folder / shard for shard in shards]


def _read_index(path: Path) -> dict[str, str]:
    """Read in which file each tensor lies."""
    try:
        places = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        if all(isinstance(place, str) for place in places.values()):
            return dict(places)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({reason(error, path)})") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: is no index of shards; download it again") from error
    raise CheckpointError(f"{path}: is no index of shards; download it again")
