"""The data set formats, each read back by the library that it is for."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.exporters import (
    ExportSettings,
    Row,
    esd,
    huggingface,
    kaldi,
    lhotse,
    ljspeech,
    nemo,
    webdataset,
)
from anime_whisper_ct2.exporters.plain import flat
from anime_whisper_ct2.exporters.sorting import SortedLines

Write = Callable[[Iterable[Row], Path, ExportSettings], None]
SETTINGS = ExportSettings(title="台詞")
NASTY = "「えっと…」\nねえ\tほら|だめ\u2028🎵♡"
NAMES = ("さくら/第一章/001", "さくら/第一章/002", "魔王/決戦 (最終話)/001", "魔王/決戦 (最終話)/v1.0", "独白")
WRITERS = {
    "esd": esd.write,
    "ljspeech": ljspeech.write,
    "hf": huggingface.write,
    "nemo": nemo.write,
    "kaldi": kaldi.write,
    "lhotse": lhotse.write,
    "webdataset": webdataset.write,
}
# The library leaves closing its files to the garbage collector.
leaves_files_open = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
needs_byte_names = pytest.mark.skipif(os.name != "posix", reason="only POSIX has names that are no text")


def row(name: str, audio: str | Path, **changes: Any) -> Row:
    base = Row(
        name=name,
        recording=name + Path(audio).suffix,
        audio=str(audio),
        start_s=0.0,
        duration_s=0.5,
        whole=True,
        text=f"台詞 {name}",
        language="ja",
        avg_logprob=-0.25,
        no_speech_prob=0.01,
    )
    return dataclasses.replace(base, **changes)


def segments(audio: Path, count: int = 3) -> list[Row]:
    """Rows that are stretches of one recording."""
    first = row("", audio, recording="録音/長い.wav", whole=False, duration_s=0.15)
    return [
        dataclasses.replace(first, name=f"録音/長い-{n}", start_s=round(n * 0.15, 3), text=f"{n}") for n in range(count)
    ]


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> list[Row]:
    """Whole WAV files with Japanese names, in the order of their names; the first one's text is hard to carry."""
    rows = [row(name, write_tone(f"corpus/{name}.wav", 0.5)) for name in NAMES]
    rows[0] = dataclasses.replace(rows[0], text=NASTY, flags=("repeat",), meta={"話": [1, None], "speaker": "桜"})
    return rows


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


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
    first, second = map(content, folders)
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


@pytest.mark.parametrize("format_", ["esd", "ljspeech", "hf", "webdataset"])
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
    written = b"".join(content(out).values())
    if format_ == "nemo":
        assert json.loads(written)["audio_filepath"] == strange
    elif format_ == "kaldi":
        assert os.fsencode(strange) in written
    elif format_ == "lhotse":
        path = json.loads(gzip.decompress((out / "recordings.jsonl.gz").read_bytes()))["sources"][0]["source"]
        assert path == strange
    else:
        assert Path(corpus[0].audio).read_bytes() in written


# Style-Bert-VITS2


def trainer_lines(folder: Path) -> list[tuple[Path, str, str, str]]:
    """Read `esd.list` as the trainer's scripts do: files below `raw` are resampled to `.wav` below `wavs`."""
    made = {
        (path.relative_to(folder / "raw")).with_suffix(".wav")
        for path in (folder / "raw").rglob("*")
        if path.suffix.lower() == ".wav"
    }
    lines = []
    with (folder / "esd.list").open(encoding="utf-8") as file:
        for line in file:
            name, speaker, language, text = line.strip().split("|")
            assert Path(name) in made
            lines.append((folder / "raw" / name, speaker, language, text))
    return lines


def test_style_bert_vits2_finds_every_file_with_its_speaker_and_text(corpus: list[Row], out: Path) -> None:
    esd.write(corpus, out, SETTINGS)
    lines = trainer_lines(out)
    assert [path.read_bytes() for path, *_ in lines] == [Path(each.audio).read_bytes() for each in corpus]
    assert [speaker for _, speaker, _, _ in lines] == ["桜", "さくら", "魔王", "魔王", "台詞"]
    assert lines[0][2:] == ("JP", "「えっと…」 ねえ ほら だめ 🎵♡")
    assert lines[1][2:] == ("JP", corpus[1].text)


