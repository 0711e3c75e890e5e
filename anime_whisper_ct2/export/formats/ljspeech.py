"""LJSpeech: `metadata.csv` with `name|text|normalised text`, and `wavs/<name>.wav`, all in one folder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from anime_whisper_ct2.export.formats import ExportSettings, Row
from anime_whisper_ct2.export.formats.audio_files import AudioFiles, is_inside
from anime_whisper_ct2.export.formats.plain import field, flat, open_text

FORMAT = "ljspeech"
text_of = field
_WAVS = "wavs/"
_WAV = ".wav"


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write `metadata.csv`, and link or copy the WAV files into `wavs`, except for clips that are there already,
    whose folders stay in their names; of other files they become part of it (`a__b`).

    The third field is the text in Unicode's NFKC.
    """
    del settings  # nobody speaks in the format's files
    with AudioFiles(FORMAT) as files, open_text(folder / "metadata.csv") as metadata:
        for row in rows:
            text = text_of(row.text)
            name = _place(row, folder, files)
            metadata.write(f"{name}|{text}|{field(unicodedata.normalize('NFKC', text))}\n")


def _place(row: Row, folder: Path, files: AudioFiles) -> str:
    """Make sure that a row's file is in `wavs`; gives its name there without the extension."""
    if is_inside(row) and row.audio.startswith(_WAVS) and row.audio.endswith(_WAV):
        return row.audio.removeprefix(_WAVS).removesuffix(_WAV)
    name = flat(row.name)
    files.place(row, folder / _WAVS / (name + _WAV))
    return name
