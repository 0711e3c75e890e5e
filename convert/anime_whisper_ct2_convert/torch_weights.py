"""Weights in torch's own `.bin` files, which are pickles: read by torch with `weights_only=True`, or not at all.

The only module of the conversion that imports torch, and only for such a checkpoint.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import CheckpointError, first_line
from anime_whisper_ct2_convert.numerics import Array, FloatType
from anime_whisper_ct2_convert.tensor import Tensor


def open_torch(path: Path) -> dict[str, Tensor]:
    """Map a `.bin` file into memory and describe its tensors.

    Raises CheckpointError where torch is absent, or the file holds more than plain tensors.
    """
    try:
        import torch  # noqa: PLC0415  # converting safetensors must not load torch
    except ImportError as error:
        raise CheckpointError(
            f"{path}: reading a .bin checkpoint needs torch; pip install torch, "
            "or ask for the checkpoint as safetensors (save_pretrained(..., safe_serialization=True))"
        ) from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError) as error:
        reason = first_line(error)
        raise CheckpointError(f"{path}: torch cannot read it as plain tensors ({reason}); download it again") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f"{path}: is no state dictionary; save the model with save_pretrained")
    return {name: _describe(path, torch, name, value) for name, value in state.items()}


def _describe(path: Path, torch: Any, name: str, value: Any) -> Tensor:
    dtypes: dict[Any, FloatType] = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
    if value.dtype not in dtypes:
        raise CheckpointError(f"{path}: {name} is {value.dtype}; save the checkpoint as float32, float16 or bfloat16")
    flat = value.detach().contiguous().reshape(-1)
    # numpy has no bfloat16: its bits go over as integers.
    array = flat.view(torch.uint16).numpy() if value.dtype is torch.bfloat16 else flat.numpy()

    def read(start: int, stop: int) -> Array:
        """Copy the elements from `start` to before `stop` out of the mapped file."""
        block: Array = array[start:stop].copy()
        return block

    return Tensor(name, dtypes[value.dtype], tuple(value.shape), read)
