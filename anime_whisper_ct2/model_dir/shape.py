"""The dimensions of the network in a `model.bin`, read without a weight.

Source: CTranslate2 4.8 `python/ctranslate2/specs/model_spec.py`, `ModelSpec._serialize`, for the layout of model.bin.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# The order is that of DataType in CTranslate2's include/ctranslate2/types.h.
_TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
_DECODER_LAYER = re.compile(r"decoder/layer_(\d+)/")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The dimensions of the network in a `model.bin`, as its variables give them."""

    n_mels: int
    n_vocab: int
    decoder_layers: int
    decoder_heads: int
    stored_type: str = "default"  # of its weights, as `--quantization` names it; default: none that has a name


def read_shape(path: Path) -> ModelShape:
    """Walk over the variables of a `model.bin`.

    Raises OSError where it cannot be read, and ValueError, which says why, where it is not whole or no Whisper.
    """
    try:
        with path.open("rb") as stream:
            return _scan(stream, path.stat().st_size)
    except (struct.error, KeyError, IndexError) as error:
        raise ValueError(str(error)) from error


def _scan(stream: BinaryIO, size: int) -> ModelShape:
    def number(code: str) -> int:
        """Read one number of struct's code at the stream's place."""
        value: int = struct.unpack(code, stream.read(struct.calcsize(code)))[0]
        return value

    def string() -> str:
        """Read a name: its length with a NUL behind, then as many bytes. Raises ValueError where it is cut off."""
        length = number("<H")
        data = stream.read(length)
        if len(data) < length:
            raise ValueError("it ends within a name")
        return data.rstrip(b"\0").decode()

    number("<I")  # the binary version; the engine knows better than we which ones it reads
    if (name := string()) != "WhisperSpec":
        raise ValueError(f"it holds a {name[:40]!r}")
    number("<I")
    shapes: dict[str, tuple[int, ...]] = {}
    types: dict[str, int] = {}
    decoder_heads = 0
    for _ in range(number("<I")):
        name = string()
        shapes[name] = tuple(number("<I") for _ in range(number("<B")))
        types[name] = number("<B")
        n_bytes = number("<I")
        if name == "decoder/num_heads":
            decoder_heads = int.from_bytes(stream.read(n_bytes), "little")
        elif stream.seek(n_bytes, os.SEEK_CUR) > size:
            raise ValueError(f"it ends within {name}")
    for _ in range(number("<I")):
        # Variables that repeat another: nothing to learn, but a truncated file can end here.
        string()
        string()
    layers = [int(match[1]) for match in map(_DECODER_LAYER.match, shapes) if match]
    return ModelShape(
        n_mels=shapes["encoder/conv1/weight"][1],
        n_vocab=shapes["decoder/embeddings/weight"][0],
        decoder_layers=max(layers) + 1,
        decoder_heads=decoder_heads,
        stored_type=_stored_type(types),
    )


def _stored_type(types: dict[str, int]) -> str:
    """Name the type of all weights by those of two: a matrix, which int8 applies to, and one that stays a float."""
    floats, matrix = (
        _TYPES[types[name]] if types.get(name, len(_TYPES)) < len(_TYPES) else ""
        for name in ("encoder/conv1/weight", "decoder/embeddings/weight")
    )
    if matrix == "int8" and floats.startswith(("float", "bfloat")):
        return f"int8_{floats}"
    return matrix if matrix == floats and floats.startswith(("float", "bfloat")) else "default"
