"""What the probe measures with: the model's folder, features of any shape, and a clock that waits for the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import ctranslate2
import numpy as np
import numpy.typing as npt

from anime_whisper_ct2.options import available_cores
from benchmarks.engine import batch_of, padded, repeat
from benchmarks.measures import standins

Array: TypeAlias = npt.NDArray[Any]
# A figure's name, and what is said under it.
Figure: TypeAlias = tuple[str, Any]

# So many windows differ; larger batches hold them again and again.
_DISTINCT = 4
# Windows whose encoder output is held against the CPU's: that takes seconds for each of 30 s.
COMPARED = 2


@dataclass(frozen=True)
class Bench:
    """A device and what is asked of it; fields as in `Plan`."""

    folder: Path
    size: str
    device: str
    compute_type: str
    positions: tuple[int, ...]
    fill: int
    copies: tuple[int, ...]
    precisions: tuple[str, ...]
    torch_types: tuple[str, ...]
    seconds: float

    @property
    def converted(self) -> Path:
        """The folder that CTranslate2 loads."""
        return self.folder / "converted"

    @property
    def prompt(self) -> list[int]:
        """The ids that every text begins with."""
        return standins.prompt_ids(standins.SIZES[self.size])

    @property
    def few_positions(self) -> tuple[int, int]:
        """A fitted window's positions and those of 30 s: where all lengths would take too long."""
        return (384, 1500)

    @cached_property
    def model(self) -> Any:
        """The model on its device, in its type."""
        return self.load()

    def load(self, compute_type: str = "", device: str = "", threads: int = 1) -> Any:
        """Load the model; `threads` batches are computed side by side."""
        device = device or self.device
        cores = {"intra_threads": max(1, available_cores() // threads)} if device == "cpu" else {}
        return ctranslate2.models.Whisper(
            str(self.converted),
            device=device,
            compute_type=compute_type or self.compute_type,
            inter_threads=threads,
            **cores,
        )

    def windows(self, positions: int) -> int:
        """Give how many windows fill the device, and CTranslate2's indices can tell apart."""
        most = (2**32 - 1) // (standins.SIZES[self.size].heads * positions**2)
        return max(1, min(-(-self.fill // positions), most))

    def features(self, windows: int, positions: int) -> Array:
        """Give the log-mel of so many windows as the device takes it; shape (windows, n_mels, 2 × positions)."""
        dtype = np.float16 if "16" in self.compute_type and self.device == "cuda" else np.float32
        batch = batch_of(min(windows, _DISTINCT), 2 * positions)
        few = np.stack([padded(window, batch.frames) for window in batch.windows]).astype(dtype)
        return np.ascontiguousarray(few[np.arange(windows) % len(few)])

    def ms(self, function: Callable[[], object]) -> float:
        """Give the milliseconds of a call that ends when the device has done; once before that unmeasured."""
        function()
        return repeat(function, self.seconds)

    @cached_property
    def reference(self) -> dict[int, Array]:
        """What the CPU makes of a few windows of `few_positions` in float32."""
        theirs = self.load("float32", "cpu")
        return {
            positions: encoded(theirs, self.features(COMPARED, positions).astype(np.float32))
            for positions in self.few_positions
        }


def encoded(model: Any, features: Array) -> Array:
    """Encode with CTranslate2; float32 on the CPU, shape (windows, positions, width)."""
    output = model.encode(ctranslate2.StorageView.from_array(features), to_cpu=True)
    return np.array(output.to(ctranslate2.DataType.float32))


def difference(ours: Array, theirs: Array) -> float:
    """Give how far numbers are from others: root mean square, relative."""
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def named(prefix: str, items: Sequence[Any], figure: Callable[[Any], Any]) -> Iterator[Figure]:
    """Give one figure for each item, as soon as it is known; one that cannot be had says why, and the others follow."""
    for item in items:
        try:
            yield f"{prefix}.{item}", figure(item)
        except Exception as error:  # a precision that the device lacks, say
            yield f"{prefix}.{item}", {"error": said(error)}


def said(error: BaseException) -> str:
    """Put an error into one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
