"""The beginning of a model's encoder as a model of its own: what any device computes of it in a moment.

Of the converted folder, the convolutions, the first layer and the last normalization; a decoder so small that it only
makes CTranslate2 load the whole. A large encoder gives 54 MB of 1.5 GB.

Source: CTranslate2 4.8 `models.Whisper`, which takes files from memory.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.model_dir import CONFIG, MODEL_BIN, VOCABULARY
from anime_whisper_ct2.model_dir.variables import Variables, head, headed, read_variables

Stored: TypeAlias = tuple[str, tuple[int, ...], str, bytes]

_FIRST, _LAYER = "encoder/layer_0/", "encoder/layer_"
# Above the layers, but no layer.
_NORM = "encoder/layer_norm/"
_WORDS = ("<|endoftext|>", "<|startoftranscript|>", "<|transcribe|>", "<|notimestamps|>", "<|nospeech|>", "<|ja|>", "a")
# As many values in each direction of the decoder's weights: CTranslate2 computes in eights.
_SMALL = 8


def first_layer(folder: Path) -> dict[str, bytes]:
    """Give the files of that model, by their names, as `ctranslate2.models.Whisper` takes them.

    Raises OSError where `model.bin` cannot be read, and KeyError or ValueError where it is laid out otherwise.
    """
    variables = read_variables(folder / MODEL_BIN)
    stored = sorted((*_encoder(variables), *_decoder(variables)))
    return {
        MODEL_BIN: _written(stored),
        CONFIG: b"{}",
        VOCABULARY: json.dumps(_WORDS).encode(),
    }


def _encoder(variables: Variables) -> Iterator[Stored]:
    for name in (*variables.stored, *variables.aliases):
        deeper = name.startswith(_LAYER) and not name.startswith((_FIRST, _NORM))
        if name.startswith("encoder/") and not deeper:
            found = variables[name]
            yield name, found.shape, found.dtype, variables.array(name).tobytes()


def _decoder(variables: Variables) -> Iterator[Stored]:
    for name in variables.stored:
        if not name.startswith("decoder/"):
            continue
        shape = variables[name].shape
        if not shape:
            yield name, shape, variables[name].dtype, variables.array(name).tobytes()
        elif name.startswith(("decoder/layer_0/", "decoder/layer_norm/")) and not name.endswith("_scale"):
            yield _ones(name, (_SMALL,) * len(shape))
    for name in ("embeddings/weight", "projection/weight", "position_encodings/encodings"):
        yield _ones(f"decoder/{name}", (_SMALL, _SMALL))


def _ones(name: str, shape: tuple[int, ...]) -> Stored:
    values: npt.NDArray[np.float32] = np.ones(shape, "<f4")
    return name, shape, "float32", values.tobytes()


def _written(stored: list[Stored]) -> bytes:
    parts = [head(len(stored))]
    for name, shape, dtype, data in stored:
        parts += (headed(name, shape, dtype, len(data)), data)
    return b"".join((*parts, struct.pack("<I", 0)))
