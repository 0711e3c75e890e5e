"""`srt`, `vtt` and `lrc`: a file for each recording, with times in that recording."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.plain import one_line
from anime_whisper_ct2.export.formats.texts import beside
from anime_whisper_ct2.records import Segment

# Players drop a line that is shown for no time.
_LEAST_MS = 10
# What parts the times of a line from each other.
_ARROW = re.compile("-+->")


def write_srt(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.srt` for each recording: SubRip."""
    del settings  # subtitles have no head
    for recording in recordings:
        with beside(folder, recording.name, "srt") as file:
            for number, (start_ms, end_ms, text) in enumerate(_lines(recording.transcript.segments), 1):
                times = f"{_clock(start_ms, ',')} --> {_clock(end_ms, ',')}"
                # SubRip knows no escapes, and its readers look for the arrow.
                file.write(f"{number}\n{times}\n{_ARROW.sub('->', text)}\n\n")


def write_vtt(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.vtt` for each recording: WebVTT."""
    del settings
    for recording in recordings:
        with beside(folder, recording.name, "vtt") as file:
            file.write("WEBVTT\n\n")
            for start_ms, end_ms, text in _lines(recording.transcript.segments):
                times = f"{_clock(start_ms, '.')} --> {_clock(end_ms, '.')}"
                file.write(f"{times}\n{html.escape(text, quote=False)}\n\n")


def write_lrc(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.lrc` for each recording: lyrics, each line with the time at which it begins."""
    del settings
    for recording in recordings:
        with beside(folder, recording.name, "lrc") as file:
            for start_ms, _, text in _lines(recording.transcript.segments):
                minutes, hundredths = divmod(round(start_ms / 10), 6000)
                # A bracket at the beginning would pass for another time.
                space = " " if text.startswith("[") else ""
                file.write(f"[{minutes:02d}:{hundredths // 100:02d}.{hundredths % 100:02d}]{space}{text}\n")


def _lines(segments: Iterable[Segment]) -> Iterator[tuple[int, int, str]]:
    """Give start and end in milliseconds, and the text in one line; nothing ends before it begins."""
    for segment in segments:
        start_ms = max(0, round(segment.start * 1000))
        yield start_ms, max(start_ms + _LEAST_MS, round(segment.end * 1000)), one_line(segment.text)


def _clock(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{ms:03d}"
