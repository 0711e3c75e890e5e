"""A table's rows have names of their own, and each fails alone."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from anime_whisper_ct2.readers.rows import Rows
from anime_whisper_ct2.readers.tables.files import dataset_folder, parquet
from anime_whisper_ct2.records import Unreadable
from tests.support.tables import (
    AUDIO,
    audio_rows,
    checked,
    hugging_face,
    unreadable,
    write,
)


def test_a_row_without_audio_fails_alone(tmp_path: Path) -> None:
    rows = [{"bytes": b"1", "path": "1.wav"}, None, {"bytes": None, "path": None}, {"bytes": b"4", "path": "4.wav"}]
    path = write(tmp_path / "a.parquet", audio=pa.array(rows, AUDIO), text=list("1234"))
    found = checked(parquet(path, "a"))
    assert [recording.id for recording in found] == ["a/1.wav", "a/row-00000001", "a/row-00000002", "a/4.wav"]
    assert unreadable(found[1]) == Unreadable("TableError", f"{path}, row 1: audio holds neither bytes nor path")
    assert found[2].meta == {"text": "3"}


def test_rows_without_names_are_counted_within_their_file(tmp_path: Path) -> None:
    rows = [{"bytes": row["bytes"], "path": None} for row in audio_rows()[:4]]
    hugging_face(rows).save_to_disk(str(tmp_path / "saved"), num_shards=2)
    ids = [recording.id for recording in checked(dataset_folder(str(tmp_path / "saved")))]
    assert ids == [f"data-0000{file}-of-00002.arrow/row-0000000{row}" for file in (0, 1) for row in (0, 1)]
    hugging_face(rows).to_parquet(str(tmp_path / "a.parquet"))
    ids = [recording.id for recording in checked(parquet(str(tmp_path / "a.parquet"), "a.parquet"))]
    assert ids == [f"a.parquet/row-0000000{row}" for row in range(4)]


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
        ("a\\b.wav", "a/b.wav"),
        ("C:\\voices\\a.wav", "C/voices/a.wav"),
        ("..\\..\\a.wav", "a.wav"),
        ("s3://bucket/a.wav", "bucket/a.wav"),
        ("https://me:secret@host/a.wav?token=secret", "host/a.wav?…"),
        ("..", "row-00000000"),
    ],
)
def test_ids_stay_below_their_container(tmp_path: Path, path: str, id_: str) -> None:
    rows = pa.array([{"bytes": b"1", "path": path}], AUDIO)
    assert [each.id for each in parquet(write(tmp_path / "a.parquet", audio=rows), "a")] == [f"a/{id_}"]


def test_paths_that_windows_wrote_are_resolved_beside_the_table(tmp_path: Path) -> None:
    paths = ["s\\1.wav", "C:\\voices\\2.wav", "\\\\server\\share\\3.wav"]
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "1.wav").touch()
    found = checked(parquet(write(tmp_path / "a.parquet", path=paths), "a"))
    assert [recording.id for recording in found] == ["a/s/1.wav", "a/C/voices/2.wav", "a/server/share/3.wav"]
    assert isinstance(found[0].audio, str)
    assert Path(found[0].audio).samefile(tmp_path / "s" / "1.wav")
    # As in every list: where this system has no such drive, the path is only written its way.
    assert isinstance(found[1].audio, str)
    assert found[1].audio.replace("\\", "/") == "C:/voices/2.wav"


@pytest.mark.posix("the drives of Windows' own Linux")
@pytest.mark.parametrize("written", ["C:\\voices\\2.wav", "C:/voices/2.wav"])
def test_the_drives_of_windows_own_linux_are_found_from_tables_and_lists(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda path: path == "/mnt/c/voices/2.wav" or real(path))
    (found,) = checked(parquet(write(tmp_path / "a.parquet", path=[written]), "a"))
    assert found.audio == "/mnt/c/voices/2.wav"
    assert Rows(str(tmp_path / "m.txt")).locate(written)[1] == "/mnt/c/voices/2.wav"


def test_on_windows_a_drive_without_a_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", path=["c:x.wav", "b.wav"])
    monkeypatch.setattr("anime_whisper_ct2.readers.tables.rows.is_drive_relative", lambda path: path[1:2] == ":")
    refused, found = parquet(path, "a")
    assert (refused.id, found.id) == ("a/x.wav", "a/b.wav")
    assert r"names a drive and no folder on it; write it from the root, as c:\…" in unreadable(refused).message


@pytest.mark.posix("a backslash in a name")
def test_but_a_file_of_just_that_name_goes_first(tmp_path: Path) -> None:
    (tmp_path / "s\\1.wav").touch()
    (found,) = checked(parquet(write(tmp_path / "a.parquet", path=["s\\1.wav"]), "a"))
    assert found.audio == str(tmp_path / "s\\1.wav")


def test_paths_are_resolved_beside_the_table(tmp_path: Path) -> None:
    paths = ["a.wav", "/abs/a.wav", "s3://bucket/b.wav"]
    local = parquet(write(tmp_path / "a.parquet", audio=paths), "a")
    assert [each.audio for each in local] == [str(tmp_path / "a.wav"), "/abs/a.wav", "s3://bucket/b.wav"]
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "a.parquet"), "/tables/a.parquet")
    remote = parquet("memory://tables/a.parquet", "a")
    assert [each.audio for each in remote] == ["memory://tables/a.wav", "/abs/a.wav", "s3://bucket/b.wav"]
