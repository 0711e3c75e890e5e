"""Tar shards give what WebDataset finds in them, in memory that does not grow with them."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
import webdataset

from anime_whisper_ct2.readers import tar as room
from anime_whisper_ct2.readers.tar import tar_shard
from anime_whisper_ct2.records import Recording, Section
from tests.support.places import CORPUS
from tests.support.tars import COMPRESSORS, EXPECTED, GALGAME, content, failures, packed, reader, sound, texts


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Recording]]:
    return reader(tmp_path)


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_the_galgame_layout_gives_every_clip_with_its_text(read: Any, ending: str) -> None:
    recordings = read(GALGAME, "shard-000" + ending)
    assert texts(recordings) == EXPECTED
    assert recordings[0].id == f"shard-000{ending}/00a1.ogg"
    assert recordings[0].name.endswith(f"shard-000{ending}/00a1.ogg")


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_the_audio_of_a_plain_local_tar_stays_in_its_place(read: Any, ending: str) -> None:
    kind = Section if ending == ".tar" else bytes
    assert {type(recording.audio) for recording in read(GALGAME, "x" + ending)} == {kind}


def test_compression_is_told_by_the_bytes_and_not_by_the_name(read: Any) -> None:
    assert texts(read(gzip.compress(packed(GALGAME)))) == EXPECTED


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_url_gives_the_same_as_the_local_file(ending: str) -> None:
    url = f"memory://test-tar/shard{ending}"
    with fsspec.open(url, "wb") as file:
        file.write(COMPRESSORS[ending](packed(GALGAME)))
    recordings = list(tar_shard(url, "s"))
    assert texts(recordings) == EXPECTED
    assert recordings[0].name == url + "/00a1.ogg"


@pytest.mark.posix("named pipes")
def test_a_pipe_is_read_like_a_download(tmp_path: Path) -> None:
    import threading

    os.mkfifo(tmp_path / "pipe.tar")
    writer = threading.Thread(target=(tmp_path / "pipe.tar").write_bytes, args=(packed(GALGAME),))
    writer.start()
    assert texts(list(tar_shard(str(tmp_path / "pipe.tar"), "p"))) == EXPECTED
    writer.join()


# webdataset leaves closing its file to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_webdataset_finds_the_same_samples_in_what_it_wrote(tmp_path: Path, ending: str) -> None:
    path = str(tmp_path / f"written{ending}")
    # Else it takes a drive for a protocol.
    url = f"file:{Path(path).as_posix()}"
    with webdataset.TarWriter(url, compress=ending == ".tar.gz") as writer:
        for number in range(20):
            sample = {
                "__key__": f"talker{number % 3}/clip{number}",
                "json": {"speaker": number},
                "txt": f"言葉{number}",
            }
            writer.write({**sample, "wav": os.urandom(number * 100), "flac": b"fLaC%d" % number, "npy": b"\x93NUMPY\0"})
    theirs = []
    for sample in webdataset.WebDataset(url, shardshuffle=False, nodesplitter=None):
        for extension in ("wav", "flac"):
            meta = {"text": sample["txt"].decode(), "json": json.loads(sample["json"])}
            theirs.append((f"{sample['__key__']}.{extension}", sample[extension], meta))
    ours = texts(list(tar_shard(path, "written")))
    assert len(ours) == 40
    assert sorted(ours, key=lambda row: row[0]) == sorted(theirs, key=lambda row: row[0])


@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_come_through(read: Any, format_: int) -> None:
    names = ["長い" * 60 + "/" + "z" * 120 + ".ogg", "caf\udce9.ogg", "-.ogg", "新しい\nファイル.wav"]
    recordings = read(packed([(name, name.encode("utf-8", "surrogateescape")) for name in names], format_))
    assert [recording.id for recording in recordings] == [f"x.tar/{name}" for name in names]
    assert [content(recording).decode("utf-8", "surrogateescape") for recording in recordings] == names


def test_extensions_count_in_any_case_and_other_members_are_passed_over(read: Any) -> None:
    contents = [
        ("a.OGG", b"a"),
        ("a.TXT", b"text"),
        ("README", b"r"),
        ("b.png", b"p"),
        ("._c.wav", b"m"),
        (".d.wav", b"d"),
    ]
    assert texts(read(contents)) == [("a.OGG", b"a", {"text": "text"}), (".d.wav", b"d", {})]


def test_attributes_that_macos_packs_between_them_do_not_part_a_sample(read: Any) -> None:
    contents = [(before + name, data) for name, data in GALGAME for before in ("._", "")]
    assert texts(read(contents)) == EXPECTED


def test_a_sidecar_belongs_to_the_audio_of_its_name_or_else_to_the_whole_sample(read: Any) -> None:
    names = ["a.1.ogg", "a.1.txt", "a.txt", "a.2.ogg", "a.2.txt", "a.speaker.txt", "a.3.cls"]
    recordings = read([(name, name.encode()) for name in names])
    shared = {"text": "a.txt", "speaker.txt": "a.speaker.txt", "3.cls": "a.3.cls"}
    assert recordings[0].meta == {**shared, "text": "a.1.txt"}
    assert recordings[1].meta == {**shared, "text": "a.2.txt"}
    assert len(recordings) == 2


def test_neighbours_of_one_name_in_other_folders_are_other_samples(read: Any) -> None:
    recordings = read([("a/x.ogg", b"1"), ("b/x.txt", b"b"), ("b/x.wav", b"2"), ("b/x.flac", b"3"), ("a/x.txt", b"a")])
    assert [(recording.id, dict(recording.meta)) for recording in recordings] == [
        ("x.tar/a/x.ogg", {}),
        ("x.tar/b/x.wav", {"text": "b"}),
        ("x.tar/b/x.flac", {"text": "b"}),
    ]


@pytest.mark.parametrize(
    ("name", "data", "meta"),
    [
        ("a.txt", b"\xef\xbb\xbf \xe3\x81\x82\r\n", {"text": "あ"}),
        ("a.txt", b"", {"text": ""}),
        ("a.txt", "シフト".encode("cp932"), {}),
        ("a.txt", b"x" * (64 << 10), {"text": "x" * (64 << 10)}),
        ("a.txt", b"x" * ((64 << 10) + 1), {}),
        ("a.json", b'{"speaker": "\xe3\x81\x82", "n": [1, null]}', {"json": {"speaker": "あ", "n": [1, None]}}),
        ("a.json", b'{"speaker": ', {"json_error": '{"speaker":'}),
        ("a.json", b"[" * 60_000, {"json_error": "[" * 60_000}),
        ("a.json", b"[NaN, 1e999, -Infinity, 1.5]", {"json": [None, None, None, 1.5]}),
        ("a.cls", b"7\n", {"cls": "7"}),
        ("a.lrc", b"[00:01]x", {"lrc": "[00:01]x"}),
        ("a.npy", b"\x93NUMPY", {}),
        ("a.bin", b"a\0b", {}),
    ],
)
def test_sidecars_become_meta(read: Any, name: str, data: bytes, meta: dict[str, Any]) -> None:
    (recording,) = read([("a.ogg", b"a"), (name, data)])
    assert recording.meta == meta
    json.dumps(recording.meta, allow_nan=False)


def test_a_name_that_comes_again_fails_under_an_id_of_its_own(read: Any) -> None:
    recordings = read([("a.ogg", b"1"), ("./a.ogg", b"2"), ("b.ogg", b"3"), ("a.ogg", b"4"), ("d//e.ogg", b"5")])
    assert texts(sound(recordings)) == [("a.ogg", b"1", {}), ("b.ogg", b"3", {}), ("d/e.ogg", b"5", {})]
    assert list(failures(recordings)) == ["x.tar/a.ogg (member 2)", "x.tar/a.ogg (member 4)"]
    assert all(why.startswith("DuplicateId: ") for why in failures(recordings).values())


def test_names_that_lead_elsewhere_fail_one_by_one(read: Any) -> None:
    bad = ["/abs.ogg", "../up.ogg", "a/../../up.ogg", "a\\..\\up.ogg", "C:\\x.ogg", "/abs.ogg", "/etc/passwd", "/a.txt"]
    recordings = read([*((name, b"x") for name in bad), ("good..ogg", b"y")])
    assert texts(sound(recordings)) == [("good..ogg", b"y", {})]
    assert list(failures(recordings)) == [
        *(f"x.tar/{name}" for name in bad[:5]),
        "x.tar//abs.ogg (member 6)",
    ]
    assert all(why.startswith("UnsafeName: ") and "relative" in why for why in failures(recordings).values())


def test_members_that_windows_packed_lie_in_folders(read: Any) -> None:
    recordings = read(
        [("s\\a.b.ogg", b"1"), ("s\\a.b.txt", "はい".encode()), (".\\s\\t/c.ogg", b"2"), ("s/a.b.ogg", b"3")]
    )
    assert texts(sound(recordings)) == [("s/a.b.ogg", b"1", {"text": "はい"}), ("s/t/c.ogg", b"2", {})]
    assert list(failures(recordings)) == ["x.tar/s/a.b.ogg (member 4)"]


def test_half_a_character_of_shift_jis_is_no_backslash(read: Any) -> None:
    raw = "声\\表.ogg".encode("cp932")  # the last of `表` is a backslash, too
    (found,) = read([(raw.decode("utf-8", "surrogateescape"), b"1")])
    assert found.id.encode("utf-8", "surrogateescape") == b"x.tar/" + "声/表.ogg".encode("cp932")


def test_a_name_with_a_nul_fails(read: Any) -> None:
    raw = packed([("nul!.ogg" + "x" * 200 + ".ogg", b"x"), ("b.ogg", b"y")], tarfile.PAX_FORMAT)
    recordings = read(raw.replace(b"nul!.ogg", b"nul\0.ogg", 1))
    assert list(failures(recordings)) == ["x.tar/nul\\0.ogg" + "x" * 200 + ".ogg"]
    assert [recording.id for recording in sound(recordings)] == ["x.tar/b.ogg"]


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name, type_ in (("dir.ogg", tarfile.DIRTYPE), ("hard.ogg", tarfile.LNKTYPE), ("soft.ogg", tarfile.SYMTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, "/etc/passwd"
            tar.addfile(member)
        for name, type_ in (
            ("soft.txt", tarfile.SYMTYPE),
            ("pipe.ogg", tarfile.FIFOTYPE),
            ("real.ogg", tarfile.REGTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = type_, "/etc/passwd"
            tar.addfile(member)
    found = failures(list(tar_shard(str(tmp_path / "x.tar"), "x")))
    assert list(found) == ["x/hard.ogg", "x/soft.ogg", "x/pipe.ogg"]
    assert "links in archives are not followed" in found["x/soft.ogg"]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_sparse_member_fails_alone(read: Any, ending: str) -> None:
    member = tarfile.TarInfo("holes.wav")
    member.pax_headers = {"GNU.sparse.size": "5000", "GNU.sparse.numblocks": "0", "GNU.sparse.map": "0,5"}
    member.size = 5
    raw = member.tobuf(tarfile.PAX_FORMAT) + b"holes".ljust(512, b"\0") + packed([("a.wav", b"a")])
    recordings = read(raw, "x" + ending)
    assert texts(sound(recordings)) == [("a.wav", b"a", {})]
    assert "sparse" in failures(recordings)[f"x{ending}/holes.wav"]


def test_a_member_too_large_to_hold_fails_alone(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_HELD_BYTES", 1000)
    contents = [("a.wav", b"a" * 1001), ("b.wav", b"b" * 1000)]
    recordings = read(contents, "x.tar.gz")
    assert "compressed or remote" in failures(recordings)["x.tar.gz/a.wav"]
    assert texts(sound(recordings)) == [("b.wav", b"b" * 1000, {})]
    assert len(sound(read(contents))) == 2


def test_two_archives_joined_end_to_end_are_both_read(read: Any) -> None:
    first, second = packed(GALGAME[:2]), packed(GALGAME[2:])
    assert texts(read(first + second)) == EXPECTED
    assert texts(read(gzip.compress(first) + gzip.compress(second))) == EXPECTED


@pytest.mark.parametrize(("pattern", "ending"), [("{:05}.ogg", ".tar"), ("v1.{:05}.ogg", ".tar.gz")])
def test_members_are_forgotten_whether_their_names_differ_or_share_a_key(
    tmp_path: Path, pattern: str, ending: str
) -> None:
    path = tmp_path / ("many" + ending)
    clips = ((pattern.format(number), b"x" * 2000) for number in range(20_000))
    path.write_bytes(packed(clips) if ending == ".tar" else gzip.compress(packed(clips), 1))
    tracemalloc.start()
    count = sum(1 for _ in tar_shard(str(path), "x"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    # 20,000 headers would be 40 MB, and 20,000 clips as well.
    assert peak < 7e6


def test_a_sample_without_end_is_cut_where_no_text_is_lost(read: Any) -> None:
    names = [f"v1.{number:04}.{extension}" for number in range(1300) for extension in ("ogg", "txt")]
    recordings = read([(name, name.encode()) for name in names])
    assert len(recordings) == 1300
    assert all(recording.meta == {"text": recording.id[6:-3] + "txt"} for recording in recordings)


def test_the_clips_of_the_sample_corpus_decode_from_their_sections(tmp_path: Path) -> None:
    import soundfile

    files = sorted(path for path in CORPUS.rglob("*") if path.suffix in {".ogg", ".flac", ".wav"})[:3]
    assert files
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for file in files:
            tar.add(file, file.relative_to(CORPUS).as_posix())
    recordings = list(tar_shard(str(tmp_path / "x.tar"), "x"))
    for file, recording in zip(files, recordings, strict=True):
        assert (soundfile.read(io.BytesIO(content(recording)))[0] == soundfile.read(file)[0]).all()
