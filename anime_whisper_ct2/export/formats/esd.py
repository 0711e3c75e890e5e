"""Style-Bert-VITS2: a folder that can stand as `Data/<model>`.

    esd.list    file|speaker|JP|text, the file below `raw`
    raw/        the WAV files; its folders are the styles

`preprocess_text.py` and `resample.py` take it from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import AudioFiles, is_inside
from anime_whisper_ct2.export.formats.plain import field, language_code, open_text

FORMAT = "esd"
LANGUAGES = {"ja": "JP", "en": "EN", "zh": "ZH"}
text_of = field
_RAW = "raw/"


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write `esd.list`, and link or copy the WAV files below `raw`, except for clips that are there already.

    Raises InputError for languages that the trainer does not know.
    """
    with AudioFiles(FORMAT) as files, open_text(folder / "esd.list") as listing:
        for row in rows:
            language = language_code(row.recording, row.language, LANGUAGES, FORMAT)
            name = _place(row, folder, files)
            speaker = field(speaker_of(row, settings)) or "speaker"
            listing.write(f"{name}|{speaker}|{language}|{text_of(row.text)}\n")


def _place(row: Row, folder: Path, files: AudioFiles) -> str:
    """Make sure that a row's file is below `raw`; gives its name there."""
    if is_inside(row) and row.audio.startswith(_RAW) and row.audio.endswith(".wav"):
        return row.audio.removeprefix(_RAW)
    # The trainer writes every file with `.wav`, and looks for the name that the list gives: `.WAV` is not found.
    name = row.name + ".wav"
    files.place(row, folder / _RAW / name)
    return name
