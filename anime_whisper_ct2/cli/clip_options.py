"""Options of commands that cut clips."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from anime_whisper_ct2.audio import Format
from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions

_clips = option_of("Clips")

clip_options = together(
    _clips(
        "--clips",
        metavar="DIR",
        type=LocalPath(file_okay=False),
        help="Cut each segment out of its recording into a file below DIR, and make the data set of these; clips that "
        "are there already are not cut again.",
    ),
    _clips(
        "--clip-format",
        type=click.Choice(get_args(Format)),
        help=f"What clips are written as; flac and wav lose nothing. [default: {CLIPS.format}]",
    ),
    _clips(
        "--margin",
        metavar="SECONDS",
        type=float,
        help="Kept around each segment, at most to the middle of the gap to its neighbour. "
        f"[default: {CLIPS.margin_s}]",
    ),
    _clips(
        "--workers",
        metavar="N",
        type=click.IntRange(min=0),
        help="Processes that cut clips; 0: none but the command's own. [default: as many as cores]",
    ),
)


def read_clip_options(
    clips: Path | None, clip_format: Format | None, margin: float | None, workers: int | None
) -> ClipOptions | None:
    """Make options of what was given; None when no clips are wanted.

    Raises InputError for an option that says how to cut clips where none are to be cut.
    """
    if clips is not None:
        return ClipOptions(clip_format or CLIPS.format, CLIPS.margin_s if margin is None else margin)
    for name, value in (("--clip-format", clip_format), ("--margin", margin), ("--workers", workers)):
        if value is not None:
            raise InputError(f"{name} is for clips; name a folder for them with --clips DIR, or leave it out")
    return None
