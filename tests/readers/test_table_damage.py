"""What is damaged in a table is named and costs its own rows."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import ipc
from pyarrow import parquet as pq

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers.tables.files import arrow, dataset_folder, parquet
from anime_whisper_ct2.records import Unreadable
from tests.support.remotes import Flaky, flaky_memory
from tests.support.tables import (
    AUDIO,
    audio_rows,
    checked,
    hugging_face,
    saved_names,
    stream,
    unreadable,
    write,
)


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
        f"saved/{id_}" for id_ in saved_names()[:2] + saved_names()[4:]
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
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        list(dataset_folder(str(tmp_path), "a"))


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
