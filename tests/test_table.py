"""Tables: what pandas, pyarrow and Hugging Face `datasets` write is read back, and what is damaged is named."""

from __future__ import annotations

import builtins
import datetime
import decimal
import io
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc
from pyarrow import parquet as pq

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.tables import files as tables
from anime_whisper_ct2.readers.tables.files import arrow, dataset_folder, is_dataset_folder, parquet, table
from anime_whisper_ct2.records import Recording, Unreadable
from tests.conftest import CORPUS
from tests.remotes import Flaky, flaky_memory, s3_server, web_server

CLIPS = sorted(path for path in CORPUS.rglob("*") if path.suffix in {".ogg", ".flac", ".wav", ".mp3", ".opus"})[:7]
AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def clip_ids() -> list[str]:
    return [path.relative_to(CORPUS).as_posix() for path in CLIPS]


def names() -> list[str]:
    """What `save_to_disk` leaves of the paths."""
    return [path.name for path in CLIPS]


def audio_rows() -> list[dict[str, Any]]:
    return [{"bytes": path.read_bytes(), "path": id_} for path, id_ in zip(CLIPS, clip_ids(), strict=True)]


def hugging_face(rows: list[dict[str, Any]] | list[str]) -> Any:
    from datasets import Audio, Dataset

    content = {"text": [f"文{number}" for number in range(len(rows))], "audio": rows}
    return Dataset.from_dict(content).cast_column("audio", Audio(decode=False))


def write(table_path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), table_path)
    return str(table_path)


def unreadable(recording: Recording) -> Unreadable:
    assert isinstance(recording.audio, Unreadable)
    return recording.audio


def checked(recordings: Iterator[Recording]) -> list[Recording]:
    """What holds for every reader: unique ids, and a `meta` that JSON can hold."""
    found = list(recordings)
    assert len({recording.id for recording in found}) == len(found)
    for recording in found:
        assert json.loads(json.dumps(recording.meta, allow_nan=False)) == recording.meta
    return found


def test_what_datasets_writes_to_parquet_comes_back(tmp_path: Path) -> None:
    hugging_face(audio_rows()).to_parquet(str(tmp_path / "voices.parquet"))
    found = checked(parquet(str(tmp_path / "voices.parquet"), "voices.parquet"))
    assert [recording.id for recording in found] == [f"voices.parquet/{id_}" for id_ in clip_ids()]
    assert [recording.audio for recording in found] == [path.read_bytes() for path in CLIPS]
    assert [recording.meta for recording in found] == [{"text": f"文{number}"} for number in range(len(CLIPS))]
    assert found[0].name == f"{tmp_path}/voices.parquet/{clip_ids()[0]}"


def test_files_that_datasets_only_points_to_are_references(tmp_path: Path) -> None:
    pq.write_table(hugging_face([str(path) for path in CLIPS]).data.table, tmp_path / "a.parquet")
    found = checked(parquet(str(tmp_path / "a.parquet"), "a"))
    assert [recording.audio for recording in found] == [str(path) for path in CLIPS]
    assert [recording.name for recording in found] == [str(path) for path in CLIPS]
    assert found[0].id == "a" + str(CLIPS[0])


def test_a_saved_dataset_comes_back_over_all_its_files(tmp_path: Path) -> None:
    hugging_face(audio_rows()).save_to_disk(str(tmp_path / "saved"), num_shards=3)
    assert is_dataset_folder(str(tmp_path / "saved"))
    found = checked(dataset_folder(str(tmp_path / "saved")))
    assert [recording.id for recording in found] == names()
    assert [recording.audio for recording in found] == [path.read_bytes() for path in CLIPS]
    assert found[2].meta == {"text": "文2"}


def test_a_saved_dataset_of_splits_keeps_them_apart(tmp_path: Path) -> None:
    from datasets import DatasetDict

    rows = audio_rows()
    splits = {"train": hugging_face(rows[:4]), "test": hugging_face(rows[:2])}
    DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    assert is_dataset_folder(str(tmp_path / "saved"))
    ids = [recording.id for recording in checked(dataset_folder(str(tmp_path / "saved"), "saved"))]
    expected = [f"saved/train/{id_}" for id_ in names()[:4]] + [f"saved/test/{id_}" for id_ in names()[:2]]
    assert ids == expected
    assert not is_dataset_folder(str(tmp_path))


