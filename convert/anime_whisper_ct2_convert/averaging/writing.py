"""An average is written as a checkpoint's folder: weights, text files, and what it was made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from anime_whisper_ct2._version import __version__
from anime_whisper_ct2.errors import CheckpointError
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2_convert.averaging.blending import BLOCK_ELEMENTS
from anime_whisper_ct2_convert.averaging.hashing import Hashes, hashing
from anime_whisper_ct2_convert.averaging.recipe import Recipe, fits
from anime_whisper_ct2_convert.averaging.series import Series
from anime_whisper_ct2_convert.conversion import Progress
from anime_whisper_ct2_convert.numerics import CARRIER, Array, FloatType
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint, copy_texts, filling
from anime_whisper_ct2_convert.safetensors_file import file_bytes, write_safetensors
from anime_whisper_ct2_convert.weights import SAFETENSORS, weight_files

# What says of a folder that it is an average, and of what.
RECORD = "average.json"
_STAGE = "averaging"
_CHUNK_BYTES = 1 << 20


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
    paths = [path for of_one in originals for path in of_one]
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in average.tensors.items()}
    n_bytes = _total(paths) if copied else file_bytes(layout)
    with filling(folder, n_bytes, shown):
        if copied:
            digests = _copy_weights(folder, average, paths, _Telling(progress, _weigh(average) + n_bytes))
            written = dict(zip(paths, digests, strict=True))
        else:
            tell = _Telling(progress, _total(paths) + _weigh(average) + n_bytes)
            digests = _write_weights(folder / SAFETENSORS, average, paths, tell)
            written = {folder / SAFETENSORS: _digest(folder / SAFETENSORS, None, tell)}
        copy_texts(average.files, folder, average.config)
        found = iter(digests)
        of_sources = [{path.name: next(found) for path in of_one} for of_one in originals]
        record = _record(series, recipe, used, average, of_sources)
        record["sha256"] = {path.name: digest for path, digest in written.items()}
        files.put(folder / RECORD, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())


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


def _write_weights(path: Path, average: OpenCheckpoint, sources: Sequence[Path], tell: _Telling) -> list[str]:
    """Compute the tensors into one file; give the digests of the files that they are from."""
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in average.tensors.items()}
    with hashing(sources) as hashes:
        tell.hashes = hashes
        write_safetensors(path, layout, ((name, _blocks(average, name, tell)) for name in sorted(layout)))
        digests = []
        for digest in hashes.each():
            digests.append(digest)
            tell(0)
        return digests


def _copy_weights(folder: Path, average: OpenCheckpoint, sources: Sequence[Path], tell: _Telling) -> list[str]:
    """Copy the files of the one checkpoint that the average is, once all values are known to be numbers."""
    for name in average.tensors:
        for _ in _blocks(average, name, tell):
            pass
    return [_digest(path, folder / path.name, tell) for path in sources]


def _blocks(average: OpenCheckpoint, name: str, tell: _Telling) -> Iterator[Array]:
    tensor = average.tensors[name]
    for start in range(0, tensor.size, BLOCK_ELEMENTS):
        block = tensor.read(start, min(start + BLOCK_ELEMENTS, tensor.size))
        yield block
        tell(block.nbytes)


def _digest(path: Path, copy: Path | None, tell: _Telling) -> str:
    """Read a file through, copying it if wanted, and give its SHA-256."""
    digest = hashlib.sha256()
    with ExitStack() as opened:
        try:
            source = opened.enter_context(files.opened(path, buffering=0))
        except OSError as error:
            raise _unreadable(path, error) from error
        target = opened.enter_context(files.opened(copy, "wb")) if copy else None
        while True:
            try:
                chunk = source.read(_CHUNK_BYTES)
            except OSError as error:
                raise _unreadable(path, error) from error
            if not chunk:
                return digest.hexdigest()
            digest.update(chunk)
            if target is not None:
                target.write(chunk)
            tell(len(chunk))


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be read ({reason(error, path)})")


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


def _total(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
