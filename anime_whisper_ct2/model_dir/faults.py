"""What to do about a converted folder that is not sound, in one line; it never costs anybody a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import ModelFolderError
from anime_whisper_ct2.system.commands import command_line

# A model of somebody else's is never to be replaced by what this program takes without being told otherwise.
MAKE_ANEW = "convert the checkpoint that it was made from into a new folder: awct2 convert SOURCE NEW_FOLDER"


class Faults:
    """Makes the errors of one folder: with the command that repairs it where its `awct2.json` says what it is of."""

    def __init__(self, folder: Path, awct2: Mapping[str, Any]) -> None:
        self._folder = folder
        self._repair = _command(folder, awct2)

    def __call__(self, what: str, remedy: str | None = None) -> ModelFolderError:
        """Give the error; `remedy`: a smaller one than to convert again."""
        others = f"{remedy}, or {MAKE_ANEW}" if remedy else MAKE_ANEW
        do = f"repair it with: {self._repair}" if self._repair else others
        return ModelFolderError(f"{self._folder}: {what}; {do}")


def _command(folder: Path, awct2: Mapping[str, Any]) -> str | None:
    """Give the command that made the folder; None where nobody knows."""
    source = awct2.get("source")
    if not isinstance(source, str):
        return None
    words = ["awct2", "convert", source, str(folder), "--force"]
    for option in ("quantization", "revision"):
        # What the hub calls a commit; a folder's digest names no revision that could be asked for.
        words += [f"--{option}", str(awct2[option])] if awct2.get(option) else []
    return command_line(*words)
