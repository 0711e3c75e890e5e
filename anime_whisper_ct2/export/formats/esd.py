"""Style-Bert-VITS2: a folder that can stand as `Data/<model>`.

    esd.list    file|speaker|JP|text, the file below `raw`
    raw/        the WAV files; its folders are the styles

`preprocess_text.py` and `resample.py` take it from there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import AudioFiles, check_wav, is_inside
from anime_whisper_ct2.export.formats.plain import field, open_text, shown

FORMAT = "esd"
LANGUAGES = {"ja": "JP", "en": "EN", "zh": "ZH"}
_RAW = "raw/"


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write `esd.list`, and link or copy the WAV files below `raw`, except for clips that are there already.

    Rows without text are left out: the trainer cannot use them.

    Raises InputError for audio that is no whole WAV file, and for languages that the trainer does not know.
    """
    with AudioFiles(FORMAT) as files, open_text(folder / "esd.list") as listing:
        for row in rows:
            check_wav(row, FORMAT)
            language = LANGUAGES.get(row.language)
            if language is None:
                raise InputError(
                    f"{shown(row.recording)}: its language is {row.language!r}; esd knows {', '.join(LANGUAGES)} only"
                )
            text = field(row.text)
            if text:
                name = _place(row, folder, files)
                listing.write(f"{name}|{field(speaker_of(row, settings)) or 'speaker'}|{language}|{text}\n")


def _place(row: Row, folder: Path, files: AudioFiles) -> str:
    """Make sure that a row's file is below `raw`; gives its name there."""
    if is_inside(row) and row.audio.startswith(_RAW) and row.audio.endswith(".wav"):
        return row.audio.removeprefix(_RAW)
    # The trainer writes every file with `.wav`, and looks for the name that the list gives: `.WAV` is not found.
    name = row.name + ".wav"
    files.place(row, folder / _RAW / name)
    return name
