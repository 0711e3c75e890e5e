"""The checkpoint that is taught, as arrays by name, and the one that comes of it. Neither torch nor transformers.

`opened` reads the original, `write` writes another like it, `convert` makes either one ready for the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anime_whisper_ct2.models import convert_checkpoint, open_checkpoint, write_checkpoint
from anime_whisper_ct2.records import Float32

if TYPE_CHECKING:
    from anime_whisper_ct2.models import OpenCheckpoint

__all__ = ["Original", "convert", "opened", "write"]

convert = convert_checkpoint


class _Weights(Mapping[str, Float32]):
    """Reads each tensor when it is asked for, so that they are never all in memory twice."""

    def __init__(self, checkpoint: OpenCheckpoint) -> None:
        self._checkpoint = checkpoint

    def __getitem__(self, name: str) -> Float32:
        return self._checkpoint.read(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._checkpoint.tensors)

    def __len__(self) -> int:
        return len(self._checkpoint.tensors)


@dataclass(frozen=True, slots=True)
class Original:
    """A checkpoint whose files are open.

    `source`: what names it again, a hub id or a full path; `revision`: its commit on the hub. `weights`: by the names
    of transformers' `WhisperForConditionalGeneration`, each read anew whenever it is asked for; an output projection is
    among them only where it is not the token embedding.
    """

    source: str
    revision: str | None
    folder: Path
    config: Mapping[str, Any]
    weights: Mapping[str, Float32]
    checkpoint: OpenCheckpoint

    def sha256(self) -> str:
        """Read all weights and give their SHA-256, 64 hexadecimal digits; the same however they lie in files."""
        return self.checkpoint.digest()


@contextmanager
def opened(source: str) -> Iterator[Original]:
    """Open a checkpoint, a folder or a hub id, for as long as the context lasts.

    Raises ModelNotFoundError, and CheckpointError for what is no Whisper's checkpoint, or not whole.
    """
    with open_checkpoint(source) as checkpoint:
        files = checkpoint.files
        yield Original(files.source, files.revision, files.folder, checkpoint.config, _Weights(checkpoint), checkpoint)


def write(folder: Path, original: Original, tensors: Iterable[tuple[str, Float32]]) -> None:
    """Write a checkpoint with the text files of the original and other weights, float32, into an empty folder.

    `tensors`: those of the original by name, in any order. Raises OutputError where the folder is taken or cannot be
    written, CheckpointError for values that are no numbers, and ValueError for other tensors.
    """
    write_checkpoint(folder, original.checkpoint, tensors)
