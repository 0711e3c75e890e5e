"""Sums of the checkpoints, where they make ranges cheaper and leave room for all else that a search writes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from anime_whisper_ct2.errors import OutputError, counted
from anime_whisper_ct2.models import open_sums
from anime_whisper_ct2.output.places import writing
from anime_whisper_ct2.search.company import Company, holding
from anime_whisper_ct2.search.place import SUMS, Place
from anime_whisper_ct2.search.telling import OnAdvance, OnNote, in_bytes
from anime_whisper_ct2.search.trying import Trier
from anime_whisper_ct2.system import files

if TYPE_CHECKING:
    from anime_whisper_ct2.models import PrefixSums

# Of a weight; two bytes, where it is not said. And what a range reads of the sums for one: two numbers in float64.
_ITEM_BYTES = {"float32": 4, "float64": 8}
_SUM_BYTES = 8
_READ_BYTES = 2 * _SUM_BYTES
# What a process has on disk while it converts: the weights in float32, and as much again until they are in their place.
_CONVERSION_BYTES = 8
_INSTEAD = "each trial reads all of its checkpoints meanwhile"


@contextmanager
def summed(
    place: Place, crew: Company, trier: Trier, identities: Sequence[str], on_advance: OnAdvance, on_note: OnNote
) -> Iterator[PrefixSums | None]:
    """Open the sums of a series in the work folder, made where they are not there; None where none are wanted.

    Without room for them, beside a conversion in each process and the result, there are none, and a note says so.
    Raises CheckpointError for weights that are no numbers.
    """
    series = trier.series
    widths = [_ITEM_BYTES.get(checkpoint.shape.dtype, 2) for checkpoint in series.checkpoints]
    if trier.options.strategy != "range" or sum(widths) <= _READ_BYTES:
        yield None
        return
    digest = hashlib.sha256(json.dumps(list(identities)).encode()).hexdigest()
    folder, told = place.work / f"{SUMS}{digest[:12]}", in_bytes("summing", on_advance)
    with ExitStack() as stack:
        sums = None
        try:
            with holding(place.work, lambda: on_note("Another process sums the checkpoints; waiting for it")):
                with writing(place.work):
                    _make_room(place, folder, crew, trier)
                sums = stack.enter_context(open_sums(folder, series, identities, told))
        except OutputError as error:
            # Others may be reading what is whole.
            _clear_away(folder, crew)
            on_note(f"{error}; {_INSTEAD}")
        yield sums


def _make_room(place: Place, folder: Path, crew: Company, trier: Trier) -> None:
    """See to it that sums leave room, without those of an earlier call if need be. Raises OutputError."""
    elements = sum(tensor.size for tensor in trier.series.checkpoints[0].tensors.values())
    with crew.alone():
        others = crew.others()
    there = _bytes_in(folder)
    missing = elements * _SUM_BYTES * len(trier.series.checkpoints) - there
    if others and not missing:
        return  # they are read already, and stay whatever we do
    besides = elements * _CONVERSION_BYTES * (1 + others)
    if _is_one_disk(place.out, place.work):
        besides += elements * _ITEM_BYTES.get(trier.dtype or trier.series.shape.dtype, 2)

    def lacks() -> bool:
        """Look how much is free now."""
        return shutil.disk_usage(place.work).free < missing + besides

    if lacks():
        for path in place.work.glob(f"{SUMS}*"):
            if path != folder:
                files.clear_away(path)
    if lacks():
        free = shutil.disk_usage(place.work).free
        raise OutputError(
            f"{folder}: sums of the checkpoints take {counted(missing + there, 'byte')}, and all else {besides:,}; "
            f"{free:,} are free, so there are no sums"
        )


def _clear_away(folder: Path, crew: Company) -> None:
    with crew.alone():
        if not crew.others():
            files.clear_away(folder)


def _bytes_in(folder: Path) -> int:
    with suppress(FileNotFoundError):
        return sum(path.stat().st_size for path in folder.glob("sum-*") if not path.name.endswith(files.BESIDE))
    return 0


def _is_one_disk(one: Path, other: Path) -> bool:
    """Say whether two places are on one disk; they are, as long as nothing says otherwise."""
    disks = []
    for path in (one, other):
        with suppress(OSError):
            disks.append(files.nearest_existing(path).stat().st_dev)
    return len(set(disks)) < 2
