"""The lists of Style-Bert-VITS2 and GPT-SoVITS are corpora: their files are found, and what they say is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.readers.lists import manifest
from anime_whisper_ct2.readers.lists.voices import voice_list
from tests.support.listings import BYTES, Write, check_all, message, only, writer


@pytest.fixture
def write(tmp_path: Path) -> Write:
    return writer(tmp_path)


@pytest.mark.parametrize(
    ("line", "meta"),
    [
        ("a.wav|さくら|JP|えっと、", {"speaker": "さくら", "language": "ja", "text": "えっと、"}),
        ("a.wav|slicer_opt|ja|えっと", {"speaker": "slicer_opt", "language": "ja", "text": "えっと"}),
        ("a.wav|s|all_zh|x", {"speaker": "s", "language": "zh", "text": "x"}),
        ("a.wav|s|EN|x", {"speaker": "s", "language": "en", "text": "x"}),
        ("a.wav|s|XY|x", {"speaker": "s", "language": "XY", "text": "x"}),
        ("a.wav|s|JP|a|b|", {"speaker": "s", "language": "ja", "text": "a|b|"}),
        ("a.wav|s|JP|", {"speaker": "s", "language": "ja", "text": ""}),
        ("a.wav|さくら|えっと", {"speaker": "さくら", "text": "えっと"}),
        *((f"a.wav|{name}|えっと", {"language": "ja", "text": "えっと"}) for name in ("JP", "ja", "all_ja")),
        ("a.wav|YUE|x", {"language": "yue", "text": "x"}),
        # Names, each of which a language has, too.
        *(
            (f"a.wav|{name}|x", {"speaker": name, "text": "x"})
            for name in ("Ben", "Mac", "Tam", "Kan", "Sun", "Yue", "Ara", "Ko", "Dan Brown", "ben", "japanese")
        ),
        ("a.wav|えっと", {"text": "えっと"}),
        ("a.wav", {}),
        # As `preprocess_text.py` leaves it.
        ("a.wav|s|JP|はい|_ h a i _|0 1 1 0 0|1 2 1 1", {"speaker": "s", "language": "ja", "text": "はい"}),
    ],
)
def test_a_line_says_who_speaks_which_language_and_what(line: str, meta: dict[str, str], write: Write) -> None:
    found = only(write("esd.list", f"\ufeff{line}\r\n"))
    assert (found.id, found.meta) == ("a.wav", meta)


# Where a file lies, beside `list/esd.list`, and how its line names it.
@pytest.mark.parametrize(
    ("there", "written"),
    [
        ("list/raw/s/a.wav", "s/a.wav"),
        ("list/raw/s/a.wav", "s\\a.wav"),
        ("list/s/a.wav", "s/a.wav"),
        ("work/s/a.wav", "s/a.wav"),
        ("list/wavs/a.wav", "Data/list/wavs/a.wav"),
        ("s/a.wav", "s/a.wav"),
        ("list/a.wav", "D:\\GPT-SoVITS\\output\\a.wav"),
        ("list/raw/a.wav", "/home/somebody/a.wav"),
        ("list/wavs/a.wav", "/home/somebody/s/a.wav"),
        ("list/花/a.wav", "C:\\Users\\me\\rec\\花\\a.wav"),
        ("list/rec/花/a.wav", "/home/somebody/rec/花/a.wav"),
        ("list/raw/花/a.wav", "D:/voice/raw/花/a.wav"),
        ("list/esd/a.wav", "output/esd/a.wav"),
        ("list/esd/a.wav", "./a.wav"),
    ],
)
def test_a_file_is_found_where_the_two_programs_may_mean_it(
    there: str, written: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = Path(write(there, b""))
    found = only(write("list/esd.list", f"{written}|s|JP|t\n"))
    assert isinstance(found.audio, str)
    assert Path(found.audio).samefile(path)
    assert found.name == found.audio


def test_the_first_of_several_counts(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    places = ["list/raw/s/a.wav", "list/s/a.wav", "work/s/a.wav", "s/a.wav"]
    files = [Path(write(place, b"")) for place in places]
    path = write("list/esd.list", "s/a.wav|s|JP|t\n")
    for file in files:
        assert Path(str(only(path).audio)).samefile(file)
        file.unlink()
    assert "it was looked for in" in message(only(path))


def test_a_whole_path_is_that_path_wherever_the_list_is(write: Write, tmp_path: Path) -> None:
    path = write("elsewhere/a.wav", b"")
    write("list/raw/a.wav", b"")
    assert only(write("list/x.list", f"{path}|s|ja|t\n")).audio == path


def test_another_speaker_s_file_of_the_same_name_is_not_taken(write: Write) -> None:
    write("list/wavs/001.wav", b"")
    write("list/raw/001.wav", b"")
    for found in manifest(write("list/esd.list", "bob/001.wav|bob|JP|t\nstyle/001.wav|s|JP|t\n")):
        assert "there is no file" in message(found)


def test_of_two_lines_that_come_to_one_file_by_its_name_the_second_fails(write: Write) -> None:
    audio = write("list/wavs/001.wav", b"")
    lines = [f"{folder}/001.wav|s|JP|t\n" for folder in ("/old/alice", "/old/bob", "D:/old/eve", "/old/alice")]
    first, *others = manifest(write("list/esd.list", "".join(lines)))
    assert first.audio == audio
    assert [each.id for each in others] == ["old/bob/001.wav", "D/old/eve/001.wav", "esd.list:4"]
    for each in others[:2]:
        assert f"and {audio}, of the same name, is an earlier line's" in message(each)
    assert "came in an earlier row" in message(others[2], "DuplicateId")


def test_the_folders_of_another_machine_tell_files_of_one_name_apart(write: Write) -> None:
    written = {folder: write(f"list/{folder}/001.wav", b"") for folder in ("花", "健")}
    write("list/001.wav", b"")
    lines = [f"D:\\rec\\{folder}\\001.wav|{folder}|JP|t\n" for folder in written]
    found = manifest(write("list/esd.list", "".join(lines)))
    assert [(each.audio, each.meta["speaker"]) for each in found] == [(path, name) for name, path in written.items()]


def test_ids_do_not_depend_on_where_the_files_are(write: Write, tmp_path: Path) -> None:
    path = write("esd.list", f"s/a.wav|s|JP|t\n{tmp_path}/b.wav|s|JP|t\nc.wav|s|JP|t\n")
    before = [each.id for each in manifest(path)]
    for name in ("raw/s/a.wav", "b.wav", "c.wav"):
        write(name, b"")
    assert before == [each.id for each in manifest(path)] == ["s/a.wav", "b.wav", "c.wav"]


def test_a_bad_line_fails_by_its_number_and_what_is_lost_keeps_what_is_said_of_it(write: Write) -> None:
    first, again, nameless, broken = manifest(
        write("esd.list", b"a.wav|s|JP|t\n\na.wav|s|JP|u\n|s|JP|v\nx\xff.wav|s|JP|w\n")
    )
    assert (first.id, first.meta["text"]) == ("a.wav", "t")
    assert "there is no file" in message(first)
    assert again.id == "esd.list:3"
    assert "names no audio" in message(nameless)
    assert "save the list as UTF-8" in message(broken)


def test_behind_urls_nothing_is_looked_for(write: Write) -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/lists/esd.list", b"s/a.wav|s|JP|t\n")
    assert only("memory://lists/esd.list").audio == "memory://lists/s/a.wav"
    assert only(write("b.list", "https://example.org/a.wav|s|JP|t\n")).audio == "https://example.org/a.wav"


def test_it_is_an_input_as_any_other(write: Write, tmp_path: Path) -> None:
    write("raw/a.wav", b"")
    write("raw/b.wav", b"")
    path = write("esd.list", "a.wav|s|JP|t\nb.wav|s|JP|t\n")
    corpus = Corpus((path,), include=("b*",))
    corpus.check_lists()
    assert [each.id for each in corpus] == ["b.wav"]
    assert corpus.count() == 1


@settings(max_examples=60)
@given(BYTES)
def test_whatever_a_list_holds_is_recordings(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("lists") / "x.list"
    path.write_bytes(content)
    check_all(lambda: voice_list(str(path)))
