"""The dimensions of the network in a `model.bin`, read without a weight."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from anime_whisper_ct2.model_dir.variables import Variables, read_variables

_DECODER_LAYER = re.compile(r"decoder/layer_(\d+)/")
_DECODER_HEADS = "decoder/num_heads"
_ENCODER_HEADS = "encoder/num_heads"


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The dimensions of the network in a `model.bin`, as its variables give them."""

    n_mels: int
    n_vocab: int
    decoder_layers: int
    decoder_heads: int
    encoder_heads: int
    width: int
    stored_type: str = "default"  # of its weights, as `--quantization` names it; default: none that has a name


def read_shape(path: Path) -> ModelShape:
    """Read the dimensions off the variables of a `model.bin`.

    Raises OSError where it cannot be read, and ValueError, which says why, where it is not whole or no Whisper.
    """
    variables = read_variables(path)
    layers = [int(match[1]) for match in map(_DECODER_LAYER.match, variables.stored) if match]
    try:
        return ModelShape(
            n_mels=variables["encoder/conv1/weight"].shape[1],
            n_vocab=variables["decoder/embeddings/weight"].shape[0],
            decoder_layers=max(layers) + 1,
            decoder_heads=variables.number(_DECODER_HEADS) if _DECODER_HEADS in variables else 0,
            encoder_heads=variables.number(_ENCODER_HEADS) if _ENCODER_HEADS in variables else 0,
            width=variables["encoder/conv1/weight"].shape[0],
            stored_type=_stored_type(variables),
        )
    except (KeyError, IndexError) as error:
        raise ValueError(str(error)) from error


def _stored_type(variables: Variables) -> str:
    """Name the type of all weights by those of two: a matrix, which int8 applies to, and one that stays a float."""
    floats, matrix = (variables[name].dtype for name in ("encoder/conv1/weight", "decoder/embeddings/weight"))
    if matrix == "int8" and floats.startswith(("float", "bfloat")):
        return f"int8_{floats}"
    return matrix if matrix == floats and floats.startswith(("float", "bfloat")) else "default"
