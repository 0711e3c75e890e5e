"""Which checkpoints a command line names, what they are called in tables, and whether their order is the training's."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from anime_whisper_ct2.errors import counted
from anime_whisper_ct2.system.paths import at_home, slashed
from anime_whisper_ct2_convert.source import as_folder

_CONFIG = "config.json"
# What transformers' Trainer calls the folders in its own, with the number of the step.
_SAVED = re.compile(r"checkpoint-([0-9]{1,9})")
_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})", re.DOTALL)


def expanded(names: Sequence[str]) -> tuple[str, ...]:
    """Give what a trainer's folder holds in its place: its `checkpoint-N`, in the order of N; all else stays.

    A folder that is a checkpoint itself stands for itself beside others, and for those in it where it is the only one
    that is named and holds several.
    """
    return tuple(name for given in names for name in (_stands_for(given, alone=len(names) == 1) or [given]))


def passed_over(names: Sequence[str]) -> tuple[str, ...]:
    """Say which checkpoints `expanded` leaves out of folders that are checkpoints and hold others as well."""
    said, places = [], {_place(name) for name in names}
    for name in dict.fromkeys(names):
        saved = _saved_in(name)
        if not saved or not _is_checkpoint(name):
            continue
        if _stands_for(name, alone=len(names) == 1):
            said.append(
                f"{name} stands for the {counted(len(saved), 'checkpoint')} in it, and not for the model beside them; "
                "name it together with those to have it in"
            )
        elif left := [one for one in saved if _place(one) not in places]:
            said.append(
                f"{name} stands for itself, and not for the {counted(len(left), 'checkpoint')} in it; to have them in, "
                f"name them too, as {left[0]}"
            )
    return tuple(said)


def is_saved(name: str) -> bool:
    """Say whether a folder of this name is one in which a trainer keeps a checkpoint."""
    return _SAVED.fullmatch(name) is not None


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Give what checkpoints are called in tables: their last part, with as much before it as tells them apart.

    The same name twice stays the same.
    """
    parts = {name: [part for part in slashed(name).split("/") if part not in ("", ".")] or [name] for name in names}
    ends = Counter(tuple(own[-n:]) for own in parts.values() for n in range(1, len(own) + 1))
    short: dict[str, str] = {}
    for name, own in parts.items():
        enough = next((n for n in range(1, len(own) + 1) if ends[tuple(own[-n:])] == 1), None)
        short[name] = name if enough is None else "/".join(own[-enough:])
    return tuple(short[name] for name in names)


def order_warning(names: Sequence[str], *, in_order: bool = False) -> str | None:
    """Say that folders which differ in a number at their end do not come in its order, where that is so.

    A shell puts `checkpoint-1000` before `checkpoint-500`. Of folders that no trainer has named so, the number may be
    another one than that of the step: that is said only where much depends on their order, `in_order`.
    """
    # A hub's id has its numbers from whoever named it.
    folders = [slashed(name).rstrip("/") for name in names if as_folder(name) is not None]
    matches = [match for match in map(_NUMBERED.fullmatch, folders) if match]
    if len(matches) < max(2, len(names)) or len({match[1] for match in matches}) > 1:
        return None
    saved = is_saved(folders[0].rpartition("/")[2])
    numbers = [int(match[2]) for match in matches]
    at = next((at for at, number in enumerate(numbers[1:], 1) if number < numbers[at - 1]), None)
    if at is None or not (saved or in_order):
        return None
    earlier, later = short_names([names[at - 1], names[at]])
    what = f"{earlier} comes before {later}, which is not the order of their numbers"
    if not saved:
        return f"{what}; give them in the order of the training"
    folder = os.path.dirname(folders[0]) or "."  # noqa: PTH120 - as the user has written it
    return (
        f"{what}; a shell sorts names so. Name the folder that holds them, {folder}, to have them in the order of the "
        "training"
    )


def _stands_for(name: str, *, alone: bool) -> list[str]:
    saved = _saved_in(name)
    return [] if _is_checkpoint(name) and not (alone and len(saved) > 1) else saved


def _saved_in(name: str) -> list[str]:
    folder = as_folder(name)
    saved = [(int(match[1]), path) for path in _folders(folder) if (match := _SAVED.fullmatch(path.name))]
    return [os.path.join(name, path.name) for _, path in sorted(saved)]  # noqa: PTH118 - as the user has written it


def _is_checkpoint(name: str) -> bool:
    # One that nobody may look into is none; whoever opens it says what is wrong with it.
    return os.path.isfile(os.path.join(at_home(name), _CONFIG))  # noqa: PTH113, PTH118 - see above


def _folders(folder: Path | None) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()] if folder else []
    except OSError:
        return []  # as above


def _place(name: str) -> str:
    return os.path.normcase(os.path.realpath(at_home(name)))
