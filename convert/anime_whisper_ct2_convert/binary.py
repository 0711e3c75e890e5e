"""The model.bin of CTranslate2: weights stream through in blocks, and no more than a few are ever in memory.

Byte-identical to what `ctranslate2.converters.TransformersConverter` saves. CTranslate2's own specs are not used: to
import them is to import torch where it is installed, and they hold every weight until the last is written.

Source: CTranslate2 4.8 `specs/model_spec.py`: `_alias_variables`, `_quantize`, `_serialize`.
"""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import numpy as np

from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.model_dir.variables import head, headed, named
from anime_whisper_ct2.system import waiting
from anime_whisper_ct2_convert.numerics import Array, FloatType, all_finite, convert_float, quantize_rows
from anime_whisper_ct2_convert.variables import Scalar, Variable, Weight

# The order is that of DataType in CTranslate2's include/ctranslate2/types.h.
_ITEM_BYTES = {"float32": 4, "int8": 1, "int16": 2, "int32": 4, "float16": 2, "bfloat16": 2}
# What becomes of the weights that int8 does not apply to; plain "int8" leaves them as they were loaded.
_FLOAT_TYPES: dict[str, FloatType | None] = {
    "float32": "float32",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "int8": None,
    "int8_float32": "float32",
    "int8_float16": "float16",
    "int8_bfloat16": "bfloat16",
}
_HASH_AHEAD = 4  # blocks that may wait for the digest: bounds the memory


def loaded_type(quantization: str, dtype: FloatType) -> FloatType:
    """Return what ct2-transformers-converter has transformers load a checkpoint of `dtype` as.

    For these two it asks for float16, so that int8_float16 quantizes weights that were rounded before.
    """
    return "float16" if quantization in {"float16", "int8_float16"} else dtype


