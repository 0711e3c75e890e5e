"""What lies where in a `model.bin`: its variables by name, read without a weight, and the weights as they are mapped.

`headed` and `named` are the same layout for those who write one.

Source: CTranslate2 4.8 `python/ctranslate2/specs/model_spec.py`, `ModelSpec._serialize`, for the layout of model.bin.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    # Commands that load no model start without it.
    import numpy.typing as npt

# What `ModelSpec` calls itself at the head of a file, and the versions of the layout and of Whisper's variables.
BINARY_VERSION, SPEC_REVISION = 6, 3
_SPEC = "WhisperSpec"
# The order is that of DataType in CTranslate2's include/ctranslate2/types.h.
_TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
_MOST_SCALAR_BYTES = 8
# numpy has no bfloat16: its bits stand for it.
_CARRIERS = {"bfloat16": "uint16"}


@dataclass(frozen=True, slots=True)
class Variable:
    """Where a variable lies, and what it is: its type as CTranslate2 calls it, "" for one that nobody knows."""

    shape: tuple[int, ...]
    dtype: str
    offset_bytes: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of one file; `aliases` gives the name under which the values of a repeated one are stored."""

    path: Path
    stored: Mapping[str, Variable]
    aliases: Mapping[str, str]

    def __contains__(self, name: str) -> bool:
        return self.aliases.get(name, name) in self.stored

    def __getitem__(self, name: str) -> Variable:
        """Give a variable by its name or an alias. Raises KeyError."""
        return self.stored[self.aliases.get(name, name)]

    def number(self, name: str) -> int:
        """Read a whole number, such as that of the heads.

        Raises KeyError where there is none, OSError where the file cannot be read, and ValueError for another thing.
        """
        variable = self[name]
        if variable.shape or variable.n_bytes > _MOST_SCALAR_BYTES:
            raise ValueError(f"{name} is no number")
        with self.path.open("rb") as stream:
            stream.seek(variable.offset_bytes)
            return int.from_bytes(stream.read(variable.n_bytes), "little", signed=True)

    def array(self, name: str) -> npt.NDArray[Any]:
        """Map a variable's values from the file, read-only and without a copy; bfloat16 comes as its bits, uint16.

        Raises KeyError where there is none, OSError where the file cannot be read, and ValueError where its length is
        not that of its shape and type.
        """
        import numpy as np  # noqa: PLC0415 - see above

        variable = self[name]
        dtype = np.dtype(_CARRIERS.get(variable.dtype, variable.dtype or "void")).newbyteorder("<")
        if not variable.dtype or math.prod(variable.shape) * dtype.itemsize != variable.n_bytes:
            raise ValueError(f"{name} has {variable.n_bytes} bytes, which is not its shape's {variable.shape}")
        if not variable.n_bytes:  # nothing at all cannot be mapped
            return np.empty(variable.shape, dtype)
        return np.asarray(np.memmap(self.path, dtype, "r", variable.offset_bytes, variable.shape))


def read_variables(path: Path) -> Variables:
    """Walk over the variables of a `model.bin`.

    Raises OSError where it cannot be read, and ValueError, which says why, where it is not whole or no Whisper.
    """
    try:
        with path.open("rb") as stream:
            return Variables(path, *_scan(stream, path.stat().st_size))
    except struct.error as error:
        raise ValueError(str(error)) from error


def head(variables: int) -> bytes:
    """Give how a file of so many stored variables begins."""
    return struct.pack("<I", BINARY_VERSION) + named(_SPEC) + struct.pack("<II", SPEC_REVISION, variables)


def named(text: str) -> bytes:
    """Give a name as a file holds it: its length with a NUL behind, then as many bytes."""
    data = text.encode()
    return struct.pack("<H", len(data) + 1) + data + b"\0"


def headed(name: str, shape: tuple[int, ...], dtype: str, n_bytes: int) -> bytes:
    """Give what stands before the values of a stored variable."""
    dimensions = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    return named(name) + dimensions + struct.pack("<BI", _TYPES.index(dtype), n_bytes)


def _scan(stream: BinaryIO, size: int) -> tuple[dict[str, Variable], dict[str, str]]:
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
    if (name := string()) != _SPEC:
        raise ValueError(f"it holds a {name[:40]!r}")
    number("<I")
    stored: dict[str, Variable] = {}
    for _ in range(number("<I")):
        name = string()
        shape = tuple(number("<I") for _ in range(number("<B")))
        type_id, n_bytes = number("<B"), number("<I")
        dtype = _TYPES[type_id] if type_id < len(_TYPES) else ""
        stored[name] = Variable(shape, dtype, stream.tell(), n_bytes)
        if stream.seek(n_bytes, os.SEEK_CUR) > size:
            raise ValueError(f"it ends within {name}")
    # Those that repeat another. A truncated file can end here, too.
    aliases = [(string(), string()) for _ in range(number("<I"))]
    return stored, dict(aliases)
