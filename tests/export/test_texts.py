"""Texts and tables, read back by readers that others wrote."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.export.formats import ExportSettings, Named
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.records import Segment, Transcript

LINES = (
    "えっと、…もう一回！",
    "<i>笑</i> & 「はい」 -- \"x\" 'y'",
    '=1+1,\t"二"',
    "うん\nうん\r\n\u2028うん",
    "  間　間 ",
)


def recording(
    id_: str,
    texts: Iterable[str] = LINES,
    *,
    times: Callable[[int], tuple[float, float]] = lambda n: (n * 2.5, n * 2.5 + 2.25),
    meta: Mapping[str, Any] | None = None,
) -> Named:
    segments = tuple(
        Segment(*times(n), text, -0.25 - n, 0.125, 1.5, ("repetition",) if n == 1 else (), doubt=n / 4)
        for n, text in enumerate(texts)
    )
    flags = () if segments else ("empty",)
    text = "".join(segment.text for segment in segments)
    duration = segments[-1].end if segments else 1.0
    audio = f"corpus/{id_}"
    return Named(
        id_.rpartition(".")[0], Transcript(id_, audio, duration, "ja", text, segments, flags, meta or {}, offset=0.5)
    )


def write(format_: str, folder: Path, *recordings: Named) -> Path:
    FORMATS[format_].write(iter(recordings), folder, ExportSettings())
    return folder


def flat(text: str) -> str:
    """A text as one line."""
    return re.sub("[\r\n\u2028]+", " ", text).strip()


def test_txt_has_a_file_for_each_recording_and_a_line_for_each_segment(tmp_path: Path) -> None:
    write("txt", tmp_path, recording("さくら/1.ogg"), recording("さくら/2.ogg", ()))
    content = (tmp_path / "さくら" / "1.txt").read_bytes()
    assert b"\r" not in content
    assert content.decode().split("\n") == [
        LINES[0],
        LINES[1],
        LINES[2].replace("\t", " "),
        "うん うん うん",
        "間　間",
        "",
    ]
    assert (tmp_path / "さくら" / "2.txt").read_bytes() == b""


def test_json_has_the_keys_that_readers_of_whispers_json_look_for(tmp_path: Path) -> None:
    named = recording("a/1.ogg")
    write("json", tmp_path, named, recording("a/2.ogg", ()))
    content = json.loads((tmp_path / "a" / "1.json").read_text("utf-8"))
    assert (content["text"], content["language"]) == (named.transcript.text, "ja")
    assert [segment["text"] for segment in content["segments"]] == list(LINES)
    assert content["segments"][1] == {
        **{"id": 1, "start": 2.5, "end": 4.75, "text": LINES[1]},
        **{"avg_logprob": -1.25, "compression_ratio": 1.5, "no_speech_prob": 0.125, "doubt": 0.25},
    }
    assert json.loads((tmp_path / "a" / "2.json").read_text("utf-8"))["segments"] == []


def test_pandas_reads_the_tsv_back(tmp_path: Path) -> None:
    import pandas

    write("tsv", tmp_path, recording("a/1.ogg"), recording("a/2.ogg", ()), recording("b\t/\n3.ogg", ["=x"]))
    table = pandas.read_csv(tmp_path / "transcripts.tsv", sep="\t", quoting=csv.QUOTE_NONE, keep_default_na=False)
    assert list(table["id"]) == ["a/1.ogg"] * 5 + ["b / 3.ogg"]
    assert list(table["text"]) == [*map(flat, LINES[:2]), '=1+1, "二"', *map(flat, LINES[3:]), "=x"]
    assert list(table["start"]) == [0.0, 2.5, 5.0, 7.5, 10.0, 0.0]
    assert list(table["flags"]) == ["", "repetition", "", "", "", ""]
    assert list(table["offset"]) == [0.5] * 6
    assert list(table["doubt"]) == [0.0, 0.25, 0.5, 0.75, 1.0, 0.0]


def test_the_csv_reads_back_in_python_and_computes_nothing_in_a_spreadsheet(tmp_path: Path) -> None:
    import pandas

    dangerous = ("=1+1", "+81", "-えっ", "@SUM(A1)", "＝１＋１")
    named = recording("-x/1\r2.ogg", [*LINES, *dangerous])
    write("csv", tmp_path, named)
    raw = (tmp_path / "transcripts.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" not in raw
    with (tmp_path / "transcripts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == [
        *(LINES[0], flat(LINES[1]), '\'=1+1, "二"', flat(LINES[3]), LINES[4].strip()),
        *("'" + text for text in dangerous),
    ]
    assert {row["id"] for row in rows} == {"'-x/1\r2.ogg"}
    assert [float(row["avg_logprob"]) for row in rows] == [s.avg_logprob for s in named.transcript.segments]
    table = pandas.read_csv(tmp_path / "transcripts.csv")
    assert list(table["end"]) == [segment.end for segment in named.transcript.segments]


def test_pyarrow_reads_the_parquet_back_with_its_types(tmp_path: Path) -> None:
    from pyarrow import parquet

    meta = {"speaker": "さくら", "take": 3, "path": "\udcff"}
    named = recording("a/1.ogg", meta=meta)
    write("parquet", tmp_path, named, recording("a/2.ogg", ()))
    table = parquet.read_table(tmp_path / "transcripts.parquet")
    assert [str(kind) for kind in table.schema.types] == [
        *("string", "double", "double", "string", "double", "double", "double", "double", "list<element: string>"),
        *("string", "double", "double", "string", "string"),
    ]
    rows = table.to_pylist()
    assert [row["text"] for row in rows] == list(LINES)
    assert [row["flags"] for row in rows] == [[], ["repetition"], [], [], []]
    assert json.loads(rows[0]["meta"]) == meta
    assert rows[4]["end"] == named.transcript.segments[4].end


def test_a_parquet_of_nothing_still_has_its_columns(tmp_path: Path) -> None:
    from pyarrow import parquet

    write("parquet", tmp_path)
    assert parquet.read_table(tmp_path / "transcripts.parquet").column_names[:2] == ["id", "start"]


@pytest.mark.parametrize("format_", ["tsv", "csv", "parquet"])
def test_a_name_that_is_no_utf_8_leaves_the_table_readable(tmp_path: Path, format_: str) -> None:
    import pandas

    write(format_, tmp_path, recording("\udce3\udc81.ogg", ["あ"]))
    path = tmp_path / f"transcripts.{format_}"
    read = {"tsv": lambda p: pandas.read_csv(p, sep="\t"), "csv": pandas.read_csv, "parquet": pandas.read_parquet}
    assert list(read[format_](path)["id"]) == ["\\udce3\\udc81.ogg"]


def test_a_long_parquet_is_written_in_groups_of_rows(tmp_path: Path) -> None:
    from pyarrow import parquet

    named = recording("a.ogg", ["あ"] * 1000, times=lambda n: (n, n + 1))
    write("parquet", tmp_path, *[named] * 40)
    assert parquet.ParquetFile(tmp_path / "transcripts.parquet").metadata.num_row_groups == 2