def test_the_first_folder_is_the_style(corpus: list[Row], out: Path) -> None:
    esd.write(corpus, out, SETTINGS)
    assert {path.name for path in (out / "raw").iterdir() if path.is_dir()} == {"さくら", "魔王"}


def test_clips_below_raw_are_listed_where_they_are(corpus: list[Row], out: Path) -> None:
    clip = dataclasses.replace(corpus[0], audio="raw/さくら/001-0.wav", source=corpus[0].audio)
    esd.write([clip], out, SETTINGS)
    assert content(out)["esd.list"].decode().startswith("さくら/001-0.wav|")
    assert not (out / "raw").exists()


def test_clips_that_are_elsewhere_are_brought_below_raw(corpus: list[Row], out: Path) -> None:
    clips = [
        dataclasses.replace(corpus[0], audio="../clips/001.wav", source=corpus[0].audio),
        dataclasses.replace(corpus[1], audio="other/002.wav", source=corpus[1].audio),
        dataclasses.replace(corpus[2], source=corpus[2].audio),
    ]
    esd.write(clips, out, SETTINGS)
    assert len(trainer_lines(out)) == 3


def test_a_speaker_with_a_bar_and_a_language_in_capitals_make_four_fields(corpus: list[Row], out: Path) -> None:
    rows = [dataclasses.replace(each, language=code) for each, code in zip(corpus, ("ja", "en", "zh"), strict=False)]
    esd.write(rows, out, ExportSettings(speaker="あ|い\nう"))
    assert [line[1:3] for line in trainer_lines(out)] == [("あ い う", "JP"), ("あ い う", "EN"), ("あ い う", "ZH")]


def test_a_language_that_the_trainer_does_not_know_is_refused(corpus: list[Row], out: Path) -> None:
    with pytest.raises(InputError, match="'ko'; esd knows ja, en, zh only"):
        esd.write([dataclasses.replace(corpus[0], language="ko")], out, SETTINGS)


@pytest.mark.parametrize("write", [esd.write, ljspeech.write])
def test_audio_that_is_no_wav_is_refused_with_the_options_that_help(
    write: Write, write_tone: Callable[..., Path], out: Path
) -> None:
    audio = write_tone("声.ogg")
    with pytest.raises(InputError, match=r"声\.ogg: .* WAV .*--clips DIR --clip-format wav$"):
        write([row("声", audio)], out, SETTINGS)


@pytest.mark.parametrize("write", [esd.write, ljspeech.write, kaldi.write])
def test_rows_without_text_are_left_out_of_what_trains_on_text(write: Write, corpus: list[Row], out: Path) -> None:
    write([dataclasses.replace(corpus[0], text=" \n"), corpus[1]], out, SETTINGS)
    lists = [data for name, data in content(out).items() if name in ("esd.list", "metadata.csv", "text", "wav.scp")]
    assert lists
    assert all(data.count(b"\n") == 1 for data in lists)


# LJSpeech


def test_lhotse_reads_the_ljspeech_folder(corpus: list[Row], out: Path) -> None:
    from lhotse.recipes import prepare_ljspeech

    wide = dataclasses.replace(corpus[1], text="ﾊﾟｰﾃｨ１ ｜ ok")
    ljspeech.write([corpus[0], wide, *corpus[2:]], out, SETTINGS)
    read = prepare_ljspeech(out)
    found = {each.id: each for each in read["supervisions"]}
    assert set(found) == {path.stem for path in (out / "wavs").iterdir()}
    assert found["さくら__第一章__001"].text == "「えっと…」 ねえ ほら だめ 🎵♡"
    assert found["さくら__第一章__002"].text == wide.text
    assert found["さくら__第一章__002"].custom == {"normalized_text": "パーティ1   ok"}
    assert len(found) == len(NAMES)


