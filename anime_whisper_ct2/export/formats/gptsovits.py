"""GPT-SoVITS: a list of `path|speaker|language|text`, and the WAV files that it names.

    gptsovits.list    a line for each file, with its whole path
    wavs/             the files, all in one folder

Its preparation calls what it makes of a file by the file's name without folders, so that no two may share one. The
whole path is for a field of its page that stays empty; with `wavs` in that field, it looks there for the same names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import AudioFiles, is_inside
from anime_whisper_ct2.export.formats.plain import field, flat, language_code, open_text, shown

FORMAT = "gptsovits"
LANGUAGES = {code: code for code in ("ja", "en", "zh", "ko", "yue")}
text_of = field
_WAVS = "wavs"
# What would end a field or a line of the list, or is no UTF-8.
_NOT_IN_LISTS = re.compile(r"[|\x00-\x1f\x85\u2028\u2029\ud800-\udfff]")


def check_clip(path: str) -> None:
    """Raise InputError for the path of a clip in the export that would be in the way."""
    if path.startswith(f"{_WAVS}/"):
        raise InputError(f"{_WAVS} is where {FORMAT} puts its own files; leave --clips out, or name another")


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write `gptsovits.list`, and link or copy the WAV files into `wavs`; folders become part of their names (`a__b`).

    Raises InputError for a place whose path the list cannot hold, and for languages that the trainer does not know.
    """
    if _NOT_IN_LISTS.search(settings.place):
        raise InputError(
            f"{shown(settings.place)}: {FORMAT} cannot hold such a path in its list; choose another with -o"
        )
    with AudioFiles(FORMAT) as files, open_text(folder / "gptsovits.list") as listing:
        for row in rows:
            if is_inside(row):
                check_clip(row.audio)
            name = flat(row.name) + ".wav"
            files.place(row, folder / _WAVS / name)
            path = os.path.join(settings.place, _WAVS, name)  # noqa: PTH118 - as the system writes it
            speaker = field(speaker_of(row, settings)) or "speaker"
            language = language_code(row.recording, row.language, LANGUAGES, FORMAT)
            listing.write(f"{path}|{speaker}|{language}|{text_of(row.text)}\n")
