"""The folder that results are written to: made, and what is said where the system refuses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system.refusals import reason, subject


def make_folder(out: Path) -> None:
    """Make it, with those above it. Raises OutputError where that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{out} is a file; name a folder for the output") from None
    except OSError as error:
        raise cannot_write(out, error) from error


@contextlib.contextmanager
def written(out: Path) -> Iterator[None]:
    """Raise OutputError where the system refuses what is done to the folder."""
    try:
        yield
    except OSError as error:
        raise cannot_write(out, error) from error


def cannot_write(out: Path, error: OSError) -> OutputError:
    """Say why, and that the same command goes on."""
    return OutputError(
        f"{subject(error, out)} cannot be written: {reason(error)}; mend that and run the same command again to go on"
    )
