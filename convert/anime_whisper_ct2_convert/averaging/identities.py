"""By what a checkpoint is known again: all of its weights, wherever they lie."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from anime_whisper_ct2_convert.averaging.hashing import hashing, size_of
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.weights import weight_files

if TYPE_CHECKING:
    from anime_whisper_ct2_convert.conversion import Progress


def identities(checkpoints: Sequence[OpenCheckpoint], progress: Progress | None = None) -> tuple[str, ...]:
    """Give 64 hexadecimal digits for each checkpoint; the files of one that is there twice are read once.

    Of the hub, a commit tells which weights they are, and nothing is read. `progress` gets the bytes that were.
    """
    distinct = {id(checkpoint): checkpoint for checkpoint in checkpoints}
    paths = {
        key: weight_files(checkpoint.files.folder)
        for key, checkpoint in distinct.items()
        if checkpoint.files.commit is None
    }
    every = [path for own in paths.values() for path in own]
    total = sum(map(size_of, every))
    with hashing(every) as hashes:

        def tell() -> None:
            """Tell how much has been read."""
            if progress is not None and every:
                progress("hashing", hashes.n_bytes, total)

        digests = hashes.each(tell)
        contents: dict[int, object] = {key: [next(digests) for _ in own] for key, own in paths.items()}
        tell()
    known = {key: _identity(one, contents.get(key, one.files.commit)) for key, one in distinct.items()}
    return tuple(known[id(checkpoint)] for checkpoint in checkpoints)


def _identity(checkpoint: OpenCheckpoint, content: object) -> str:
    # Heads are in no tensor's shape, and config.json is no file of weights.
    layout = [(name, tensor.dtype, tensor.shape) for name, tensor in sorted(checkpoint.tensors.items())]
    return hashlib.sha256(repr((checkpoint.shape, layout, content)).encode()).hexdigest()
