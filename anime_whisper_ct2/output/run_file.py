"""`run.json`: the settings and figures of a run, written whole.

Where another program keeps it from being replaced, a newer one lies beside it, which is read in its place.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.folder import cannot_write
from anime_whisper_ct2.output.lines import RUN
from anime_whisper_ct2.system import files, refusals

# It is written over where it is held, so that nothing is lost by not waiting long; a console that closes gives 5 s.
_PATIENCE_S = 1.0
# RecursionError: JSON that is nested too deep for its parser.
_NO_RUN = (ValueError, RecursionError)


def write_run(out: Path, content: str) -> None:
    """Write `run.json`; bytes of names that are no UTF-8 become escapes, which JSON's readers give back unchanged.

    Raises OutputError, and says where the content is if that could be kept.
    """
    path, whole = out / RUN, content.encode("utf-8", "backslashreplace")
    try:
        files.put(path, whole, over=True, patience_s=_PATIENCE_S)
    except OSError as error:
        if not files.kept_beside(path, whole):
            raise cannot_write(out, error) from error
        raise OutputError(
            f"{path} cannot be written: {refusals.reason(error, path)}; what belongs there is kept in "
            f"{_beside(out).name}, which is read in its place, and the same command goes on"
        ) from error


def remove_run(out: Path) -> None:
    """Remove it, or empty it where another program holds it. Raises OSError."""
    for path in (_beside(out), out / RUN):
        files.remove_or_empty(path)


def read_run(out: Path) -> dict[str, Any]:
    """Read it; what is not there, or is none, is empty."""
    with suppress(OSError, *_NO_RUN):
        return load_run(out)
    return {}


def load_run(out: Path) -> dict[str, Any]:
    """Read it. Raises OSError where it cannot be read, ValueError or RecursionError for what is none."""
    # Whoever is just writing it may have put the one in the place of the other between two looks.
    for path in (_beside(out), out / RUN, _beside(out)):
        with suppress(OSError, *_NO_RUN):
            return _load(path)
    return _load(out / RUN)


def has_run(out: Path) -> bool:
    """Say whether it is there, in its place or beside it."""
    return newest_run(out) == _beside(out) or (out / RUN).exists()


def check_readable(out: Path) -> None:
    """Raise OutputError where it is there and cannot be read."""
    try:
        with suppress(FileNotFoundError, *_NO_RUN):
            load_run(out)
    except OSError as error:
        path = refusals.subject(error, out / RUN)
        raise OutputError(
            f"{path} cannot be read: {refusals.reason(error, path)}; mend that and run the same command again"
        ) from error


def newest_run(out: Path) -> Path:
    """Give the file to read for it, which need not be there."""
    # Nothing is written in its place before it is whole beside. So this is never older, where it stayed there.
    beside = _beside(out)
    with suppress(OSError, *_NO_RUN):
        _load(beside)
        return beside
    return out / RUN


def _beside(out: Path) -> Path:
    return out / (RUN + files.BESIDE)


def _load(path: Path) -> dict[str, Any]:
    with files.opened(path, patience_s=_PATIENCE_S) as file:
        content = json.loads(file.read())
    if not isinstance(content, dict):
        raise ValueError("it holds no object")
    return content
