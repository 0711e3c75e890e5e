"""Which library computes the encoder: a seam with two doors, `stock` to CTranslate2's own and `torch_door` to torch.

CTranslate2 always decodes. An `Encoder` lays a batch out and gives what CTranslate2 is to decode: mel, which that then
encodes itself, or encoder output that it takes as it is. `choosing` settles which of the two a run gets.

May import: `errors`, `features`, `model_dir`, `options`, `records`, `system`, `engine.capacity`, `engine.device`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from anime_whisper_ct2.records import Batch

__all__ = ["Encoded", "Encoder", "EncoderChoice"]


class Encoded(Protocol):
    """A batch as CTranslate2 takes it; good only inside the `with` that gave it, since buffers are used again."""

    @property
    def source(self) -> Any:
        """The whole batch as a `ctranslate2.StorageView`: mel, or encoder output, shape (windows, positions, width)."""

    def rows(self, at: Sequence[int]) -> Any:
        """Give some windows of it, by their places in the batch, as a `StorageView` of their own."""


class Encoder(Protocol):
    """Makes batches ready for CTranslate2's decoder; several threads may ask at once."""

    @property
    def library(self) -> str:
        """`ctranslate2` or `torch`."""

    def __call__(self, batch: Batch) -> AbstractContextManager[Encoded]:
        """Give a batch, each window filled up with its own floor, as CTranslate2 is to have it.

        Raises RuntimeError, ValueError and MemoryError as the library does.
        """

    def most_windows(self, frames: int) -> int | None:
        """Give how many windows of so many frames may go together whatever the memory; None: as many as fit."""

    def free_memory(self) -> None:
        """Give back what is kept for later and not in use: something else has found no memory."""

    def close(self) -> None:
        """Let go of the device; nothing is asked afterwards."""


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """The encoder of a run, and why it is this one: for `run.json`."""

    encoder: Encoder
    why: str