def test_rows_without_names_are_counted_within_their_file(tmp_path: Path) -> None:
    rows = [{"bytes": row["bytes"], "path": None} for row in audio_rows()[:4]]
    hugging_face(rows).save_to_disk(str(tmp_path / "saved"), num_shards=2)
    ids = [recording.id for recording in checked(dataset_folder(str(tmp_path / "saved")))]
    assert ids == [f"data-0000{file}-of-00002.arrow/row-0000000{row}" for file in (0, 1) for row in (0, 1)]
    hugging_face(rows).to_parquet(str(tmp_path / "a.parquet"))
    ids = [recording.id for recording in checked(parquet(str(tmp_path / "a.parquet"), "a.parquet"))]
    assert ids == [f"a.parquet/row-0000000{row}" for row in range(4)]


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


def test_a_row_without_audio_fails_alone(tmp_path: Path) -> None:
    rows = [{"bytes": b"1", "path": "1.wav"}, None, {"bytes": None, "path": None}, {"bytes": b"4", "path": "4.wav"}]
    path = write(tmp_path / "a.parquet", audio=pa.array(rows, AUDIO), text=list("1234"))
    found = checked(parquet(path, "a"))
    assert [recording.id for recording in found] == ["a/1.wav", "a/row-00000001", "a/row-00000002", "a/4.wav"]
    assert unreadable(found[1]) == Unreadable("TableError", f"{path}, row 1: audio holds neither bytes nor path")
    assert found[2].meta == {"text": "3"}


def test_one_name_for_several_clips_costs_none_of_them(tmp_path: Path) -> None:
    rows = [{"bytes": bytes([number]), "path": "001.wav"} for number in range(4)]
    keys = ["x", "y", "y", None]
    found = checked(parquet(write(tmp_path / "a.parquet", audio=pa.array(rows, AUDIO), id=keys), "a"))
    assert [recording.audio for recording in found] == [bytes([number]) for number in range(4)]
    assert [recording.id for recording in found] == ["a/001.wav", "a/y", "a/row-00000002", "a/row-00000003"]


def test_the_second_row_for_one_file_fails(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", path=["x.wav", "y.wav", "./x.wav"])
    found = checked(parquet(path, "a"))
    assert [recording.id for recording in found] == ["a/x.wav", "a/y.wav", "a/x.wav (row 2)"]
    assert unreadable(found[2]).error == "DuplicateId"
    assert "row 2: the id 'a/x.wav' is that of an earlier row" in unreadable(found[2]).message


def test_what_a_query_tells_apart_is_not_one_file(tmp_path: Path) -> None:
    urls = ["https://host/get.wav?id=1", "https://host/get.wav?id=2"]
    found = checked(parquet(write(tmp_path / "a.parquet", path=urls), "a"))
    assert [recording.audio for recording in found] == urls
    assert [recording.id for recording in found] == ["a/host/get.wav?…", "a/row-00000001"]


@pytest.mark.parametrize(
    ("path", "id_"),
    [
        ("/data/a.wav", "data/a.wav"),
        ("./a//b/./c.wav", "a/b/c.wav"),
        ("../../a.wav", "a.wav"),
        ("a/../b.wav", "b.wav"),
        ("a\\b.wav", "a\\b.wav"),
        ("s3://bucket/a.wav", "bucket/a.wav"),
        ("https://me:secret@host/a.wav?token=secret", "host/a.wav?…"),
        ("..", "row-00000000"),
    ],
)
def test_ids_stay_below_their_container(tmp_path: Path, path: str, id_: str) -> None:
    rows = pa.array([{"bytes": b"1", "path": path}], AUDIO)
    assert [each.id for each in parquet(write(tmp_path / "a.parquet", audio=rows), "a")] == [f"a/{id_}"]


def test_paths_are_resolved_beside_the_table(tmp_path: Path) -> None:
    paths = ["a.wav", "/abs/a.wav", "s3://bucket/b.wav"]
    local = parquet(write(tmp_path / "a.parquet", audio=paths), "a")
    assert [each.audio for each in local] == [f"{tmp_path}/a.wav", "/abs/a.wav", "s3://bucket/b.wav"]
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "a.parquet"), "/tables/a.parquet")
    remote = parquet("memory://tables/a.parquet", "a")
    assert [each.audio for each in remote] == ["memory://tables/a.wav", "/abs/a.wav", "s3://bucket/b.wav"]


