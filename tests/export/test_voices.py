"""The formats for voices, Style-Bert-VITS2's, GPT-SoVITS's and LJSpeech's, read as their trainers read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export.formats import ExportSettings, Row, esd, gptsovits, ljspeech
from anime_whisper_ct2.export.formats.plain import flat
from tests.support.files import contents
from tests.support.trainers import gpt_sovits, style_bert_vits2
from tests.support.training_rows import NAMES, SETTINGS, Write, whole_files


@pytest.fixture
def corpus(write_tone: Callable[..., Path]) -> list[Row]:
    return whole_files(write_tone)


# Style-Bert-VITS2


def test_style_bert_vits2_finds_every_file_with_its_speaker_and_text(corpus: list[Row], out: Path) -> None:
    esd.write(corpus, out, SETTINGS)
    lines = style_bert_vits2(out)
    assert [line.file.read_bytes() for line in lines] == [Path(each.audio).read_bytes() for each in corpus]
    assert [line.speaker for line in lines] == ["桜", "さくら", "魔王", "魔王", "台詞"]
    assert (lines[0].language, lines[0].text) == ("JP", "「えっと…」 ねえ ほら だめ 🎵♡")
    assert lines[1].text == corpus[1].text


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
    assert len(style_bert_vits2(out)) == 3


def test_a_speaker_with_a_bar_and_a_language_in_capitals_make_four_fields(corpus: list[Row], out: Path) -> None:
    rows = [dataclasses.replace(each, language=code) for each, code in zip(corpus, ("ja", "en", "zh"), strict=False)]
    esd.write(rows, out, ExportSettings(speaker="あ|い\nう"))
    found = [(line.speaker, line.language) for line in style_bert_vits2(out)]
    assert found == [("あ い う", "JP"), ("あ い う", "EN"), ("あ い う", "ZH")]


@pytest.mark.parametrize(
    ("write", "known"), [(esd.write, "esd knows ja, en, zh"), (gptsovits.write, "gptsovits knows ja, en, zh, ko, yue")]
)
def test_a_language_that_the_trainer_does_not_know_is_refused(
    write: Write, known: str, corpus: list[Row], out: Path
) -> None:
    with pytest.raises(InputError, match=f"'fr'; {known} only"):
        write([dataclasses.replace(corpus[0], language="fr")], out, SETTINGS)


# GPT-SoVITS


def test_gpt_sovits_finds_every_file_with_the_folders_field_empty_or_filled_in(corpus: list[Row], out: Path) -> None:
    gptsovits.write(corpus, out, dataclasses.replace(SETTINGS, place=str(out)))
    lines = gpt_sovits(out / "gptsovits.list")
    assert lines == gpt_sovits(out / "gptsovits.list", out / "wavs")
    assert [line.file.read_bytes() for line in lines] == [Path(each.audio).read_bytes() for each in corpus]
    assert [line.speaker for line in lines] == ["桜", "さくら", "魔王", "魔王", "台詞"]
    assert {line.language for line in lines} == {"ja"}
    assert lines[0].text == "「えっと…」 ねえ ほら だめ 🎵♡"


def test_a_moved_folder_is_found_by_the_folders_field(corpus: list[Row], out: Path) -> None:
    gptsovits.write(corpus, out, dataclasses.replace(SETTINGS, place="/somewhere/else"))
    assert len(gpt_sovits(out / "gptsovits.list", out / "wavs")) == len(corpus)


def test_a_place_that_the_list_cannot_name_is_refused_before_anything_is_read(out: Path) -> None:
    def unread() -> Iterator[Row]:
        pytest.fail("was read")
        yield

    for place in ("/data|voices", "/data\nvoices", "/data\udcff"):
        with pytest.raises(InputError, match="cannot hold such a path in its list; choose another with -o"):
            gptsovits.write(unread(), out, dataclasses.replace(SETTINGS, place=place))


def test_clips_where_gpt_sovits_has_its_own_are_refused(corpus: list[Row], out: Path) -> None:
    clip = dataclasses.replace(corpus[0], audio="wavs/a/001.wav", source=corpus[0].audio)
    with pytest.raises(InputError, match="leave --clips out"):
        gptsovits.write([clip], out, SETTINGS)


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
