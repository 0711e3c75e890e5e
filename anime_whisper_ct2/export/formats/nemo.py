"""A NeMo manifest: a line of JSON for each row, which names a file and the stretch of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anime_whisper_ct2.export.formats import ExportSettings, Row
from anime_whisper_ct2.export.formats.audio_files import is_relative, local_path
from anime_whisper_ct2.export.formats.plain import open_text, to_json

FORMAT = "nemo"


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write `manifest.jsonl` with `audio_filepath`, `offset` and `duration` in seconds, `text` and `lang`.

    Paths are absolute, but for those that rows give relative to the export: NeMo reads them so. A row that is a whole
    file has no `offset`.

    Raises InputError for audio that is no file here.
    """
    with open_text(folder / "manifest.jsonl") as manifest:
        for row in rows:
            path = local_path(row, FORMAT)
            line: dict[str, Any] = {"audio_filepath": row.audio if is_relative(row) else path}
            if not row.whole:
                line["offset"] = row.start_s
            line.update(duration=row.duration_s, text=row.text, lang=row.language)
            manifest.write(to_json(line) + "\n")