def test_clips_below_wavs_are_named_where_they_are(corpus: list[Row], out: Path) -> None:
    clip = dataclasses.replace(corpus[1], audio="wavs/a/001.wav", source=corpus[1].audio)
    ljspeech.write([clip], out, SETTINGS)
    assert content(out) == {"metadata.csv": f"a/001|{clip.text}|{clip.text}\n".encode()}


def test_flat_names_are_different_where_names_are() -> None:
    names = [
        "a/b",
        "a__b",
        "a_/b",
        "a/_b",
        "a b",
        "a_b",
        "a　b",
        "a|b",
        "a/b/c",
        "a/b__c",
        "a__b/c",
        "a",
        "_a",
        "あ/い",
    ]
    names += ["/".join(["長い名前" * 8] * depth) for depth in range(1, 6)]
    words = [flat(name) for name in names]
    assert len(set(words)) == len(names)
    assert all(len(word.encode()) <= 200 and not set(word) & set("/| \u3000\n") for word in words)
    assert words[0] == "a__b"


def test_two_rows_with_one_place_in_the_export_are_refused(corpus: list[Row], out: Path) -> None:
    with pytest.raises(InputError, match=r"the name 同じ\.wav in the export already"):
        ljspeech.write([dataclasses.replace(each, name="同じ") for each in corpus], out, SETTINGS)


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
    (out / ".awct2-export.json").write_text('{"files": 6}\n')
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
    assert list(content(out)) == ["metadata.jsonl"]
    assert json_lines(out / "metadata.jsonl")[0]["file_name"] == "clips/あ.wav"


def test_audio_comes_out_of_tars_plain_and_packed(write_tone: Callable[..., Path], out: Path, tmp_path: Path) -> None:
    audio = {f"./声/{n}.ogg": write_tone(f"{n}.ogg", 0.2 + n / 10).read_bytes() for n in range(3)}
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
        assert (out / line["file_name"]).read_bytes() == audio[f"./声/{number}.ogg"]


