"""Tables over the sample's clips, written by others, and what must hold for whatever is read of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import feather, ipc
from pyarrow import parquet as pq

from anime_whisper_ct2.records import Recording, Unreadable
from tests.support.places import CORPUS

CLIPS = sorted(path for path in CORPUS.rglob("*") if path.suffix in {".ogg", ".flac", ".wav", ".mp3", ".opus"})[:7]
AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def clip_ids() -> list[str]:
    """Give the clips' paths below the corpus."""
    return [path.relative_to(CORPUS).as_posix() for path in CLIPS]


def saved_names() -> list[str]:
    """What `save_to_disk` leaves of the paths."""
    return [path.name for path in CLIPS]


def audio_rows() -> list[dict[str, Any]]:
    """Give the clips as Hugging Face's column of audio has them."""
    return [{"bytes": path.read_bytes(), "path": id_} for path, id_ in zip(CLIPS, clip_ids(), strict=True)]


def hugging_face(rows: list[dict[str, Any]] | list[str]) -> Any:
    """Make a `Dataset` with a column of audio that stays encoded."""
    from datasets import Audio, Dataset

    content = {"text": [f"文{number}" for number in range(len(rows))], "audio": rows}
    return Dataset.from_dict(content).cast_column("audio", Audio(decode=False))


def write(table_path: Path, **columns: Any) -> str:
    """Write a Parquet file; gives its path."""
    pq.write_table(pa.table(columns), table_path)
    return str(table_path)


def stream(content: pa.Table, path: Path) -> None:
    """Write an Arrow stream of two rows a batch."""
    with ipc.new_stream(str(path), content.schema) as writer:
        writer.write_table(content, max_chunksize=2)


def compressed(content: pa.Table, path: Path) -> None:
    """Write a Feather file, packed."""
    feather.write_feather(content, str(path), compression="zstd", chunksize=2)


def plain(content: pa.Table, path: Path) -> None:
    """Write a Feather file as it is mapped."""
    feather.write_feather(content, str(path), compression="uncompressed", chunksize=2)


def unreadable(recording: Recording) -> Unreadable:
    """Give what is said of a recording that has no audio."""
    assert isinstance(recording.audio, Unreadable)
    return recording.audio


def checked(recordings: Iterator[Recording]) -> list[Recording]:
    """What holds for every reader: unique ids, and a `meta` that JSON can hold."""
    found = list(recordings)
    assert len({recording.id for recording in found}) == len(found)
    for recording in found:
        assert json.loads(json.dumps(recording.meta, allow_nan=False)) == recording.meta
    return found
