"""Checkpoints for whoever changes their weights: read tensor by tensor, and written as a folder like the first.

No torch and no transformers, and no more than a tensor in memory at a time.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anime_whisper_ct2.errors import CheckpointError, OutputError
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2_convert.numerics import Array, FloatType, convert_float
from anime_whisper_ct2_convert.safetensors_file import file_bytes, write_safetensors
from anime_whisper_ct2_convert.source import Checkpoint, naming, open_source, read_whole, text_files
from anime_whisper_ct2_convert.tensor import BLOCK_ELEMENTS, Tensor
from anime_whisper_ct2_convert.weights import SAFETENSORS, open_weights
from anime_whisper_ct2_convert.whisper_layout import WhisperShape, lay_out

_CONFIG = "config.json"
_PREFIX, _OUTPUT = "model.", "proj_out.weight"


@dataclass(frozen=True, slots=True)
class OpenCheckpoint:
    """A Whisper whose files are open, and known to be whole and of one model.

    `config`: its `config.json`. `tensors`: by the names that transformers' `WhisperForConditionalGeneration` has for
    them, whatever they are called in the files; with an output projection only where it is not the token embedding.
    """

    files: Checkpoint
    config: Mapping[str, Any]
    shape: WhisperShape
    tensors: Mapping[str, Tensor]

    def read(self, name: str) -> NDArray[np.float32]:
        """Read a tensor as float32, in its shape. Raises KeyError, and CheckpointError where its file has ended."""
        tensor = self.tensors[name]
        with naming(self.files):
            return convert_float(tensor.read(0, tensor.size), tensor.dtype, "float32").reshape(tensor.shape)

    def digest(self) -> str:
        """Read everything and give its SHA-256, 64 hexadecimal digits: of all weights by their names, and the shape.

        The same for one file as for shards.
        """
        digest = hashlib.sha256(repr(self.shape).encode())
        with naming(self.files):
            for name, tensor in sorted(self.tensors.items()):
                digest.update(repr((name, tensor.dtype, tensor.shape)).encode())
                for start in range(0, tensor.size, BLOCK_ELEMENTS):
                    digest.update(tensor.read(start, min(start + BLOCK_ELEMENTS, tensor.size)).data)
        return digest.hexdigest()


@contextmanager
def open_checkpoint(source: str, revision: str | None = None) -> Iterator[OpenCheckpoint]:
    """Open a checkpoint, a folder or a hub id, for as long as the context lasts.

    Raises ModelNotFoundError, and CheckpointError for what is no Whisper, not whole, or of two models.
    """
    with ExitStack() as opened:
        yield open_files(open_source(source, revision, whole=True), opened)


def open_files(checkpoint: Checkpoint, opened: ExitStack) -> OpenCheckpoint:
    """Open a checkpoint whose files are here, until `opened` closes. Raises CheckpointError as `open_checkpoint`."""
    with naming(checkpoint):
        config = checkpoint.json(_CONFIG)
        if config is None:
            raise CheckpointError(f"{checkpoint.folder}: has no {_CONFIG}; download it again")
        shape = WhisperShape.from_config(config)
        stored = open_weights(checkpoint.folder, opened)
        # Whatever could not be converted is refused before anybody works with it for hours.
        lay_out(stored, shape, shape.dtype)
    named = {name if name == _OUTPUT else _PREFIX + name.removeprefix(_PREFIX): stored[name] for name in stored}
    if shape.is_tied:
        named.pop(_OUTPUT, None)
    return OpenCheckpoint(checkpoint, config, shape, named)


def write_checkpoint(
    folder: Path, like: OpenCheckpoint, dtype: FloatType, tensors: Iterable[tuple[str, Iterable[Array]]]
) -> None:
    """Write other weights for a checkpoint, with all its text files, into a folder that is empty or not there.

    `tensors`: those of `like` by name, in any order, each as the blocks of its flat form in the carrier of `dtype`.
    Raises OutputError where the folder is taken or cannot be written, CheckpointError for values that are no numbers,
    and ValueError for other tensors.
    """
    layout = {name: (dtype, tensor.shape) for name, tensor in like.tensors.items()}
    with filling(folder, file_bytes(layout)):
        copy_texts(like.files, folder, with_dtype(like.config, dtype))
        write_safetensors(folder / SAFETENSORS, layout, tensors)


@contextmanager
def filling(folder: Path, n_bytes: int, shown: Path | None = None) -> Iterator[None]:
    """Make a folder, or take an empty one, in which there is room for so many bytes; name what cannot be written.

    `shown`: the folder that a user knows it by, where it will be moved. Raises OutputError.
    """
    shown = shown or folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{shown}: is not empty; choose another folder for the checkpoint")
        if shutil.disk_usage(folder).free < n_bytes:
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}; the weights need {n_bytes:,} bytes")
        yield
    except OSError as error:
        raise OutputError(f"{shown}: cannot be written ({reason(error, folder)}); make room there") from error


def with_dtype(config: Mapping[str, Any], dtype: FloatType) -> dict[str, Any]:
    """Give a config.json that says of its weights that they are of a type."""
    config = {key: dtype if key in ("dtype", "torch_dtype") else value for key, value in config.items()}
    if not {"dtype", "torch_dtype"} & config.keys():
        config["torch_dtype"] = dtype  # which both versions of transformers read
    return config


def copy_texts(source: Checkpoint, folder: Path, config: Mapping[str, Any]) -> None:
    """Copy what makes a model of the weights, byte for byte, but for a config.json that says something else now.

    Raises CheckpointError for what cannot be read, and OSError for what cannot be written.
    """
    for path in text_files(source.folder):
        content = read_whole(path)
        if path.name == _CONFIG and config != source.json(_CONFIG):
            content = (json.dumps(config, indent=2) + "\n").encode("ascii")
        files.put(folder / path.name, content)
