"""Tables: what pyarrow and Hugging Face `datasets` write is read back, wherever it lies."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import feather
from pyarrow import parquet as pq

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.tables import pieces
from anime_whisper_ct2.readers.tables.files import dataset_folder, is_dataset_folder, parquet, table
from anime_whisper_ct2.system.paths import from_root
from tests.support.remotes import s3_server, web_server
from tests.support.tables import (
    AUDIO,
    CLIPS,
    audio_rows,
    checked,
    clip_ids,
    compressed,
    hugging_face,
    plain,
    saved_names,
    stream,
    write,
)


def test_what_datasets_writes_to_parquet_comes_back(tmp_path: Path) -> None:
    hugging_face(audio_rows()).to_parquet(str(tmp_path / "voices.parquet"))
    found = checked(parquet(str(tmp_path / "voices.parquet"), "voices.parquet"))
    assert [recording.id for recording in found] == [f"voices.parquet/{id_}" for id_ in clip_ids()]
    assert [recording.audio for recording in found] == [path.read_bytes() for path in CLIPS]
    assert [recording.meta for recording in found] == [{"text": f"文{number}"} for number in range(len(CLIPS))]
    assert found[0].name == f"{tmp_path / 'voices.parquet'}/{clip_ids()[0]}"


def test_files_that_datasets_only_points_to_are_references(tmp_path: Path) -> None:
    pq.write_table(hugging_face([str(path) for path in CLIPS]).data.table, tmp_path / "a.parquet")
    found = checked(parquet(str(tmp_path / "a.parquet"), "a"))
    assert [recording.audio for recording in found] == [str(path) for path in CLIPS]
    assert [recording.name for recording in found] == [str(path) for path in CLIPS]
    assert found[0].id == "a/" + from_root(str(CLIPS[0]))


def test_a_saved_dataset_comes_back_over_all_its_files(tmp_path: Path) -> None:
    hugging_face(audio_rows()).save_to_disk(str(tmp_path / "saved"), num_shards=3)
    assert is_dataset_folder(str(tmp_path / "saved"))
    found = checked(dataset_folder(str(tmp_path / "saved")))
    assert [recording.id for recording in found] == saved_names()
    assert [recording.audio for recording in found] == [path.read_bytes() for path in CLIPS]
    assert found[2].meta == {"text": "文2"}


def test_a_saved_dataset_of_splits_keeps_them_apart(tmp_path: Path) -> None:
    from datasets import DatasetDict

    rows = audio_rows()
    splits = {"train": hugging_face(rows[:4]), "test": hugging_face(rows[:2])}
    DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    assert is_dataset_folder(str(tmp_path / "saved"))
    ids = [recording.id for recording in checked(dataset_folder(str(tmp_path / "saved"), "saved"))]
    expected = [f"saved/train/{id_}" for id_ in saved_names()[:4]] + [f"saved/test/{id_}" for id_ in saved_names()[:2]]
    assert ids == expected
    assert not is_dataset_folder(str(tmp_path))


@pytest.mark.posix("names that are no UTF-8")
def test_names_that_are_no_utf8_open(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xff.arrow")
    feather.write_feather(pa.table({"audio": [b"1"]}), tmp_path / "a.arrow")
    os.rename(tmp_path / "a.arrow", name)
    assert [each.audio for each in table(name, "a")] == [b"1"]
    pq.write_table(pa.table({"audio": [b"2"]}), tmp_path / "b.parquet")
    os.rename(tmp_path / "b.parquet", name.replace("arrow", "parquet"))
    assert [each.audio for each in table(name.replace("arrow", "parquet"), "a")] == [b"2"]


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
    monkeypatch.setattr(pieces, "_BATCH_BYTES", 1 << 20)
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
            (dataset_folder("s3://tables/saved", "x"), saved_names()),
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


def test_without_pyarrow_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", audio=[b"1"])
    ours = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return ours(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "pyarrow")
    with pytest.raises(InputError, match=r"pip install pyarrow"):
        next(parquet(path, "a"))
