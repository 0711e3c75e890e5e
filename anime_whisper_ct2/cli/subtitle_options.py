"""Options of `awct2 export` that say how subtitles are to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anime_whisper_ct2.cli.groups import option_of, together
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.subtitles import SHOWN_BY, SUBTITLES, SubtitleOptions

_subtitles = option_of("Subtitles")

subtitle_options = together(
    _subtitles(
        "--max-chars",
        metavar="N",
        type=int,
        help=f"Full-width characters in a line, at most; half-width ones count half. [default: {SUBTITLES.max_chars}]",
    ),
    _subtitles(
        "--max-lines",
        metavar="N",
        type=int,
        help=f"Lines of one subtitle, at most. [default: {SUBTITLES.max_lines}]",
    ),
    _subtitles(
        "--max-cps",
        metavar="FIGURE",
        type=float,
        help="Reading speed, in characters a second: a subtitle stays until it is read, as far as silence follows. "
        f"[default: {SUBTITLES.max_cps}]",
    ),
    _subtitles(
        "--min-cue",
        "min_cue_s",
        metavar="SECONDS",
        type=float,
        help=f"A subtitle is shown at least so long, as far as silence follows. [default: {SUBTITLES.min_cue_s}]",
    ),
    _subtitles(
        "--max-cue",
        "max_cue_s",
        metavar="SECONDS",
        type=float,
        help=f"A subtitle is shown at most so long. [default: {SUBTITLES.max_cue_s}]",
    ),
)
_NAMES = {
    "max_chars": "--max-chars",
    "max_lines": "--max-lines",
    "max_cps": "--max-cps",
    "min_cue_s": "--min-cue",
    "max_cue_s": "--max-cue",
}


def read_subtitle_options(format_: str, given: dict[str, Any]) -> SubtitleOptions | None:
    """Make options of what was given of them; None where nothing was.

    Raises InputError for one beside a format that shows no subtitles.
    """
    chosen = {name: given[name] for name in _NAMES if given[name] is not None}
    if not chosen:
        return None
    if format_ not in SHOWN_BY:
        raise InputError(f"{_NAMES[next(iter(chosen))]} is for srt, vtt and ass; leave it out for {format_}")
    return replace(SUBTITLES, **chosen)
