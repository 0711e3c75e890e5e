"""Of a table's columns one is the audio, and the others are metadata that JSON can hold."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.tables.files import parquet
from tests.support.tables import (
    AUDIO,
    checked,
    unreadable,
    write,
)


def test_what_pandas_writes_comes_back_with_its_columns_as_json(tmp_path: Path) -> None:
    import pandas as pd

    moment = pd.Timestamp("2024-05-06T07:08:09.123456789", tz="Asia/Tokyo")
    frame = pd.DataFrame(
        {
            "audio": [b"one", b"two"],
            "text": ["あ", None],
            "when": [moment, None],
            "day": [datetime.date(2024, 5, 6), None],
            "clock": [datetime.time(7, 8, 9), None],
            "price": [decimal.Decimal("1.25"), None],
            "score": [0.5, math.nan],
            "count": [3, 4],
            "good": [True, False],
            "tags": [["a", "b"], []],
            "speaker": pd.Categorical(["alice", "bob"]),
            "nested": [{"a": math.inf, "b": [1, 2]}, None],
            "thumbnail": [b"\xff", b""],
            "lasting": pd.to_timedelta([1.5, 2], unit="s"),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    first, second = checked(parquet(str(tmp_path / "a.parquet"), "a"))
    assert (first.audio, second.audio) == (b"one", b"two")
    assert first.meta == {
        "text": "あ",
        "when": moment.isoformat(),
        "day": "2024-05-06",
        "clock": "07:08:09",
        "price": 1.25,
        "score": 0.5,
        "count": 3,
        "good": True,
        "tags": ["a", "b"],
        "speaker": "alice",
        "nested": {"a": None, "b": [1, 2]},
        "lasting": 1.5,
    }
    assert [name for name, value in second.meta.items() if value is None] == [
        *("text", "when", "day", "clock", "price", "score", "nested")
    ]


def test_values_that_python_has_no_form_for_are_texts_or_nothing(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet",
        audio=pa.array([b"one"]),
        far=pa.array([1 << 45], pa.timestamp("s")),
        text=pa.array([b"\xe3\x81\x82\xff"]).view(pa.string()),
    )
    (recording,) = checked(parquet(path, "a"))
    assert recording.meta["text"] == "あ\ufffd"
    assert recording.audio == b"one"
    assert "far" in recording.meta


def test_images_and_other_bytes_stay_out_of_meta(tmp_path: Path) -> None:
    features = {"features": {"voice": {"_type": "Audio"}, "face": {"_type": "Image"}, "n": {"dtype": "int64"}}}
    metadata = {"huggingface": json.dumps({"info": features})}
    row = {"bytes": b"x", "path": "x"}
    content = pa.table({"face": pa.array([row], AUDIO), "voice": pa.array([row], AUDIO), "n": [1], "mfcc": [b"1"]})
    pq.write_table(content.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    (recording,) = checked(parquet(str(tmp_path / "a.parquet"), "a"))
    assert (recording.audio, recording.meta) == (b"x", {"n": 1})


@pytest.mark.parametrize(
    ("columns", "named", "expected"),
    [
        ({"text": ["x"], "file": ["f.wav"]}, None, "f.wav"),
        ({"path": ["p.wav"], "audio": [b"bytes"]}, None, b"bytes"),
        ({"path": ["p.wav"], "clip": pa.array([{"bytes": b"s", "path": None}], AUDIO)}, None, b"s"),
        ({"image": pa.array([{"bytes": b"i", "path": ""}], AUDIO), "wav": pa.array([{"bytes": b"w"}])}, None, b"w"),
        ({"Audio": pa.array([b"large"], pa.large_binary())}, None, b"large"),
        ({"audio": pa.array([b"fixed"], pa.binary(5))}, None, b"fixed"),
        ({"audio": pa.array(["d.wav"]).dictionary_encode()}, None, "d.wav"),
        ({"audio": [b"no"], "other": ["o.wav"]}, "other", "o.wav"),
        ({"a.b": [b"dots"], "a": [b"no"], "audio": [b"no"]}, "a.b", b"dots"),
    ],
)
def test_the_audio_column_is_found(tmp_path: Path, columns: Any, named: str | None, expected: str | bytes) -> None:
    (recording,) = checked(parquet(write(tmp_path / "a.parquet", **columns), "a", named))
    assert recording.audio == (str(tmp_path / expected) if isinstance(expected, str) else expected)


def test_a_table_without_audio_is_one_failure_and_a_column_that_is_not_there_a_mistake(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", text=["x"], score=[1.0])
    (recording,) = checked(parquet(path, "a.parquet"))
    assert recording.id == "a.parquet"
    assert unreadable(recording).error == "TableError"
    assert unreadable(recording).message == (
        f"{path}: no column looks like audio; name one with --audio-column; found text (string), score (double)"
    )
    for named in ("voice", "score"):
        with pytest.raises(InputError, match=f"has no column '{named}' that could hold audio; it has text, score"):
            list(parquet(path, "a.parquet", named))
