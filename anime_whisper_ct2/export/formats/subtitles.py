"""`srt`, `vtt` and `lrc`: a file for each recording, with times in that recording."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.plain import one_line
from anime_whisper_ct2.export.formats.texts import beside
from anime_whisper_ct2.export.subtitles import SUBTITLES, Cue, cues_of

# What parts the times of a line from each other.
_ARROW = re.compile("-+->")


def write_srt(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.srt` for each recording: SubRip."""
    for recording in recordings:
        with beside(folder, recording.name, "srt") as file:
            for number, cue in enumerate(cues(recording, settings), 1):
                times = f"{_clock(cue.start_ms, ',')} --> {_clock(cue.end_ms, ',')}"
                # SubRip knows no escapes, and its readers look for the arrow.
                lines = "\n".join(_ARROW.sub("->", line) for line in cue.lines)
                file.write(f"{number}\n{times}\n{lines}\n\n")


def write_vtt(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.vtt` for each recording: WebVTT."""
    for recording in recordings:
        with beside(folder, recording.name, "vtt") as file:
            file.write("WEBVTT\n\n")
            for cue in cues(recording, settings):
                times = f"{_clock(cue.start_ms, '.')} --> {_clock(cue.end_ms, '.')}"
                lines = "\n".join(html.escape(line, quote=False) for line in cue.lines)
                file.write(f"{times}\n{lines}\n\n")


def write_lrc(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.lrc` for each recording: lyrics, each segment with the time at which it begins."""
    del settings  # nothing of it is for lyrics
    for recording in recordings:
        with beside(folder, recording.name, "lrc") as file:
            for segment in recording.transcript.segments:
                text = one_line(segment.text)
                minutes, hundredths = divmod(round(max(0, round(segment.start * 1000)) / 10), 6000)
                # A bracket at the beginning would pass for another time.
                space = " " if text.startswith("[") else ""
                file.write(f"[{minutes:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}]{space}{text}\n")


def cues(recording: Named, settings: ExportSettings, clean: Callable[[str], str] = one_line) -> list[Cue]:
    """Give the subtitles of a recording, as the settings want them; `clean` leaves what the format can hold."""
    transcript = recording.transcript
    segments = [replace(segment, text=clean(segment.text)) for segment in transcript.segments]
    return cues_of(segments, transcript.duration, settings.subtitles or SUBTITLES)


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{ms:03d}"
