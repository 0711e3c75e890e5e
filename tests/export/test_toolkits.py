"""The formats of recognisers' toolkits, NeMo's, Kaldi's and lhotse's, read back by the library that each is for."""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import Row, kaldi, lhotse, nemo
from anime_whisper_ct2.export.formats.sorting import SortedLines
from tests.support.training_rows import NAMES, NASTY, SETTINGS, json_lines, needs_byte_names, row, segments, whole_files


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> list[Row]:
    return whole_files(write_tone)


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
    from anime_whisper_ct2.readers.lists.manifests import manifest
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
        lines = (out / name).read_bytes().splitlines()
        assert lines == sorted(lines)
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
        "doubt": 0.125,
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