def test_files_are_copied_where_they_cannot_be_linked(
    corpus: list[Row], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("another file system")

    huggingface.write(corpus, out, SETTINGS)
    linked = content(out)
    again = out / "again"
    again.mkdir()
    monkeypatch.setattr(os, "link", refuse)
    huggingface.write(corpus, again, SETTINGS)
    assert content(again) == linked
    assert all(path.stat().st_nlink == 1 for path in (again / "audio").rglob("*.wav"))


# NeMo


def test_a_nemo_manifest_says_where_each_text_is(corpus: list[Row], out: Path) -> None:
    relative = dataclasses.replace(corpus[1], audio="clips/002.wav", source=corpus[1].audio)
    rows = [corpus[0], relative, *segments(Path(corpus[2].audio))]
    nemo.write(rows, out, SETTINGS)
    lines = json_lines(out / "manifest.jsonl")
    assert lines[0] == {"audio_filepath": corpus[0].audio, "duration": 0.5, "text": NASTY, "lang": "ja"}
    assert lines[1]["audio_filepath"] == "clips/002.wav"
    assert [(line["offset"], line["duration"]) for line in lines[2:]] == [(0.0, 0.15), (0.15, 0.15), (0.3, 0.15)]
    assert all(isinstance(line["duration"], float) for line in lines)


def test_a_nemo_manifest_is_an_input_too(corpus: list[Row], out: Path) -> None:
    from anime_whisper_ct2.readers.manifests import manifest
    from anime_whisper_ct2.records import Excerpt

    nemo.write([corpus[1], *segments(Path(corpus[2].audio))], out, SETTINGS)
    read = list(manifest(str(out / "manifest.jsonl")))
    stretches = [each.audio for each in read[1:]]
    assert all(isinstance(each, Excerpt) and each.audio == corpus[2].audio for each in stretches)
    assert [(each.offset_s, each.duration_s) for each in stretches if isinstance(each, Excerpt)] == [
        (0.0, 0.15),
        (0.15, 0.15),
        (0.3, 0.15),
    ]
    assert [each.meta["text"] for each in read] == [corpus[1].text, "0", "1", "2"]


def test_relative_audio_becomes_absolute(
    corpus: list[Row], out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nemo.write([dataclasses.replace(corpus[1], audio=os.path.relpath(corpus[1].audio))], out, SETTINGS)
    assert json_lines(out / "manifest.jsonl")[0]["audio_filepath"] == corpus[1].audio


# Kaldi


def kaldi_table(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    table = dict(line.split(" ", 1) for line in lines)
    assert len(table) == len(lines)
    return table


@pytest.mark.filterwarnings("ignore::DeprecationWarning:multiprocessing")  # lhotse's loader forks
def test_lhotse_loads_the_kaldi_folder(corpus: list[Row], out: Path) -> None:
    from lhotse import validate_recordings_and_supervisions
    from lhotse.kaldi import load_kaldi_data_dir

    kaldi.write([*corpus, *segments(Path(corpus[2].audio))], out, SETTINGS)
    recordings, supervisions, _ = load_kaldi_data_dir(out, 16_000)
    assert supervisions is not None
    validate_recordings_and_supervisions(recordings, supervisions)
    assert len(recordings) == len(corpus) + 1
    found = {each.id: each for each in supervisions}
    assert found["桜-さくら__第一章__001"].text == "「えっと…」 ねえ ほら|だめ 🎵♡"
    assert found["録音-録音__長い-2"].start == 0.3
    assert found["録音-録音__長い-2"].end == 0.45
    assert {each.language for each in supervisions} == {"ja"}
    assert {each.speaker for each in supervisions} == {"桜", "さくら", "魔王", "台詞", "録音"}


def test_kaldi_files_agree_with_each_other_and_are_sorted_by_bytes(corpus: list[Row], out: Path) -> None:
    speakers = ["a", "a-b", "a b", "A", "a.b", "ab", "!", "あ", " ", "a/b", "a\u3000b", "a_b", "a_b_2", "0"]
    pairs = [(speaker, n) for n in range(3) for speaker in speakers]
    random.Random(0).shuffle(pairs)
    audio = corpus[0].audio
    rows = [row(f"{n}/{i}", audio, meta={"speaker": speaker}) for i, (speaker, n) in enumerate(pairs)]
    kaldi.write([*rows, *segments(Path(audio))], out, SETTINGS)
    for name in ("wav.scp", "segments", "text", "utt2spk", "spk2utt", "utt2lang"):
        subprocess.run(["sort", "-c", str(out / name)], check=True, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
    utterances = kaldi_table(out / "utt2spk")
    assert len(utterances) == len(rows) + 3
    assert len(set(utterances.values())) == len(speakers) + 1
    assert list(utterances.values()) == sorted(utterances.values(), key=str.encode)
    assert all(utterance.startswith(speaker + "-") for utterance, speaker in utterances.items())
    assert utterances.keys() == kaldi_table(out / "text").keys() == kaldi_table(out / "segments").keys()
    assert utterances.keys() == kaldi_table(out / "utt2lang").keys()
    spoken = {u: s for s, listed in kaldi_table(out / "spk2utt").items() for u in listed.split(" ")}
    assert spoken == utterances
    recordings = {line.split(" ")[0] for line in kaldi_table(out / "segments").values()}
    assert recordings == kaldi_table(out / "wav.scp").keys()


@needs_byte_names
@pytest.mark.parametrize("name", ["touch pwned |", "0.wav ", "a\nb.wav", "x:12"])
def test_a_name_that_kaldi_would_run_or_misread_is_refused(name: str, out: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"RIFF")
    with pytest.raises(InputError, match="Kaldi would not take that name"):
        kaldi.write([row("001", tmp_path / name)], out, SETTINGS)


def test_lines_are_sorted_beyond_what_memory_holds() -> None:
    lines = [f"{n * 7919 % 1000:03d} あ\n".encode() for n in range(1000)]
    with SortedLines(most_held=64) as held:
        for line in lines:
            held.add(line)
        assert list(held) == sorted(lines)


# lhotse


def test_lhotse_loads_its_manifests_and_the_audio(
    corpus: list[Row], out: Path, write_tone: Callable[..., Path]
) -> None:
    from lhotse import RecordingSet, SupervisionSet, validate_recordings_and_supervisions

    stereo = out.parent / "ステレオ.flac"
    soundfile.write(stereo, np.zeros((22_050, 2), np.float32), 44_100)
    rows = [*corpus, *segments(Path(corpus[2].audio)), row("ス", stereo), row("歌", write_tone("歌.mp3", 0.5, 44_100))]
    lhotse.write(rows, out, SETTINGS)
    recordings = RecordingSet.from_file(out / "recordings.jsonl.gz")
    supervisions = SupervisionSet.from_file(out / "supervisions.jsonl.gz")
    validate_recordings_and_supervisions(recordings, supervisions, read_data=True)
    assert [each.text for each in supervisions] == [each.text for each in rows]
    assert [each.id for each in recordings] == [*NAMES, "録音/長い.wav", "ス", "歌"]
    found = {each.id: each for each in recordings}
    assert (found["ス"].sampling_rate, found["ス"].num_samples, found["ス"].num_channels) == (44_100, 22_050, 2)
    first = next(iter(supervisions))
    assert first.custom == {
        "avg_logprob": -0.25,
        "no_speech_prob": 0.01,
        "flags": ["repeat"],
        "meta": {"話": [1, None], "speaker": "桜"},
    }
    assert (first.speaker, first.language) == ("桜", "ja")


def test_lhotse_is_told_the_length_that_was_heard_where_a_header_says_less(
    out: Path, write_tone: Callable[..., Path]
) -> None:
    from lhotse import RecordingSet, SupervisionSet, validate_recordings_and_supervisions

    audio = write_tone("短い.wav", 0.5)
    rows = [dataclasses.replace(each, start_s=each.start_s + 0.5) for each in segments(audio)]
    lhotse.write([row("全部", audio, duration_s=0.8), *rows], out, SETTINGS)
    recordings = RecordingSet.from_file(out / "recordings.jsonl.gz")
    validate_recordings_and_supervisions(recordings, SupervisionSet.from_file(out / "supervisions.jsonl.gz"))
    assert [each.duration for each in recordings] == pytest.approx([0.8, 0.95])


def test_audio_that_no_decoder_opens_is_named(out: Path, tmp_path: Path) -> None:
    (tmp_path / "雑音.wav").write_bytes(b"noise")
    with pytest.raises(InputError, match=r"雑音\.wav: .*lhotse needs its rate.*--clips DIR"):
        lhotse.write([row("雑音", tmp_path / "雑音.wav")], out, SETTINGS)


# WebDataset


def read_shard(path: Path) -> Iterator[dict[str, Any]]:
    import webdataset as library

    yield from library.WebDataset(str(path), shardshuffle=False, empty_check=False)


@leaves_files_open
def test_webdataset_reads_the_shards(corpus: list[Row], out: Path) -> None:
    webdataset.write(corpus, out, SETTINGS)
    assert list(content(out)) == ["台詞-000000.tar"]
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
    assert sorted(content(out)) == sorted(
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
    assert len(content(out / "bytes")) == len(corpus)


def test_an_exported_shard_is_an_input_too(corpus: list[Row], out: Path) -> None:
    from anime_whisper_ct2.readers.tar import tar_shard

    webdataset.write(corpus, out, SETTINGS)
    path = out / "台詞-000000.tar"
    read = list(tar_shard(str(path), path.name))
    assert [each.id for each in read][:2] == [f"台詞-000000.tar/{name}.wav" for name in NAMES[:2]]
    assert [each.meta["text"] for each in read] == [each.text for each in corpus]
