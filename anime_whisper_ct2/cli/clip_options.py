"""Options of commands that cut clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import click

from anime_whisper_ct2 import audio
from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.cli.shared import LocalPath
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import ClipFolder
from anime_whisper_ct2.export.clips.plan import CLIPS, ClipOptions
from anime_whisper_ct2.export.formats import Format

_clips = option_of("Clips")

clip_options = together(
    _clips(
        "--clips",
        metavar="DIR",
        type=LocalPath(file_okay=False),
        help="Cut each segment out of its recording into a file below DIR, and make the data set of these; clips that "
        "are there already are not cut again. [default: in esd, gptsovits and ljspeech, the export itself]",
    ),
    _clips(
        "--clip-format",
        type=click.Choice(get_args(audio.Format)),
        help="What clips are written as; flac and wav lose nothing. "
        f"[default: {CLIPS.format}; in esd, gptsovits and ljspeech, wav]",
    ),
    _clips(
        "--margin",
        metavar="SECONDS",
        type=float,
        help="Kept around the speech of each segment, not on top of the run's --speech-pad, and no less than that; at "
        f"most to the middle of the gap to its neighbour. [default: {CLIPS.margin_s}]",
    ),
    _clips(
        "--workers",
        metavar="N",
        type=click.IntRange(min=0),
        help="Processes that cut clips; 0: none but the command's own. [default: as many as cores]",
    ),
)


def read_clip_options(format_: Format, given: Mapping[str, Any]) -> ClipFolder | None:
    """Say where clips for a format are cut to, and how; None when none are wanted.

    Raises InputError for an option that says how to cut clips where none are to be cut, or that the format cannot have.
    """
    folder, kind, margin_s, workers = (given[name] for name in ("clips", "clip_format", "margin", "workers"))
    if format_.cuts and kind not in (None, "wav"):
        raise InputError(f"--clip-format {kind}: {format_.name} takes WAV alone; leave it out")
    if folder is None and not format_.cuts:
        for name, value in (("--clip-format", kind), ("--margin", margin_s), ("--workers", workers)):
            if value is not None:
                raise InputError(f"{name} is for clips; name a folder for them with --clips DIR, or leave it out")
        return None
    options = ClipOptions(
        kind or ("wav" if format_.cuts else CLIPS.format), CLIPS.margin_s if margin_s is None else margin_s
    )
    return ClipFolder(folder, options, workers, margin_asked=margin_s is not None)
