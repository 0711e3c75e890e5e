"""Which checkpoints a command line names, what they are called in tables, and whether their order is the training's."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from anime_whisper_ct2.system.paths import slashed
from anime_whisper_ct2_convert.source import as_folder

_CONFIG = "config.json"
# What transformers' Trainer calls the folders in its own, with the number of the step.
_SAVED = re.compile(r"checkpoint-(\d+)")
_NUMBERED = re.compile(r"(.*?)(\d+)")


def expanded(names: Sequence[str]) -> tuple[str, ...]:
    """Give what a trainer's folder holds in its place: its `checkpoint-N`, in the order of N; all else stays.

    A folder that is a checkpoint itself stands for itself.
    """
    return tuple(name for given in names for name in (_saved_in(given) or [given]))


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Give what checkpoints are called in tables: their last part, with as much before it as tells them apart.

    The same name twice stays the same.
    """
    parts = {name: [part for part in slashed(name).split("/") if part not in ("", ".")] or [name] for name in names}
    short: dict[str, str] = {}
    for name, own in parts.items():
        others = [theirs for other, theirs in parts.items() if other != name]
        lengths = range(1, len(own) + 1)
        enough = next((n for n in lengths if not any(theirs[-n:] == own[-n:] for theirs in others)), None)
        short[name] = name if enough is None else "/".join(own[-enough:])
    return tuple(short[name] for name in names)


def order_warning(names: Sequence[str]) -> str | None:
    """Say that checkpoints which differ in a number at their end do not come in its order, where that is so.

    A shell puts `checkpoint-1000` before `checkpoint-500`.
    """
    found = [_NUMBERED.fullmatch(slashed(name).rstrip("/")) for name in names]
    matches = [match for match in found if match]
    if len(matches) < max(2, len(names)) or len({match[1] for match in matches}) > 1:
        return None
    numbers = [int(match[2]) for match in matches]
    at = next((at for at, number in enumerate(numbers[1:], 1) if number < numbers[at - 1]), None)
    if at is None:
        return None
    earlier, later = short_names([names[at - 1], names[at]])
    folder = os.path.dirname(slashed(names[0]).rstrip("/")) or "."  # noqa: PTH120 - may be a hub's id
    return (
        f"{earlier} comes before {later}, which is not the order of their numbers; a shell sorts names so. "
        f"Name the folder that holds them, {folder}, to have them in the order of the training"
    )


def _saved_in(name: str) -> list[str]:
    folder = as_folder(name)
    if folder is None or (folder / _CONFIG).is_file():
        return []
    saved = [(int(match[1]), path) for path in _folders(folder) if (match := _SAVED.fullmatch(path.name))]
    return [os.path.join(name, path.name) for _, path in sorted(saved)]  # noqa: PTH118 - as the user has written it


def _folders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []  # whoever opens it says what is wrong with it
