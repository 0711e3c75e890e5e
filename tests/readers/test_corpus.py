"""A corpus lists what it should, under stable ids, and refuses what cannot be told apart."""

from __future__ import annotations

import os
from pathlib import Path
from unicodedata import normalize

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers import Corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("b.ogg", "a/002.WAV", "a/001.flac", "a/notes.txt", "さくら/001.m4a", ".hidden.json"):
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "corpus"


def ids(*inputs: Path | str, **options: object) -> list[str]:
    return [recording.id for recording in Corpus(tuple(map(str, inputs)), **options)]


def test_a_folder_gives_its_audio_by_paths_below_it(corpus: Path) -> None:
    assert ids(corpus) == ["a/001.flac", "a/002.WAV", "b.ogg", "さくら/001.m4a"]


def test_names_lead_to_the_files(corpus: Path) -> None:
    assert next(recording.name for recording in Corpus((str(corpus),))) == str(corpus / "a" / "001.flac")


def test_a_file_is_taken_whatever_its_extension(corpus: Path) -> None:
    (corpus / "a" / "001.flac").rename(corpus / "a" / "take")
    assert ids(corpus / "a" / "take") == ["take"]


def test_a_glob_gives_files_and_what_is_below_folders(corpus: Path) -> None:
    assert ids(f"{corpus}/*.ogg", f"{corpus}/さ*") == ["b.ogg", "さくら/001.m4a"]


def test_a_name_with_glob_characters_is_a_name_first(tmp_path: Path) -> None:
    path = tmp_path / "決戦 [最終話].ogg"
    path.touch()
    assert ids(path) == [path.name]


@pytest.mark.parametrize(("typed", "named"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_patterns_fit_in_either_form_of_unicode(tmp_path: Path, typed: str, named: str) -> None:
    folder = tmp_path / normalize(named, "ガ")
    folder.mkdir()
    for name in ("ぱ.ogg", "ぴ.ogg"):
        (folder / normalize(named, name)).touch()
    include, exclude = normalize(typed, "ガ/*"), normalize(typed, "*ぱ.ogg")
    assert ids(tmp_path, include=(include,), exclude=(exclude,)) == [normalize(named, "ガ/ぴ.ogg")]


def test_include_exclude_and_limit(corpus: Path) -> None:
    assert ids(corpus, include=("a/*", "*.ogg"), exclude=("*.WAV",)) == ["a/001.flac", "b.ogg"]
    assert ids(corpus, limit=2) == ["a/001.flac", "a/002.WAV"]


def test_shards_are_disjoint_complete_and_independent_of_each_other(corpus: Path) -> None:
    parts = [ids(corpus, shard=(i, 3)) for i in range(3)]
    assert sorted(id_ for part in parts for id_ in part) == ids(corpus)
    (corpus / "new.ogg").touch()
    assert [[id_ for id_ in ids(corpus, shard=(i, 3)) if id_ != "new.ogg"] for i in range(3)] == parts
    with pytest.raises(InputError, match="count from 0"):
        Corpus((str(corpus),), shard=(3, 3))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        Corpus((str(tmp_path / "absent"),))
    with pytest.raises(InputError, match="no such"):
        Corpus((str(tmp_path / "*.ogg"),))
    with pytest.raises(InputError, match="no INPUT"):
        Corpus(())


def test_ids_that_collide_are_refused_with_both_names(corpus: Path) -> None:
    (corpus / "copy").mkdir()
    (corpus / "copy" / "001.flac").touch()
    with pytest.raises(
        InputError, match=r"a[/\\]001\.flac and .*copy[/\\]001\.flac would both have the id '001\.flac'"
    ):
        Corpus((str(corpus / "a"), str(corpus / "copy"))).check()


@pytest.mark.parametrize("within", ["b.ogg", "", "/"])
def test_inputs_that_overlap_are_refused(corpus: Path, within: str) -> None:
    other = f"{corpus}/" if within == "/" else str(corpus / within)
    if within:
        with pytest.raises(InputError, match="would both have the id"):
            Corpus((str(corpus), other)).check()
    else:
        assert Corpus((str(corpus), other)).count() == 4


@pytest.mark.posix("links")
def test_a_link_in_a_circle_is_a_recording_that_fails(corpus: Path) -> None:
    (corpus / "loop.ogg").symlink_to(corpus / "loop.ogg")
    assert "loop.ogg" in ids(corpus)


@pytest.mark.posix("a limit for names, which Wine has not")
def test_a_name_that_no_system_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        Corpus((str(tmp_path / ("x" * 300)),))


def test_an_input_given_twice_counts_once(corpus: Path) -> None:
    assert Corpus((str(corpus), str(corpus))).count() == 4


@pytest.mark.posix("links")
def test_links_are_followed_but_never_in_a_circle(corpus: Path) -> None:
    (corpus / "a" / "up").symlink_to(corpus)
    (corpus / "linked").symlink_to(corpus / "a")
    assert ids(corpus) == ["a/001.flac", "a/002.WAV", "b.ogg", "linked/001.flac", "linked/002.WAV", "さくら/001.m4a"]


@pytest.mark.posix("links")
def test_a_link_to_nothing_is_listed_so_that_the_run_reports_it(corpus: Path) -> None:
    (corpus / "gone.ogg").symlink_to(corpus / "nowhere.ogg")
    assert "gone.ogg" in ids(corpus)


@pytest.mark.posix("named pipes")
def test_pipes_are_never_opened(corpus: Path) -> None:
    os.mkfifo(corpus / "pipe.ogg")
    assert "pipe.ogg" not in ids(corpus)


@pytest.mark.posix("names that are no UTF-8")
def test_names_that_are_not_utf_8_are_listed(corpus: Path) -> None:
    raw = b"\x83e\x83X\x83g.ogg"
    (corpus / os.fsdecode(raw)).touch()
    assert os.fsdecode(raw) in ids(corpus)
