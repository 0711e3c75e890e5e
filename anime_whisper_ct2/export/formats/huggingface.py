"""A Hugging Face audio folder: `metadata.jsonl` and the audio below `audio/`, for `load_dataset("audiofolder")`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import AudioFiles, check_whole, extension, is_inside
from anime_whisper_ct2.export.formats.plain import one_line, open_text, shown, to_json

FORMAT = "hf"
_AUDIO = "audio"
# `datasets` takes a file or folder with one of these words in its name for a split, and loses the metadata. It goes by
# small letters.
_SPLITS = re.compile(
    r"(?<![^-._ 0-9/])(?:train(?:ing)?|validation|valid|val|dev|test(?:ing)?|eval(?:uation)?)(?![^-._ 0-9/])"
)


def check_clip(path: str) -> None:
    """Raise InputError for the path of a clip in the export that the reader would mistake."""
    if _SPLITS.search(path):
        raise InputError(
            f"{shown(path)}: `datasets` would take that for a split; give --clips a folder outside the export"
        )


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write `metadata.jsonl`, and link or copy the audio files below `audio`, except for clips in the export already.

    Every line has the same keys with values of the same types, none of them nested: the reader takes types from the
    first lines. Only `doubt` is null where an earlier version transcribed.

    Raises InputError for audio that is no whole file.
    """
    with AudioFiles(FORMAT) as files, open_text(folder / "metadata.jsonl") as metadata:
        for row in rows:
            check_whole(row, FORMAT)
            name = _place(row, folder, files)
            line = {
                "file_name": name,
                # With the extension: names that are dates would be read as times.
                "id": f"{row.name}.{extension(row)}",
                "text": row.text,
                "duration": float(row.duration_s),
                "language": row.language,
                "speaker": one_line(speaker_of(row, settings)),
                "avg_logprob": float(row.avg_logprob),
                "no_speech_prob": float(row.no_speech_prob),
                "doubt": None if row.doubt is None else float(row.doubt),
                "flags": " ".join(row.flags),
                "meta": to_json(row.meta),
            }
            metadata.write(to_json(line) + "\n")


def _place(row: Row, folder: Path, files: AudioFiles) -> str:
    """Make sure that a row's file is in the export; gives its path there."""
    if is_inside(row):
        check_clip(row.audio)
        return row.audio
    safe = _SPLITS.sub(lambda word: word.group().upper(), row.name)
    name = f"{_AUDIO}/{safe}.{extension(row)}"
    files.place(row, folder / name)
    return name
