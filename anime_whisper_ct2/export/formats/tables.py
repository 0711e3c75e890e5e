"""`tsv`, `csv` and `parquet`: one table for the whole run, a row for each segment."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.filters import own_flags
from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.plain import one_line

COLUMNS = (
    *("id", "start", "end", "text", "avg_logprob", "no_speech_prob", "compression_ratio", "doubt", "flags", "audio"),
    "offset",
)
BREAKS = re.compile("[\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
# A spreadsheet computes what begins so; a Japanese one, what begins with the wide forms as well.
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# Rows that are in memory at a time, and that a reader of the table can take alone.
_ROW_GROUP = 32_768


def write_tsv(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `transcripts.tsv`: a head, no quotes, no escapes; tabs and line ends within a value are spaces."""
    del settings  # a table has no head but its columns
    with (folder / "transcripts.tsv").open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write("\t".join(COLUMNS) + "\n")
        for row in written_rows(recordings):
            file.write("\t".join(BREAKS.sub(" ", str(value)) for value in row) + "\n")


def write_csv(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `transcripts.csv` as spreadsheets like it: a byte order mark, texts in quotes, nothing that computes.

    A value that a spreadsheet would take for a formula is written with `'` before it.
    """
    del settings
    # Without the mark, Excel reads Japanese as if it were Shift JIS.
    with (folder / "transcripts.csv").open("w", encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
        # Texts always in quotes: the module leaves some line ends bare otherwise.
        writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(COLUMNS)
        for row in written_rows(recordings):
            writer.writerow(["'" + v if isinstance(v, str) and v.startswith(FORMULA) else v for v in row])


def write_parquet(recordings: Iterable[Named], folder: Path, settings: ExportSettings) -> None:
    """Write `transcripts.parquet`: the columns of the other tables, `duration`, `language` and `meta` (JSON).

    Raises InputError without pyarrow.
    """
    del settings
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, for this format alone
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise InputError("parquet needs pyarrow: pip install pyarrow") from None
    number, text = pa.float64(), pa.string()
    schema = pa.schema(
        [
            *(("id", text), ("start", number), ("end", number), ("text", text), ("avg_logprob", number)),
            *(("no_speech_prob", number), ("compression_ratio", number), ("doubt", number), ("flags", pa.list_(text))),
            *(("audio", text), ("offset", number), ("duration", number), ("language", text), ("meta", text)),
        ]
    )
    records = _records(recordings)
    with parquet.ParquetWriter(folder / "transcripts.parquet", schema) as writer:
        while group := list(islice(records, _ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def written_rows(recordings: Iterable[Named]) -> Iterator[tuple[str | float, ...]]:
    """Give what stands in the columns of `tsv` and `csv` for each segment, before that is fitted to either."""
    for recording in recordings:
        transcript = recording.transcript
        for segment in transcript.segments:
            flags = " ".join(dict.fromkeys((*own_flags(transcript), *segment.flags)))
            yield (
                transcript.id,
                segment.start,
                segment.end,
                one_line(segment.text),
                segment.avg_logprob,
                segment.no_speech_prob,
                segment.compression_ratio,
                "" if segment.doubt is None else segment.doubt,
                flags,
                transcript.audio,
                transcript.offset or 0.0,
            )


def _records(recordings: Iterable[Named]) -> Iterator[dict[str, Any]]:
    for recording in recordings:
        transcript = recording.transcript
        meta = json.dumps(transcript.meta, ensure_ascii=False, sort_keys=True)
        for segment in transcript.segments:
            yield {
                "id": _utf8(transcript.id),
                "start": segment.start,
                "end": segment.end,
                "text": _utf8(segment.text),
                "avg_logprob": segment.avg_logprob,
                "no_speech_prob": segment.no_speech_prob,
                "compression_ratio": segment.compression_ratio,
                "doubt": segment.doubt,
                "flags": [_utf8(flag) for flag in dict.fromkeys((*own_flags(transcript), *segment.flags))],
                "audio": _utf8(transcript.audio),
                "offset": transcript.offset or 0.0,
                "duration": transcript.duration,
                "language": _utf8(transcript.language),
                "meta": _utf8(meta),
            }


def _utf8(text: str) -> str:
    """Write the bytes of a name that are no UTF-8 as `\\udcXX`: a table with one such byte could not be read at all."""
    return text.encode("utf-8", "backslashreplace").decode()
