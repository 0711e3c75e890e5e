"""`txt` and `json`: a file for each recording, as `whisper` itself writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.plain import one_line


def write_txt(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.txt` for each recording, a line for each segment; without speech, the file is empty."""
    del settings  # nothing of it appears in a text
    for recording in recordings:
        with beside(folder, recording.name, "txt") as file:
            file.writelines(one_line(segment.text) + "\n" for segment in recording.transcript.segments)


def write_json(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `NAME.json` for each recording: `text`, `segments` and `language`, under whisper's keys, and `doubt`."""
    del settings  # whisper's result has no place for it
    for recording in recordings:
        transcript = recording.transcript
        content = {
            "text": transcript.text,
            "segments": [
                {
                    "id": number,
                    "start": segment.start,
                    "end": segment.end,
                    "text": segment.text,
                    "avg_logprob": segment.avg_logprob,
                    "compression_ratio": segment.compression_ratio,
                    "no_speech_prob": segment.no_speech_prob,
                    "doubt": segment.doubt,
                }
                for number, segment in enumerate(transcript.segments)
            ],
            "language": transcript.language,
        }
        with beside(folder, recording.name, "json") as file:
            file.write(json.dumps(content, ensure_ascii=False) + "\n")


def beside(folder: Path, name: str, extension: str) -> IO[str]:
    """Open the file of a recording for writing: UTF-8, `\\n` at the ends of lines; its folders are made."""
    path = folder / f"{name}.{extension}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")
