"""Tables of recordings, which only pyarrow can read.

`table` reads a file by its name, as `parquet` or `arrow`; `dataset_folder` reads what Hugging Face `datasets` saved,
which `is_dataset_folder` recognises. `placed` also says which row each recording is, and `audio_at` reads one alone.
`columns` finds the audio, `pieces` bounds what is read together, `rows` makes a recording of each row.

May import: `errors`, `extensions`, `ids`, `records`, `system`, `readers.fetch`, `readers.remote`,
`readers.remote_errors`, `readers.rows`.
"""

from anime_whisper_ct2.readers.tables.files import (
    arrow,
    audio_at,
    dataset_folder,
    is_dataset_folder,
    parquet,
    placed,
    table,
)
from anime_whisper_ct2.readers.tables.rows import TableRow

__all__ = [
    "TableRow",
    "arrow",
    "audio_at",
    "dataset_folder",
    "is_dataset_folder",
    "parquet",
    "placed",
    "table",
]
