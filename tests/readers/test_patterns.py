"""Patterns and odd names as INPUT: the same recordings and ids however a system takes, writes or refuses them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from anime_whisper_ct2 import Corpus
from anime_whisper_ct2.errors import InputError, ModelNotFoundError, RecordingError
from anime_whisper_ct2.models import resolve_model
from anime_whisper_ct2.readers import files, patterns
from anime_whisper_ct2.readers.fetch import opened
from anime_whisper_ct2.readers.remote import exists, glob_urls
from anime_whisper_ct2.readers.selection import Selection
from anime_whisper_ct2.system import paths
from tests.support.windows_paths import in_any_case, invalid_name, refuse_wildcards, windows_paths

NAMES = ("あ/1.ogg", "b/1.ogg", "b/c/2.ogg", "[1999] x/1.ogg", "t-0.tar", "t-1.tar")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in NAMES:
        (tmp_path / "v" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ids(*given: str) -> list[str]:
    return sorted(each.id for each in Corpus(given))


PATTERNS = [
    ("v/*/1.ogg", ["[1999] x/1.ogg", "b/1.ogg", "あ/1.ogg"]),
    ("v/**/*.ogg", ["[1999] x/1.ogg", "b/1.ogg", "b/c/2.ogg", "あ/1.ogg"]),
    ("./v/b/?.ogg", ["1.ogg"]),
    ("v/{b,あ}/*.ogg", ["b/1.ogg", "あ/1.ogg"]),
    ("v//*/1.ogg", ["[1999] x/1.ogg", "b/1.ogg", "あ/1.ogg"]),
    ("v/*/c/", ["b/c/2.ogg"]),
]


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_a_pattern_gives_what_it_matches_below_its_fixed_part(pattern: str, expected: list[str], folder: Path) -> None:
    assert ids(pattern) == expected
    assert ids(f"{folder.as_posix()}/{pattern}") == expected
    assert ids(pattern.replace("/", os.sep)) == expected


@pytest.mark.parametrize(("pattern", "expected"), PATTERNS)
def test_a_system_that_has_no_names_with_wildcards_takes_it_alike(
    pattern: str, expected: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_wildcards(monkeypatch)
    assert ids(pattern) == expected


def test_what_no_pattern_matches_is_not_there_on_such_a_system(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_wildcards(monkeypatch)
    for given in ("v/*.wav", 'v/a"b.ogg', "v/<a>.ogg"):
        with pytest.raises(InputError, match="no such file or folder"):
            Corpus((given,))


@pytest.mark.parametrize("number", [3, 123])
def test_a_path_that_is_too_long_for_windows_is_named_as_that(
    number: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: str) -> None:
        error = FileNotFoundError(2, "No such file", path) if number == 3 else invalid_name(path)
        error.winerror = number  # type: ignore[attr-defined,unused-ignore]
        raise error

    monkeypatch.setattr(patterns.os, "stat", refuse)
    with pytest.raises(InputError, match=r"cannot be opened: .*LongPathsEnabled"):
        Corpus((str(folder / ("x" * 200) / ("y" * 200)),))


def test_other_refusals_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Access is denied", path)

    monkeypatch.setattr(patterns.os, "stat", refuse)
    with pytest.raises(InputError, match="cannot be opened: Access is denied"):
        Corpus(("v",))


def test_brackets_of_folders_that_are_there_are_letters_where_they_match_nothing(folder: Path) -> None:
    # As in `v/1999 x/*.ogg`, the first wildcard is the star.
    assert ids("v/[1999] x/*.ogg") == ids("v/[1999] x/{1,1}.ogg") == ["1.ogg"]
    assert ids("v/[1999] {x,x}/*.ogg") == ["[1999] x/1.ogg"]
    assert ids(f"{folder.as_posix()}/v/[[]1999] x/*.ogg") == ["[1999] x/1.ogg"]
    (folder / "v" / "1 x").mkdir()
    (folder / "v" / "1 x" / "3.ogg").touch()
    assert ids("v/[1999] x/*.ogg") == ["1 x/3.ogg"]
    assert ids("v/[1999] x") == ["1.ogg"]


def test_a_tilde_that_no_shell_took_is_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(folder))
    corpus = Corpus(("~/v/*/1.ogg",))
    assert [each.id for each in corpus] == sorted(PATTERNS[0][1])
    # As a run keeps it, so that it is found again from anywhere.
    (given,) = corpus.inputs
    assert Path(given) == folder / "v/*/1.ogg"


@pytest.mark.parametrize(
    ("given", "path", "way"),
    [
        ("v\\*\\1.ogg", "v\\b\\1.ogg", "b/"),
        ("v/*/1.ogg", "v\\b\\1.ogg", "b/"),
        (".\\v\\**\\*.ogg", ".\\v\\b\\c\\2.ogg", "b/c/"),
        ("C:\\v\\*\\*.ogg", "C:\\v\\b\\1.ogg", "b/"),
        ("C:\\v\\\\*\\*.ogg", "C:\\v\\b\\1.ogg", "b/"),
        ("C:\\v\\t-{0..1}.tar", "C:\\v\\t-0.tar", ""),
        ("C:v\\*.ogg", "C:v\\1.ogg", ""),
        ("\\\\?\\C:\\v\\*\\1.ogg", "\\\\?\\C:\\v\\b\\1.ogg", "b/"),
        ("\\\\server\\share\\*\\1.ogg", "\\\\server\\share\\b\\1.ogg", "b/"),
        ("v\\b\\1.ogg", "v\\b\\1.ogg", None),
    ],
)
def test_on_windows_either_separator_parts_folders(
    given: str, path: str, way: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows_paths(monkeypatch, paths, patterns)
    assert patterns.way(given, path) == way


@pytest.mark.parametrize(
    ("literal", "way"),
    [("", "[1999] x/b/"), ("C:\\v", "[1999] x/b/"), ("C:\\v\\[1999] x", "b/"), ("C:/v/[1999] x", "b/")],
)
def test_what_is_taken_to_the_letter_has_no_wildcard(literal: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, paths, patterns)
    path = "C:\\v\\[1999] x\\b\\1.ogg"
    assert patterns.way("C:\\v\\[1999] x\\*\\1.ogg", path, len(literal)) == way


@pytest.mark.parametrize(("given", "named"), [("v\\*.take", True), ("v.1\\*", False), ("v\\x", True), ("v\\*", False)])
def test_on_windows_a_dot_in_a_folder_names_no_extension(
    given: str, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows_paths(monkeypatch, paths)
    assert patterns.names(given) is named


def test_on_windows_matches_come_in_the_order_of_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, paths)
    monkeypatch.setattr(
        patterns.glob, "glob", lambda *_args, **_options: ["v\\a\\1.ogg", "v\\a-b\\1.ogg", "v\\a0\\1.ogg"]
    )
    found = [each.path for each in patterns.matches("v/*/1.ogg")]
    assert found == ["v\\a-b\\1.ogg", "v\\a\\1.ogg", "v\\a0\\1.ogg"]


def test_on_windows_ids_are_selected_with_its_separator_too(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, paths)
    selection = Selection(include=("その他\\*",), exclude=("その他\\2*",))
    assert [id_ for id_ in ("その他/1.ogg", "その他/2.ogg", "b/1.ogg") if selection.takes_id(id_)] == ["その他/1.ogg"]


def test_on_windows_an_input_in_another_case_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_any_case(monkeypatch)
    corpus = Corpus(("v", "V", "V. "))
    corpus.check()
    assert corpus.inputs == ("v", "v", "v")
    assert len(corpus._sources) == 1


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("v/b/1.OGG", ["1.ogg"]),
        ("V/B/1.ogg. ", ["1.ogg"]),
        ("v/*/1.OGG", ["[1999] x/1.ogg", "b/1.ogg", "あ/1.ogg"]),
        ("v/*/C/*.ogg", ["b/c/2.ogg"]),
        ("v/{B,あ}/1.OGG", ["b/1.ogg", "あ/1.ogg"]),
        ("v/[1999] X/*.ogg", ["1.ogg"]),
        ("V/**/*.ogg", ["[1999] x/1.ogg", "b/1.ogg", "b/c/2.ogg", "あ/1.ogg"]),
    ],
)
def test_on_windows_a_file_has_one_id_however_it_is_written(
    given: str, expected: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_any_case(monkeypatch)
    assert ids(given) == expected


def test_names_that_a_pattern_does_not_say_are_not_looked_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_any_case(monkeypatch)
    monkeypatch.setattr(patterns, "as_on_disk", lambda path: pytest.fail(path) if "*" not in path else path)
    assert len(ids("v/*/?.ogg")) == 3


def test_on_a_drive_that_numbers_nothing_folders_are_told_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.stat

    def stat(path: str) -> SimpleNamespace:
        return SimpleNamespace(st_mode=real(path).st_mode, st_dev=1, st_ino=0)

    expected = ids("v")
    numberless = SimpleNamespace(stat=stat, scandir=os.scandir, path=os.path)
    monkeypatch.setattr(files, "os", numberless)
    assert ids("v") == expected == ["[1999] x/1.ogg", "b/1.ogg", "b/c/2.ogg", "あ/1.ogg"]


class TestUrls:
    def test_a_url_of_files_with_a_wildcard_is_matched_on_such_a_system(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = (folder / "v").as_uri() + "/b/*.ogg"
        refuse_wildcards(monkeypatch)
        assert not exists(url)
        assert [each.rpartition("/")[2] for each in glob_urls(url)] == ["1.ogg"]

    def test_its_backslashes_are_slashes_on_windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        windows_paths(monkeypatch, paths)
        assert patterns.as_meant("file://C:\\v\\b") == "file://C:/v/b"
        assert patterns.as_meant("s3://bucket/a\\b") == "s3://bucket/a\\b"


def test_a_list_from_a_console_that_lacks_a_letter_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_wildcards(monkeypatch)
    with pytest.raises(RecordingError, match="in an encoding that lacks them: write it as UTF-8"), opened("ふふ?.ogg"):
        pass


def test_a_model_of_such_a_name_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise invalid_name(str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    monkeypatch.setattr(Path, "is_file", lambda _path: False)
    with pytest.raises(ModelNotFoundError, match=r"no such file; name a model by its folder"):
        resolve_model("mo?del.gguf")
