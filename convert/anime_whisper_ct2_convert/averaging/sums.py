"""Sums of the first checkpoints of a series, kept on disk: the average of any range of them is one difference.

However long the range, two numbers are read for each weight. They are float64, which holds a sum of float16 without
loss, and one of float32 or bfloat16 as long as none of the values is more than some 2^20 times another; of others, the
last bits may be lost.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anime_whisper_ct2.errors import OutputError, counted
from anime_whisper_ct2.system import files
from anime_whisper_ct2.system.refusals import reason
from anime_whisper_ct2_convert.averaging.blending import finite_values, rounded
from anime_whisper_ct2_convert.numerics import FloatType
from anime_whisper_ct2_convert.rewriting import OpenCheckpoint
from anime_whisper_ct2_convert.tensor import BLOCK_ELEMENTS, Tensor

if TYPE_CHECKING:
    from anime_whisper_ct2_convert.conversion import Progress

_VERSION = 1
_ABOUT = "sums.json"
_STORED = np.dtype("<f8")


class Opened(Protocol):
    """What sums are made of: a series of checkpoints."""

    @property
    def checkpoints(self) -> tuple[OpenCheckpoint, ...]:
        """All that are open, in their order."""


@dataclass(frozen=True, slots=True)
class PrefixSums:
    """The sums of the first 1, 2, … checkpoints of a series, each in a file of its own.

    `places`: where each tensor begins in every file, in elements, and its shape.
    """

    folder: Path
    places: Mapping[str, tuple[int, tuple[int, ...]]]

    def tensor(self, name: str, first: int, stop: int, dtype: FloatType) -> Tensor:
        """Give a tensor of the average of the checkpoints from `first` to before `stop`, computed as it is read.

        Reading raises CheckpointError for a value too large for `dtype`, and OutputError where a file has ended.
        """
        at, shape = self.places[name]

        def read(start: int, end: int) -> Any:
            """Read the elements from `start` to before `end`."""
            values = _read(self.folder, stop, at + start, at + end)
            if first:
                values -= _read(self.folder, first, at + start, at + end)
            values /= stop - first
            return rounded(values, dtype, name)

        return Tensor(name, dtype, shape, read)


def is_cheaper(first: int, item_bytes: Sequence[int]) -> bool:
    """Say whether sums cost less than the checkpoints themselves, of so many bytes an element each, from `first` on."""
    return _STORED.itemsize * (2 if first else 1) < sum(item_bytes)


@contextmanager
def open_sums(
    folder: Path, series: Opened, identities: Sequence[str], progress: Progress | None = None
) -> Iterator[PrefixSums]:
    """Open the prefix sums of a series in a folder of their own; those that are not there are made first.

    `identities`: those of the series. What a killed call has finished is kept, and sums of other checkpoints are
    replaced. The caller holds a lock: no
    two may make sums in one folder. Takes as much disk as `series` would in float64, and no more memory than blocks.
    Raises OutputError for a disk without room, and CheckpointError for a value that is no number.
    """
    places, at = {}, 0
    for name, tensor in sorted(series.checkpoints[0].tensors.items()):
        places[name] = (at, tensor.shape)
        at += tensor.size
    try:
        _make(folder, series, identities, places, at, progress)
    except OSError as error:
        raise OutputError(
            f"{folder}: sums of checkpoints cannot be kept there ({reason(error, folder)}); make room there, or name "
            "another folder with --work"
        ) from error
    yield PrefixSums(folder, places)


def _make(
    folder: Path,
    series: Opened,
    identities: Sequence[str],
    places: Mapping[str, tuple[int, tuple[int, ...]]],
    n_elements: int,
    progress: Progress | None,
) -> None:
    count, n_bytes = len(series.checkpoints), n_elements * _STORED.itemsize
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder, {"version": _VERSION, "checkpoints": list(identities), "tensors": _lists(places)})
    missing = [number for number in range(1, count + 1) if _size(folder, number) != n_bytes]
    free = shutil.disk_usage(folder).free
    if free < len(missing) * n_bytes:
        raise OSError(
            errno.ENOSPC,
            f"{os.strerror(errno.ENOSPC)}; {counted(len(missing), 'file')} of {n_bytes:,} bytes each need "
            f"{len(missing) * n_bytes:,} bytes, {free:,} are free",
        )
    done = (count - len(missing)) * n_bytes

    def advance(n_written: int) -> None:
        """Count bytes that were written, and tell."""
        nonlocal done
        done += n_written
        if progress is not None:
            progress("sums", done, count * n_bytes)

    for number in missing:
        _write(folder, series, places, number, advance)


def _write(
    folder: Path,
    series: Opened,
    places: Mapping[str, tuple[int, tuple[int, ...]]],
    number: int,
    advance: Callable[[int], None],
) -> None:
    """Add one checkpoint to the sum of those before it."""
    checkpoint, path = series.checkpoints[number - 1], folder / _file(number)
    beside = Path(f"{path}{files.BESIDE}")
    try:
        with files.opened(beside, "wb") as out:
            for name, (at, _) in places.items():
                tensor = checkpoint.tensors[name]
                for start in range(0, tensor.size, BLOCK_ELEMENTS):
                    stop = min(start + BLOCK_ELEMENTS, tensor.size)
                    values = finite_values(checkpoint, tensor, start, stop)
                    # Zero is added to the first: whatever begins a sum with zero has no negative one either.
                    values += _read(folder, number - 1, at + start, at + stop) if number > 1 else 0.0
                    out.write(values.astype(_STORED, copy=False).data)
                    advance(values.nbytes)
            out.flush()
            os.fsync(out.fileno())
        files.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            files.remove(beside, missing_ok=True)
        raise
    files.sync_folder(folder)


def _clear(folder: Path, about: dict[str, Any]) -> None:
    """Remove sums of other checkpoints, and what a killed call has left unfinished; say whose those to come are."""
    try:
        known = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    for path in folder.glob(f"sum-*{'' if known != about else files.BESIDE}"):
        files.remove(path)
    if known != about:
        files.put(folder / _ABOUT, json.dumps(about, indent=1).encode("ascii"))


def _read(folder: Path, number: int, start: int, stop: int) -> NDArray[np.float64]:
    path = folder / _file(number)
    try:
        block = np.fromfile(path, _STORED, stop - start, offset=start * _STORED.itemsize)
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({reason(error, path)}); give the same command again") from error
    if len(block) != stop - start:
        raise OutputError(f"{path}: ended while it was read; remove it and give the same command again")
    return block.astype(np.float64, copy=False)


def _file(number: int) -> str:
    return f"sum-{number:05}.f64"


def _size(folder: Path, number: int) -> int | None:
    with suppress(FileNotFoundError):
        return (folder / _file(number)).stat().st_size
    return None


def _lists(places: Mapping[str, tuple[int, tuple[int, ...]]]) -> dict[str, list[int]]:
    """Give the shapes as JSON gives them back."""
    return {name: list(shape) for name, (_, shape) in places.items()}