def test_names_that_are_no_utf8_open(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff.arrow")
    feather.write_feather(pa.table({"audio": [b"1"]}), tmp_path / "a.arrow")
    os.rename(tmp_path / "a.arrow", name)
    assert [each.audio for each in table(name, "a")] == [b"1"]
    pq.write_table(pa.table({"audio": [b"2"]}), tmp_path / "b.parquet")
    os.rename(tmp_path / "b.parquet", name.replace("arrow", "parquet"))
    assert [each.audio for each in table(name.replace("arrow", "parquet"), "a")] == [b"2"]


def stream(content: pa.Table, path: Path) -> None:
    with ipc.new_stream(str(path), content.schema) as writer:
        writer.write_table(content, max_chunksize=2)


def compressed(content: pa.Table, path: Path) -> None:
    feather.write_feather(content, str(path), compression="zstd", chunksize=2)


def plain(content: pa.Table, path: Path) -> None:
    feather.write_feather(content, str(path), compression="uncompressed", chunksize=2)


@pytest.mark.parametrize("writer", [stream, compressed, plain])
@pytest.mark.parametrize("where", ["local", "memory"])
def test_arrow_streams_and_feather_files_read_alike(
    tmp_path: Path, writer: Callable[[pa.Table, Path], None], where: str
) -> None:
    content = pa.table({"audio": pa.array(audio_rows(), AUDIO), "text": [str(n) for n in range(len(CLIPS))]})
    writer(content, tmp_path / "a.arrow")
    path = str(tmp_path / "a.arrow")
    if where == "memory":
        fsspec.filesystem("memory").put(path, "/arrow/a.arrow")
        path = "memory://arrow/a.arrow"
    found = checked(table(path, "a.arrow"))
    assert [recording.id for recording in found] == [f"a.arrow/{id_}" for id_ in clip_ids()]
    assert [recording.audio for recording in found] == [path.read_bytes() for path in CLIPS]
    assert [recording.meta["text"] for recording in found] == [str(number) for number in range(len(CLIPS))]


def test_large_row_groups_are_read_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_BATCH_BYTES", 1 << 20)
    clip = os.urandom(100_000)
    content = pa.table({"audio": [clip] * 300})
    # A page is the least that can be read; without this, pyarrow makes one of all rows up to 1,024.
    pq.write_table(content, tmp_path / "a.parquet", use_dictionary=False, write_batch_size=8)
    feather.write_feather(content, str(tmp_path / "a.arrow"), compression="uncompressed")
    for path in ("a.parquet", "a.arrow"):
        before = pa.total_allocated_bytes()
        most = 0
        for recording in table(str(tmp_path / path), "a"):
            assert recording.audio == clip
            most = max(most, pa.total_allocated_bytes() - before)
        assert most < 8 << 20


def test_a_truncated_table_is_one_failure(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.parquet", audio=[b"1", b"2"]))
    path.write_bytes(path.read_bytes()[:-9])
    (recording,) = checked(parquet(str(path), "a.parquet"))
    assert (recording.id, unreadable(recording).error) == ("a.parquet", "ArrowInvalid")
    assert unreadable(recording).message.startswith(f"{path}, row 0 on: cannot be read: Parquet magic bytes not found")
    path.write_bytes(b"")
    (recording,) = checked(parquet(str(path), "a.parquet"))
    assert "is 0 bytes" in unreadable(recording).message


def test_a_damaged_row_group_costs_its_own_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    clips = [os.urandom(1000) for _ in range(9)]
    pq.write_table(pa.table({"audio": clips}), path, row_group_size=3, use_dictionary=False)
    start = pq.read_metadata(path).row_group(1).column(0).data_page_offset
    damaged = bytearray(path.read_bytes())
    damaged[start : start + 40] = b"\xff" * 40
    path.write_bytes(damaged)
    found = checked(parquet(str(path), "a.parquet"))
    assert [recording.audio for recording in found[:-1]] == clips[:3] + clips[6:]
    assert [recording.id for recording in found[-3:]] == [
        "a.parquet/row-00000007",
        "a.parquet/row-00000008",
        "a.parquet",
    ]
    assert f"{path}, row 3 on: cannot be read: " in unreadable(found[-1]).message


def test_a_truncated_file_of_a_saved_dataset_costs_the_rows_behind_the_cut(tmp_path: Path) -> None:
    hugging_face(audio_rows()).save_to_disk(str(tmp_path / "saved"), num_shards=2)
    first = tmp_path / "saved" / "data-00000-of-00002.arrow"
    content = pa.ipc.open_stream(first.read_bytes()).read_all()
    stream(content, first)
    first.write_bytes(first.read_bytes()[: -first.stat().st_size // 3])
    found = checked(dataset_folder(str(tmp_path / "saved"), "saved"))
    bad = [recording for recording in found if isinstance(recording.audio, Unreadable)]
    assert [recording.id for recording in bad] == ["saved/data-00000-of-00002.arrow"]
    assert [recording.id for recording in found if recording not in bad] == [
        f"saved/{id_}" for id_ in names()[:2] + names()[4:]
    ]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("state.json", "{", "damaged, or no file of a saved dataset"),
        ("state.json", "[]", "damaged, or no file of a saved dataset"),
        ("state.json", '{"_data_files": [{"filename": "../../etc/passwd"}]}', "does not lie in the dataset's folder"),
        ("dataset_dict.json", '{"splits": [".."]}', "does not lie in the dataset's folder"),
        ("state.json", '{"_data_files": [{"filename": "gone.arrow"}]}', "gone.arrow: cannot be opened"),
    ],
)
def test_a_damaged_dataset_folder_is_named(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=says):
        list(dataset_folder(str(tmp_path), "a"))


def test_tables_in_a_bucket_read_as_local_ones_do(tmp_path: Path) -> None:
    hugging_face(audio_rows()).to_parquet(str(tmp_path / "a.parquet"))
    hugging_face(audio_rows()).save_to_disk(str(tmp_path / "saved"))
    with s3_server() as s3:
        s3.mkdir("tables")
        s3.put(str(tmp_path / "a.parquet"), "tables/a.parquet")
        s3.put(str(tmp_path / "saved"), "tables/saved", recursive=True)
        assert not is_dataset_folder("s3://tables")
        assert is_dataset_folder("s3://tables/saved")
        for found, ids in (
            (parquet("s3://tables/a.parquet", "x"), clip_ids()),
            (dataset_folder("s3://tables/saved", "x"), names()),
        ):
            recordings = checked(found)
            assert [recording.id for recording in recordings] == [f"x/{id_}" for id_ in ids]
            assert [recording.audio for recording in recordings] == [path.read_bytes() for path in CLIPS]


def test_a_web_server_that_gives_no_parts_of_files_will_do(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "a.parquet", path=["1.wav"], n=[1]))
    plain(pa.table({"path": ["1.wav"], "n": [1]}), tmp_path / "a.arrow")
    with web_server() as web:
        for url in ("/t/a.parquet?x=1", "/unsized/a.parquet", "/t/a.arrow"):
            web.pages[url] = [(200, (tmp_path / ("a.arrow" if "arrow" in url else path)).read_bytes())]
            (found,) = checked(table(web.url + url, "a"))
            assert found.audio == web.url + url.rpartition("/")[0] + "/1.wav"
            assert found.meta == {"n": 1}
        with pytest.raises(InputError, match="no such file"):
            list(table(web.url + "/gone.parquet", "a"))


def test_a_table_behind_a_url_that_fails_midway_gives_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    from anime_whisper_ct2.readers import remote_errors

    monkeypatch.setattr(remote_errors, "_DELAYS_S", (0.0, 0.0))
    system: Flaky = flaky_memory()
    buffer = io.BytesIO()
    clips = [os.urandom(200_000) for _ in range(30)]
    pq.write_table(pa.table({"audio": clips}), buffer, row_group_size=5, use_dictionary=False)
    system.pipe_file("/a.parquet", buffer.getvalue())
    found = parquet("flaky://a.parquet", "a.parquet")
    got = [next(found) for _ in range(5)]
    Flaky.failures = 1000
    got += found
    assert [recording.audio for recording in got[:5]] == clips[:5]
    assert got[-1].id == "a.parquet"
    assert "flaky://a.parquet: ConnectionResetError: the line went dead" in unreadable(got[-1]).message


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", audio=[b"1"])
    ours = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return ours(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "pyarrow")
    with pytest.raises(InputError, match=r"pip install 'anime-whisper-ct2\[parquet\]'"):
        next(parquet(path, "a"))


def valid(kind: str) -> bytes:
    content = pa.table(
        {"audio": pa.array([{"bytes": b"x" * 50, "path": f"{n}"} for n in range(6)], AUDIO), "n": range(6)}
    )
    buffer = io.BytesIO()
    if kind == "parquet":
        pq.write_table(content, buffer, row_group_size=2)
    else:
        with (ipc.new_stream if kind == "stream" else ipc.new_file)(buffer, content.schema) as writer:
            writer.write_table(content, max_chunksize=2)
    return buffer.getvalue()


VALID = {kind: valid(kind) for kind in ("parquet", "stream", "file")}


@pytest.mark.parametrize("kind", VALID)
@settings(max_examples=150)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8)), max_size=4),
    keep=st.floats(0, 1) | st.just(1.0),
    junk=st.binary(max_size=200) | st.none(),
)
def test_whatever_the_bytes_are_nothing_is_raised(
    kind: str,
    edits: list[tuple[float, bytes]],
    keep: float,
    junk: bytes | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    content = bytearray(VALID[kind])
    for where, change in edits:
        at = int(where * len(content))
        content[at : at + len(change)] = change
    path = tmp_path_factory.getbasetemp() / f"fuzz.{kind}"
    path.write_bytes(junk if junk is not None else content[: int(keep * len(content))])
    checked((parquet if kind == "parquet" else arrow)(str(path), "fuzz"))
