"""The formats for training voices, Style-Bert-VITS2's and LJSpeech's, read as their trainers read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, esd, ljspeech
from anime_whisper_ct2.export.formats.plain import flat
from tests.support.files import contents
from tests.support.training_rows import NAMES, SETTINGS, Write, row, whole_files


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> list[Row]:
    return whole_files(write_tone)


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
    assert contents(out)["esd.list"].decode().startswith("さくら/001-0.wav|")
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
    assert contents(out) == {"metadata.csv": f"a/001|{clip.text}|{clip.text}\n".encode()}


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
