"""Tables of recordings, which only pyarrow can read.

`table` reads a file by its name, as `parquet` or `arrow`; `dataset_folder` reads what Hugging Face `datasets` saved,
which `is_dataset_folder` recognises. `columns` finds the audio, `rows` makes a recording of each row.

May import: `errors`, `extensions`, `ids`, `records`, `system`, `readers.fetch`, `readers.remote`,
`readers.remote_errors`, `readers.rows`.
"""

from anime_whisper_ct2.readers.tables.files import arrow, dataset_folder, is_dataset_folder, parquet, table

__all__ = ["arrow", "dataset_folder", "is_dataset_folder", "parquet", "table"]
