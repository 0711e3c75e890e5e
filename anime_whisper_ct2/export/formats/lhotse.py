"""lhotse manifests: `recordings.jsonl.gz` and `supervisions.jsonl.gz`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from anime_whisper_ct2 import audio
from anime_whisper_ct2.errors import DecodeError, InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, speaker_of
from anime_whisper_ct2.export.formats.audio_files import CLIPS, local_path
from anime_whisper_ct2.export.formats.plain import one_line, open_gzip, shown, to_json

FORMAT = "lhotse"
# lhotse refuses audio that differs by more from what its manifest says.
_TOLERANCE_S = 0.025


def write(rows: Iterable[Row], folder: Path, settings: ExportSettings) -> None:
    """Write both manifests; paths are absolute. Every file's header is read, and one recording's rows are held.

    A recording that is one row has its name as id, any other its own id.

    Raises InputError for audio that is no file here or that no decoder opens.
    """
    with (
        open_gzip(folder / "recordings.jsonl.gz") as recordings,
        open_gzip(folder / "supervisions.jsonl.gz") as supervisions,
    ):
        for id_, group in groupby(rows, key=lambda row: row.name if row.whole else row.recording):
            stretches = list(group)
            recording = _recording(id_, stretches)
            recordings.write(to_json(recording) + "\n")
            for row in stretches:
                supervisions.write(to_json(_supervision(recording, row, settings)) + "\n")


def _recording(id_: str, rows: Sequence[Row]) -> dict[str, Any]:
    path = local_path(rows[0], FORMAT)
    try:
        info = audio.info(path)
    except DecodeError as error:
        raise InputError(
            f"{shown(rows[0].audio)}: {error}; {FORMAT} needs its rate and length; mend it, or cut clips with {CLIPS}"
        ) from error
    channels = list(range(info.channels))
    # A header can say too little, or nothing: what was transcribed is there.
    known_s = max(_start_s(row) + row.duration_s for row in rows)
    frames = info.frames or 0
    if frames / info.rate_hz < known_s - _TOLERANCE_S:
        frames = max(1, round(known_s * info.rate_hz))
    return {
        "id": id_,
        "sources": [{"type": "file", "channels": channels, "source": path}],
        "sampling_rate": info.rate_hz,
        "num_samples": frames,
        "duration": frames / info.rate_hz,
        "channel_ids": channels,
    }


def _supervision(recording: dict[str, Any], row: Row, settings: ExportSettings) -> dict[str, Any]:
    start_s = _start_s(row)
    channels = recording["channel_ids"]
    return {
        "id": row.name,
        "recording_id": recording["id"],
        "start": start_s,
        "duration": min(row.duration_s, recording["duration"] - start_s),
        "channel": channels[0] if len(channels) == 1 else channels,
        "text": row.text,
        "language": row.language,
        "speaker": one_line(speaker_of(row, settings)),
        "custom": {
            "avg_logprob": row.avg_logprob,
            "no_speech_prob": row.no_speech_prob,
            "doubt": row.doubt,
            "flags": list(row.flags),
            "meta": dict(row.meta),
        },
    }


def _start_s(row: Row) -> float:
    return 0.0 if row.whole else row.start_s
