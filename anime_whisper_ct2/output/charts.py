"""Charts into files: what all that draw some have in common. Needs matplotlib."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.system.files import put
from anime_whisper_ct2.system.refusals import reason

_FORMATS = (".svg", ".png")


def check_chart(path: Path) -> None:
    """See whether a chart can be drawn to a path, before anything is read or measured.

    Raises InputError for another format than SVG and PNG, for a folder that is not there, and without matplotlib.
    """
    if path.suffix.lower() not in _FORMATS:
        raise InputError(f"{path}: name a .svg or a .png file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or name another")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("a chart needs matplotlib: pip install matplotlib matplotlib-fontja")


def write_chart(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib's; the same figure gives the same bytes.

    Raises OutputError when the file cannot be written; it is there whole or not at all.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and slow to import

    content, kind = io.BytesIO(), path.suffix.lower()[1:]
    # No random ids; and of the two kinds, SVG alone would carry a date.
    with mpl.rc_context({"svg.hashsalt": "awct2"}):
        figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    try:
        put(path, content.getvalue(), through_links=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {reason(error, path)}") from error
