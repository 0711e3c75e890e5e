"""What all data set formats share, and audio folders and shards, read back by the library that they are for."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import os
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import (
    ExportSettings,
    Row,
    esd,
    gptsovits,
    huggingface,
    kaldi,
    lhotse,
    ljspeech,
    nemo,
    webdataset,
)
from tests.support.files import contents
from tests.support.training_rows import NAMES, SETTINGS, json_lines, needs_byte_names, row, segments, whole_files

WRITERS = {
    "esd": esd.write,
    "gptsovits": gptsovits.write,
    "ljspeech": ljspeech.write,
    "hf": huggingface.write,
    "nemo": nemo.write,
    "kaldi": kaldi.write,
    "lhotse": lhotse.write,
    "webdataset": webdataset.write,
}
# The library leaves closing its files to the garbage collector.
leaves_files_open = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> list[Row]:
    return whole_files(write_tone)


# All of them


@pytest.mark.parametrize("format_", WRITERS)
def test_the_same_rows_give_the_same_bytes_whenever_they_are_exported(
    format_: str, corpus: list[Row], tmp_path: Path
) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        WRITERS[format_](iter(corpus), folder, SETTINGS)
        for number, each in enumerate(corpus):
            os.utime(each.audio, (1_000_000 * number, 1_000_000 * number))
    first, second = map(contents, folders)
    assert first
    assert first == second


@pytest.mark.parametrize("format_", WRITERS)
def test_no_rows_give_an_empty_data_set(format_: str, out: Path) -> None:
    WRITERS[format_](iter(()), out, SETTINGS)


@pytest.mark.parametrize("format_", WRITERS)
@pytest.mark.parametrize("audio", ["gone.wav", "s3://bucket/001.wav", "shards/000.tar/001.wav", "table.parquet/1.wav"])
def test_audio_that_is_no_file_here_is_named_with_the_remedy(format_: str, audio: str, out: Path) -> None:
    with pytest.raises(InputError, match=rf"^{audio}: .*no such file here.*--clips DIR$"):
        WRITERS[format_]([row("001", audio)], out, SETTINGS)


@pytest.mark.parametrize("format_", ["hf", "webdataset"])
def test_a_format_of_whole_files_refuses_stretches_and_says_how_to_cut_them(
    format_: str, corpus: list[Row], out: Path
) -> None:
    with pytest.raises(InputError, match=r"長い\.wav is a stretch.*--clips DIR"):
        WRITERS[format_](segments(Path(corpus[0].audio)), out, SETTINGS)


@needs_byte_names
@pytest.mark.parametrize("format_", WRITERS)
def test_a_file_name_that_is_no_utf8_gets_through(format_: str, corpus: list[Row], out: Path, tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav")
    with open(strange, "wb") as file:
        file.write(Path(corpus[0].audio).read_bytes())
    given = row("_-1234", strange, recording="\udcff\udcfe.wav", meta={"name": "\udcff"})
    WRITERS[format_]([given], out, SETTINGS)
    written = b"".join(contents(out).values())
    if format_ == "nemo":
        assert json.loads(written)["audio_filepath"] == strange
    elif format_ == "kaldi":
        assert os.fsencode(strange) in written
    elif format_ == "lhotse":
        path = json.loads(gzip.decompress((out / "recordings.jsonl.gz").read_bytes()))["sources"][0]["source"]
        assert path == strange
    else:
        assert Path(corpus[0].audio).read_bytes() in written


# Hugging Face


def load_audio_folder(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    import datasets

    if not datasets.config.TORCHCODEC_AVAILABLE:
        # It is asked for even where a path is kept as it is.
        encoders = ModuleType("torchcodec.encoders")
        encoders.AudioEncoder = None  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
        monkeypatch.setitem(sys.modules, "torchcodec.encoders", encoders)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    datasets.disable_progress_bars()
    loaded = datasets.load_dataset("audiofolder", data_dir=str(folder), cache_dir=str(cache))
    assert set(loaded) == {"train"}
    return loaded["train"].cast_column("audio", datasets.Audio(decode=False))


def test_datasets_loads_the_audio_folder(
    corpus: list[Row], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huggingface.write(corpus, out, SETTINGS)
    (out / ".awct2-export.json").write_text('{"files": 6}\n', encoding="utf-8")
    loaded = load_audio_folder(out, tmp_path / "cache", monkeypatch)
    assert loaded["text"][:] == [each.text for each in corpus]
    assert [Path(each["path"]).read_bytes() for each in loaded["audio"]] == [
        Path(each.audio).read_bytes() for each in corpus
    ]
    assert loaded["id"][:2] == ["さくら/第一章/001.wav", "さくら/第一章/002.wav"]
    assert loaded["duration"][:] == [0.5] * 5
    assert loaded["flags"][:] == ["repeat", "", "", "", ""]
    assert json.loads(loaded["meta"][0]) == {"話": [1, None], "speaker": "桜"}


def test_names_that_datasets_takes_for_splits_or_dates_load_as_they_are(
    write_tone: Callable[..., Path], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["2024-01-01", "2024-01-02", "dev.set/1", "contest/latest", "test/001", "train/val_2", "x/eval 3"]
    rows = [row(name, write_tone(f"{name}.m4a.wav"), text="2024-01-01") for name in names]
    huggingface.write([*rows[:-1], dataclasses.replace(rows[-1], text="日付")], out, SETTINGS)
    loaded = load_audio_folder(out, tmp_path / "cache", monkeypatch)
    assert loaded["id"][:] == [f"{name}.wav" for name in names]
    assert all(Path(each["path"]).is_file() for each in loaded["audio"])
    assert (out / "audio" / "contest" / "latest.wav").is_file()


def test_a_clip_in_the_export_that_would_become_a_split_is_refused(corpus: list[Row], out: Path) -> None:
    clip = dataclasses.replace(corpus[1], audio="clips/test/001.wav", source=corpus[1].audio)
    with pytest.raises(InputError, match=r"clips/test/001\.wav: .*split.*outside the export"):
        huggingface.write([clip], out, SETTINGS)


def test_clips_in_the_export_are_not_stored_twice(corpus: list[Row], out: Path) -> None:
    clip = dataclasses.replace(corpus[1], audio="clips/あ.wav", source=corpus[1].audio)
    huggingface.write([clip], out, SETTINGS)
    assert list(contents(out)) == ["metadata.jsonl"]
    assert json_lines(out / "metadata.jsonl")[0]["file_name"] == "clips/あ.wav"


def test_audio_comes_out_of_tars_plain_and_packed(write_tone: Callable[..., Path], out: Path, tmp_path: Path) -> None:
    # The last as programs on Windows pack it.
    names = ("./声/0.ogg", "./声/1.ogg", "声\\2.ogg")
    audio = {name: write_tone(f"{n}.ogg", 0.2 + n / 10).read_bytes() for n, name in enumerate(names)}
    rows = []
    for name in ("000.tar", "001.tar.gz", "002.tgz"):
        with tarfile.open(tmp_path / name, "w" if name == "000.tar" else "w:gz") as tar:
            for member, data in audio.items():
                info = tarfile.TarInfo(member)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        rows += [row(f"{name}/声/{n}", tmp_path / name / f"声/{n}.ogg") for n in (2, 0, 1)]
    huggingface.write(rows, out, SETTINGS)
    for line in json_lines(out / "metadata.jsonl"):
        number = line["id"].rpartition("/")[2].removesuffix(".ogg")
        assert (out / line["file_name"]).read_bytes() == audio[names[int(number)]]


def test_files_are_copied_where_they_cannot_be_linked(
    corpus: list[Row], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("another file system")

    huggingface.write(corpus, out, SETTINGS)
    linked = contents(out)
    again = out / "again"
    again.mkdir()
    monkeypatch.setattr(os, "link", refuse)
    huggingface.write(corpus, again, SETTINGS)
    assert contents(again) == linked
    assert all(path.stat().st_nlink == 1 for path in (again / "audio").rglob("*.wav"))


# WebDataset


def read_shard(path: Path) -> Iterator[dict[str, Any]]:
    import webdataset as library

    yield from library.WebDataset(f"file:{path.as_posix()}", shardshuffle=False, empty_check=False)


@leaves_files_open
def test_webdataset_reads_the_shards(corpus: list[Row], out: Path) -> None:
    webdataset.write(corpus, out, SETTINGS)
    assert list(contents(out)) == ["台詞-000000.tar"]
    samples = list(read_shard(out / "台詞-000000.tar"))
    assert [each["__key__"] for each in samples] == [
        "さくら/第一章/001",
        "さくら/第一章/002",
        "魔王/決戦 (最終話)/001",
        "魔王/決戦 (最終話)/v1_0",
        "独白",
    ]
    for sample, given in zip(samples, corpus, strict=True):
        assert sample["wav"] == Path(given.audio).read_bytes()
        assert sample["txt"].decode() == given.text
        about = json.loads(sample["json"])
        assert (about["id"], about["recording"], about["duration"]) == (given.name, given.recording, 0.5)
        assert (about["flags"], about["meta"]) == (list(given.flags), dict(given.meta))


@leaves_files_open
def test_rows_out_of_shards_go_to_shards_of_the_same_names_with_their_keys(
    write_tone: Callable[..., Path], out: Path, tmp_path: Path
) -> None:
    audio = write_tone("声.ogg", 0.3).read_bytes()
    members = {"shard-000.tar": ["b.1", "b.2", "声"], "深い/shard-001.tar": ["声"], "深い/shard-002.tar.gz": ["声"]}
    rows = [row("何も", write_tone("何も.ogg"))]
    for shard, names in members.items():
        path = tmp_path / "in" / shard
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(path, "w:gz" if shard.endswith("gz") else "w") as tar:
            for number, name in enumerate(names):
                info = tarfile.TarInfo(f"{name}.ogg")
                info.size = len(audio) - number
                tar.addfile(info, io.BytesIO(audio))
        rows += [row(f"{shard}/{name}", path / f"{name}.ogg", recording=f"{shard}/{name}.ogg") for name in names]
    rows.append(row("後", write_tone("後.ogg")))
    webdataset.write(rows, out, SETTINGS)
    assert sorted(contents(out)) == sorted(
        ["shard-000.tar", "深い/shard-001.tar", "深い/shard-002.tar", "台詞-000000.tar"]
    )
    samples = list(read_shard(out / "shard-000.tar"))
    assert [each["__key__"] for each in samples] == ["b_1", "b_2", "声"]
    assert [each["ogg"] for each in samples] == [audio, audio[:-1], audio[:-2]]
    assert [each["ogg"] for each in read_shard(out / "深い" / "shard-002.tar")] == [audio]
    assert [each["__key__"] for each in read_shard(out / "台詞-000000.tar")] == ["何も", "後"]


@leaves_files_open
def test_keys_that_become_the_same_or_that_the_reader_skips_stay_samples(
    write_tone: Callable[..., Path], out: Path
) -> None:
    audio = write_tone("声.ogg")
    names = ["a.b", "a_b", "a_b-2", "__secret__/1", "__1__", ".hidden"]
    webdataset.write([row(name, audio, text=name) for name in names], out, SETTINGS)
    samples = list(read_shard(out / "台詞-000000.tar"))
    assert [each["txt"].decode() for each in samples] == names
    assert len({each["__key__"] for each in samples}) == len(names)


@leaves_files_open
def test_shards_are_cut_by_rows_and_by_bytes(corpus: list[Row], out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "SHARD_ROWS", 2)
    webdataset.write(corpus, out, ExportSettings(title="../声"))
    names = ["-".join((".._声", f"{n:06d}.tar")) for n in range(3)]
    assert [path.name for path in sorted(out.iterdir())] == names
    assert [len(list(read_shard(out / name))) for name in names] == [2, 2, 1]
    monkeypatch.setattr(webdataset, "SHARD_BYTES", 1)
    (out / "bytes").mkdir()
    webdataset.write(corpus, out / "bytes", SETTINGS)
    assert len(contents(out / "bytes")) == len(corpus)


def test_an_exported_shard_is_an_input_too(corpus: list[Row], out: Path) -> None:
    from anime_whisper_ct2.readers.tar import tar_shard

    webdataset.write(corpus, out, SETTINGS)
    path = out / "台詞-000000.tar"
    read = list(tar_shard(str(path), path.name))
    assert [each.id for each in read][:2] == [f"台詞-000000.tar/{name}.wav" for name in NAMES[:2]]
    assert [each.meta["text"] for each in read] == [each.text for each in corpus]
