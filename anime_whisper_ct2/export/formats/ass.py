"""`ass`: a file for each recording, as Aegisub, mpv and FFmpeg read it: Advanced SubStation Alpha, version 4+."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.plain import one_line
from anime_whisper_ct2.export.formats.subtitles import cues
from anime_whisper_ct2.export.formats.texts import beside
from anime_whisper_ct2.export.subtitles import SUBTITLES

_WIDTH, _HEIGHT = 1920, 1080  # what sizes and margins count in; players scale it to the picture
_MARGIN = 96  # left and right: a tenth of the picture's width
_SIZE = 88  # of a line, with the room between it and the next
# In the order in which [V4+ Styles] names them.
_STYLE = {
    **{"Name": "Default", "Fontname": "Noto Sans CJK JP", "Fontsize": "{size}"},
    **{"PrimaryColour": "&H00FFFFFF", "SecondaryColour": "&H00FFFFFF", "OutlineColour": "&H00000000"},
    **{"BackColour": "&H80000000", "Bold": "0", "Italic": "0", "Underline": "0", "StrikeOut": "0"},
    **{"ScaleX": "100", "ScaleY": "100", "Spacing": "0", "Angle": "0"},
    **{"BorderStyle": "1", "Outline": "4", "Shadow": "0"},  # letters with an edge, and no box
    **{"Alignment": "2", "MarginL": f"{_MARGIN}", "MarginR": f"{_MARGIN}", "MarginV": "60"},  # in the middle, below
    "Encoding": "1",
}
_HEAD = """\
[Script Info]
Title: {title}
ScriptType: v4.00+
WrapStyle: 2
ScaledBorderAndShadow: yes
PlayResX: {width}
PlayResY: {height}

[V4+ Styles]
Format: {fields}
Style: {style}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
# Braces hold commands, and a backslash begins one. Not every player knows an escape, and every font has these.
_COMMANDS = str.maketrans("{}\\", "｛｝＼")


def write(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.ass` for each recording, with a style in which its lines fit."""
    # A full-width character is as wide as its font is high, at most.
    size = min(_SIZE, (_WIDTH - 2 * _MARGIN) // (settings.subtitles or SUBTITLES).max_chars)
    style = ",".join(_STYLE.values()).format(size=size)
    for recording in recordings:
        with beside(folder, recording.name, "ass") as file:
            # Without a byte order mark, programs on Windows take it for Shift JIS.
            file.write("\ufeff")
            title = one_line(recording.name)
            file.write(_HEAD.format(title=title, width=_WIDTH, height=_HEIGHT, fields=", ".join(_STYLE), style=style))
            name = _speaker(recording, settings)
            for cue in cues(recording, settings, _without_commands):
                text = "\\N".join(cue.lines)
                file.write(f"Dialogue: 0,{_clock(cue.start_ms)},{_clock(cue.end_ms)},Default,{name},0,0,0,,{text}\n")


def _without_commands(text: str) -> str:
    return one_line(text).translate(_COMMANDS)


def _speaker(recording: Named, settings: ExportSettings) -> str:
    """Give who speaks, where that is known, as a field between commas."""
    known = settings.speaker if settings.speaker is not None else recording.transcript.meta.get("speaker")
    return one_line(known).replace(",", "、") if isinstance(known, str) else ""


def _clock(ms: int) -> str:
    # All times are rounded in the same way: what followed without an overlap still does, and lasts as long.
    seconds, hundredths = divmod((ms + 5) // 10, 100)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{hundredths:02d}"