def write_model(
    path: Path,
    variables: Sequence[Variable],
    aliases: Mapping[str, str],
    quantization: str,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> str:
    """Write variables sorted by name to a model.bin and return its SHA-256, 64 hexadecimal digits.

    `aliases` names the variables that repeat another, as `find_aliases` does. `on_bytes` is called with the number of
    bytes of each block written. Raises CheckpointError for a weight that is infinite or no number, or becomes so in the
    smaller type, and OSError as the disk gives it.
    """
    kept = [variable for variable in variables if variable.name not in aliases]
    with _HashingFile(path) as out:

        def write(data: bytes | Array) -> None:
            """Write a block and tell how long it was."""
            on_bytes(out.write(data))

        write(_head(kept, quantization))
        for variable in kept:
            if isinstance(variable, Scalar):
                write(_header(variable.name, (), variable.value.dtype.name) + variable.value.tobytes())
            elif _is_int8(variable, quantization):
                _write_int8(write, variable)
            else:
                _write_float(write, variable, _FLOAT_TYPES[quantization] or variable.dtype)
        write(_tail(aliases))
        return out.hexdigest()


def model_bytes(variables: Sequence[Variable], aliases: Mapping[str, str], quantization: str) -> int:
    """Return the number of bytes that `write_model` will write."""
    kept = [variable for variable in variables if variable.name not in aliases]
    total = len(_head(kept, quantization)) + len(_tail(aliases))
    for variable in kept:
        if isinstance(variable, Scalar):
            pieces: list[tuple[str, tuple[int, ...], str]] = [(variable.name, (), variable.value.dtype.name)]
        elif _is_int8(variable, quantization):
            pieces = [(variable.name, variable.shape, "int8"), (_scale(variable), variable.shape[:1], "float32")]
        else:
            pieces = [(variable.name, variable.shape, _FLOAT_TYPES[quantization] or variable.dtype)]
        total += sum(len(_header(*piece)) + math.prod(piece[1]) * _ITEM_BYTES[piece[2]] for piece in pieces)
    return total


def installed_format() -> tuple[int, int] | None:
    """Return (binary version, Whisper spec revision) of the installed CTranslate2's converter, None if not found.

    Reads its source text: to import the module is to import torch.
    """
    spec = find_spec("ctranslate2")
    if spec is None or spec.origin is None:
        return None
    specs = Path(spec.origin).parent / "specs"
    try:
        version = re.search(
            r"^CURRENT_BINARY_VERSION = (\d+)", (specs / "model_spec.py").read_text("utf-8"), re.MULTILINE
        )
        revision = re.search(
            r"class WhisperSpec\b.*?def revision\(self\):\s+return (\d+)",
            (specs / "whisper_spec.py").read_text("utf-8"),
            re.DOTALL,
        )
    except OSError:
        return None
    return (int(version[1]), int(revision[1])) if version and revision else None


def _is_int8(variable: Variable, quantization: str) -> bool:
    return isinstance(variable, Weight) and variable.is_quantized and quantization.startswith("int8")


def _write_float(write: Callable[[bytes | Array], None], weight: Weight, dtype: FloatType) -> None:
    write(_header(weight.name, weight.shape, dtype))
    for block in weight.blocks():
        converted = convert_float(block, weight.dtype, dtype)
        if not all_finite(converted, dtype):
            raise _not_finite(weight, dtype)
        write(converted)


def _write_int8(write: Callable[[bytes | Array], None], weight: Weight) -> None:
    write(_header(weight.name, weight.shape, "int8"))
    scales = []
    for block in weight.blocks():
        rows = convert_float(block, weight.dtype, "float32").reshape(-1, weight.size // weight.shape[0])
        if not all_finite(rows, "float32"):
            raise _not_finite(weight, weight.dtype)
        quantized, scale = quantize_rows(rows)
        write(quantized)
        scales.append(scale)
    write(_header(_scale(weight), weight.shape[:1], "float32"))
    write(np.concatenate(scales))


def _not_finite(weight: Weight, dtype: FloatType) -> CheckpointError:
    names = ", ".join(part.name for part in weight.parts)
    # Read once more: whether the stored values are to blame or the smaller type decides what to advise.
    if all(all_finite(part.read(0, part.size), part.dtype) for part in weight.parts):
        return CheckpointError(
            f"{names}: values too large for {dtype}; convert with --quantization bfloat16 or float32"
        )
    return CheckpointError(
        f"{names}: holds values that are infinite or no number; the training diverged, use another checkpoint"
    )


def _head(kept: Sequence[Variable], quantization: str) -> bytes:
    n_scales = sum(_is_int8(variable, quantization) for variable in kept)
    return head(len(kept) + n_scales)


def _tail(aliases: Mapping[str, str]) -> bytes:
    # In the order of their names, as the variables are.
    pairs = b"".join(named(alias) + named(aliases[alias]) for alias in sorted(aliases))
    return struct.pack("<I", len(aliases)) + pairs


def _scale(weight: Variable) -> str:
    return f"{weight.name}_scale"


def _header(name: str, shape: tuple[int, ...], dtype: str) -> bytes:
    return headed(name, shape, dtype, math.prod(shape) * _ITEM_BYTES[dtype])


class _HashingFile:
    """A new file whose SHA-256 grows beside the writing, on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=1 << 20)
        self._digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._waiting: deque[Future[None]] = deque()

    def write(self, data: bytes | Array) -> int:
        """Write a block, which must not change afterwards, and return its number of bytes."""
        view = memoryview(data).cast("B") if isinstance(data, bytes) else data.reshape(-1).view(np.uint8).data
        self._file.write(view)
        self._waiting.append(self._thread.submit(self._digest.update, view))
        if len(self._waiting) > _HASH_AHEAD:
            waiting.result_of(self._waiting.popleft())
        return len(view)

    def hexdigest(self) -> str:
        """Wait for what is still to be hashed, and give the SHA-256, 64 hexadecimal digits."""
        while self._waiting:
            waiting.result_of(self._waiting.popleft())
        return self._digest.hexdigest()

    def __enter__(self) -> _HashingFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            waiting.apart(partial(self._thread.shutdown, cancel_futures=kind is not None))
        finally:
            # Whatever breaks that off: Windows removes no file that is open.
            self._file.close()
