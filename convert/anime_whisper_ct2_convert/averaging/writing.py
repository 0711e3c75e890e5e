"""An average is written as a checkpoint's folder: weights, text files, and what it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.system import files
from anime_whisper_ct2_convert.averaging.hashing import Hashes, digest_of, hashing, size_of
from anime_whisper_ct2_convert.averaging.recipe import Recipe, fits
from anime_whisper_ct2_convert.averaging.series import Series
from anime_whisper_ct2_convert.conversion import Progress
from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint, copy_texts, filling
from anime_whisper_ct2_convert.safetensors_file import file_bytes, write_safetensors
from anime_whisper_ct2_convert.tensor import BLOCK_ELEMENTS
from anime_whisper_ct2_convert.weights import SAFETENSORS, weight_files

# What says of a folder that it is an average, and of what.
RECORD = "average.json"
_STAGE = "averaging"


def write_average(
    folder: Path,
    series: Series,
    recipe: Recipe,
    *,
    dtype: FloatType | None = None,
    progress: Progress | None = None,
    shown: Path | None = None,
) -> None:
    """Write an average with its text files and `average.json` into a folder that is empty or not there.

    What is one checkpoint as it is has that one's files of weights, byte for byte. `shown`: what errors call the
    folder. Raises OutputError where it is taken or cannot be written, CheckpointError, naming checkpoint and tensor,
    for values that are no numbers, and InputError for a pattern that is for no tensor.
    """
    average, used = series.blend(recipe, dtype=dtype), series.used(recipe)
    copied = series.copied(recipe, dtype) is not None
    originals = [weight_files(series.checkpoints[at].files.folder) for at in used]
    # One that is named twice is read once.
    paths = list(dict.fromkeys(path for of_one in originals for path in of_one))
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in average.tensors.items()}
    read_bytes = sum(map(size_of, paths))
    n_bytes = read_bytes if copied else file_bytes(layout)
    with filling(folder, n_bytes, shown):
        if copied:
            found = _copy_weights(folder, average, paths, _Telling(progress, _weigh(average) + n_bytes))
            written = {path.name: digest for path, digest in found.items()}
        else:
            tell = _Telling(progress, read_bytes + _weigh(average) + n_bytes)
            found = _write_weights(folder / SAFETENSORS, average, paths, tell)
            written = {SAFETENSORS: digest_of(folder / SAFETENSORS, lambda chunk: tell(len(chunk)))}
        copy_texts(average.files, folder, average.config)
        of_sources = [{path.name: found[path] for path in of_one} for of_one in originals]
        record = _record(series, recipe, used, average, of_sources)
        record["sha256"] = written
        record["files"] = sorted({RECORD, *(path.name for path in folder.iterdir())})
        # A path that is no UTF-8 is written with JSON's own escapes.
        content = (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
        files.put(folder / RECORD, content)


class _Telling:
    """Tells how many bytes are done of all, those that the hashing thread has read among them."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        self.hashes: Hashes | None = None

    def __call__(self, n_bytes: int) -> None:
        """Count bytes that were read or written."""
        self._done += n_bytes
        if self._progress is not None:
            self._progress(_STAGE, self._done + (self.hashes.n_bytes if self.hashes else 0), self._total)


def _write_weights(path: Path, average: OpenCheckpoint, sources: Sequence[Path], tell: _Telling) -> Mapping[Path, str]:
    """Compute the tensors into one file; give the digests of the files that they are from."""
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in average.tensors.items()}
    with hashing(sources) as hashes:
        tell.hashes = hashes
        write_safetensors(path, layout, ((name, _blocks(average, name, tell)) for name in sorted(layout)))
        found = dict(zip(sources, hashes.each(lambda: tell(0)), strict=True))
    tell(0)
    return found


def _copy_weights(folder: Path, average: OpenCheckpoint, sources: Sequence[Path], tell: _Telling) -> Mapping[Path, str]:
    """Copy the files of the one checkpoint that the average is, once all values are known to be numbers."""
    for name in average.tensors:
        for _ in _blocks(average, name, tell):
            pass
    return {path: _copied(path, folder / path.name, tell) for path in sources}


def _copied(path: Path, copy: Path, tell: _Telling) -> str:
    """Copy a file, and give its digest."""
    with files.opened(copy, "wb") as target:

        def write(chunk: bytes) -> None:
            """Write a piece, and tell."""
            target.write(chunk)
            tell(len(chunk))

        return digest_of(path, write)


def _blocks(average: OpenCheckpoint, name: str, tell: _Telling) -> Iterator[Array]:
    tensor = average.tensors[name]
    for start in range(0, tensor.size, BLOCK_ELEMENTS):
        block = tensor.read(start, min(start + BLOCK_ELEMENTS, tensor.size))
        yield block
        tell(block.nbytes)


def _record(
    series: Series, recipe: Recipe, used: Sequence[int], average: OpenCheckpoint, digests: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Say what an average was made of; shares are None where no tensor follows the mix that they are of."""
    names, mixes = series.checkpoints[0].tensors, series.mixes(recipe)
    followed = any(not any(fits(pattern, name) for pattern, _ in recipe.parts) for name in names)
    span = recipe.mix.range if followed and len(mixes) == 1 else None
    tokenizer = series.texts.tokenizer_of(used[-1])
    sources = [
        {
            "number": at,
            "source": series.checkpoints[at].files.source,
            "revision": series.checkpoints[at].files.revision,
            "sha256": digest,
            "weight": recipe.mix.shares[at] if followed else None,
        }
        for at, digest in zip(used, digests, strict=True)
    ]
    return {
        "version": __version__,
        "dtype": dtype_of(average),
        "sources": sources,
        "layers": [
            {"pattern": pattern, "weights": {str(at): mix.shares[at] for at in mix.used}}
            for pattern, mix in recipe.parts
        ],
        "range": None if span is None else f"{span[0]}:{span[1]}",
        "text_files": average.files.source,
        "tokenizer": None if tokenizer is None else tokenizer.source,
        "differences": list(series.differences_of(used)),
    }


def dtype_of(checkpoint: OpenCheckpoint) -> FloatType | None:
    """Give the type of a checkpoint's tensors; None where they are of several."""
    dtypes = {tensor.dtype for tensor in checkpoint.tensors.values()}
    return dtypes.pop() if len(dtypes) == 1 else None


def _weigh(checkpoint: OpenCheckpoint) -> int:
    return sum(tensor.size * CARRIER[tensor.dtype].itemsize for tensor in checkpoint.tensors.values())
