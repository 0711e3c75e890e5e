"""Paths as each system has them: what is absolute, what lies below what, and how ids begin."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from anime_whisper_ct2.system import paths
from tests.support.windows_paths import in_any_case, invalid_name, windows_paths


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    windows_paths(monkeypatch, paths)


@pytest.mark.parametrize("path", ["/a", "C:\\a", "c:/a"])
def test_a_path_that_says_where_it_leads_is_absolute_on_every_system(path: str) -> None:
    assert paths.is_absolute(path)


@pytest.mark.parametrize("path", ["\\\\server\\share\\a", "\\a", "/a", "//server/share/a", "\\\\?\\C:\\a"])
def test_so_it_is_in_all_the_ways_of_windows(path: str, windows: None) -> None:
    # As `os.path.isabs` has it from Python 3.13 on, `/a` is not.
    assert paths.is_absolute(path)


@pytest.mark.parametrize("path", ["a", "a/b", "./a", "C:", "C:a", "", "~/a"])
def test_others_are_relative(path: str, windows: None) -> None:
    assert not paths.is_absolute(path)


@pytest.mark.parametrize(
    ("path", "folder", "way"),
    [
        ("C:\\Voices\\A b\\1.OGG", "c:\\voices", "A b/1.OGG"),
        ("C:/voices/a/1.ogg", "C:\\voices\\", "a/1.ogg"),
        ("\\\\?\\C:\\voices\\1.ogg", "C:\\voices", "1.ogg"),
        ("C:\\voices\\1.ogg", "\\\\?\\c:\\Voices", "1.ogg"),
        ("\\\\Server\\share\\v\\1.ogg", "\\\\server\\Share\\v", "1.ogg"),
        ("\\\\?\\UNC\\server\\share\\v\\1.ogg", "\\\\server\\share", "v/1.ogg"),
        ("C:\\voices\\x\\..\\1.ogg", "C:\\voices", "1.ogg"),
        ("C:\\1.ogg", "C:\\", "1.ogg"),
        ("/voices/1.ogg", "C:\\voices", "1.ogg"),  # on the drive of the working folder
        ("/voices/1.ogg", "D:\\voices", None),
        ("D:\\voices\\1.ogg", "C:\\voices", None),
        ("C:\\voices2\\1.ogg", "C:\\voices", None),
        ("C:\\voices", "C:\\voices", None),
    ],
)
def test_what_lies_below_a_folder_is_compared_as_windows_compares(
    path: str, folder: str, way: str | None, windows: None
) -> None:
    assert paths.below(path, paths.beginning_below(folder)) == way


@pytest.mark.posix("links")
def test_links_lead_where_they_lead(tmp_path: Path) -> None:
    (tmp_path / "folder" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "in")
    for inside in ("folder", "folder/in", "folder/not there", "link", "link/not there"):
        assert paths.lies_in(tmp_path / inside, str(tmp_path / "folder"))
    for outside in ("folder2", ".", "folder/../folder2"):
        assert not paths.lies_in(tmp_path / outside, tmp_path / "folder")


@pytest.mark.parametrize("path", ["c:b.wav", "C:..\\b.wav", "D:"])
def test_a_drive_without_a_folder_leads_wherever_it_is_at(path: str, windows: None) -> None:
    assert paths.is_drive_relative(path)


@pytest.mark.parametrize("path", ["C:\\b.wav", "c:/b.wav", "b.wav", "ab:c.wav", "\\\\?\\C:\\b.wav", ""])
def test_other_paths_do_not(path: str, windows: None) -> None:
    assert not paths.is_drive_relative(path)


@pytest.mark.posix("a colon in a name")
def test_nor_does_a_name_with_a_colon_elsewhere() -> None:
    assert not paths.is_drive_relative("c:b.wav")


@pytest.mark.posix("names that differ in case")
@pytest.mark.parametrize(
    ("path", "folder", "way"),
    [
        ("/v/a/1.ogg", "/v", "a/1.ogg"),
        ("/V/1.ogg", "/v", None),
        ("/v/a\\b.ogg", "/v", "a\\b.ogg"),
        ("/a", "/", "a"),
        ("/v//./1.ogg", "/v", "1.ogg"),
    ],
)
def test_and_letter_by_letter_elsewhere(path: str, folder: str, way: str | None) -> None:
    assert paths.below(path, paths.beginning_below(folder)) == way


PLACES = [
    ("C:\\voices\\a.ogg", "C/voices/a.ogg"),
    ("c:/voices/a.ogg", "C/voices/a.ogg"),
    ("\\\\?\\d:\\a.ogg", "D/a.ogg"),
    ("\\\\server\\share\\a.ogg", "server/share/a.ogg"),
    ("\\\\?\\UNC\\server\\share\\a.ogg", "server/share/a.ogg"),
    ("/voices/a.ogg", "voices/a.ogg"),
    ("//server/share/a.ogg", "server/share/a.ogg"),
]


@pytest.mark.parametrize(("path", "id_"), PLACES)
def test_an_absolute_path_goes_on_from_its_root(path: str, id_: str) -> None:
    assert paths.from_root(path) == id_


@pytest.mark.parametrize(("path", "id_"), PLACES)
def test_on_windows_it_does_so_alike(path: str, id_: str, windows: None) -> None:
    assert paths.from_root(path) == id_


@pytest.mark.posix("a backslash in a name")
def test_a_backslash_in_a_name_stays_one() -> None:
    assert paths.from_root("/a\\b") == "a\\b"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("a.ogg  ", "a.ogg"),
        ("a\\b. .", "a\\b"),
        (" a", " a"),
        ("..", ".."),
        ("a\\..", "a\\.."),
        ("a/.", "a/."),
        ("", ""),
    ],
)
def test_windows_leaves_spaces_and_dots_at_the_end_out_of_names(path: str, named: str, windows: None) -> None:
    assert paths.as_named(path) == named


@pytest.mark.posix("such names")
def test_other_systems_do_not() -> None:
    assert paths.as_named("a. ") == "a. "


class TestTheDisksNames:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        (tmp_path / "v" / "Alice").mkdir(parents=True)
        (tmp_path / "v" / "Alice" / "声 1.ogg").touch()
        monkeypatch.chdir(tmp_path)
        in_any_case(monkeypatch)
        return tmp_path

    @pytest.mark.parametrize(
        "path", ["v/Alice/声 1.ogg", "V/alice/声 1.OGG", "v//ALICE/声 1.ogg. ", "./v/x/../alice/声 1.Ogg"]
    )
    def test_what_is_found_in_any_case_is_called_as_on_the_disk(self, path: str) -> None:
        (Path("v") / "x").mkdir()
        assert paths.as_on_disk(path).rpartition("/")[2] == "声 1.ogg"

    def test_so_are_the_folders_above_it(self, folder: Path) -> None:
        assert paths.as_on_disk("V/alice/声 1.OGG") == "v/Alice/声 1.ogg"
        assert paths.as_on_disk("V/alice/") == "v/Alice/"
        assert paths.as_on_disk(f"{folder.as_posix()}/V/ALICE") == f"{folder.as_posix()}/v/Alice"

    @pytest.mark.parametrize("path", ["v/Bob.ogg. ", "v/*. ", "", "-"])
    def test_what_is_not_there_stays_as_it_is_written(self, path: str) -> None:
        assert paths.as_on_disk(path) == path

    @pytest.mark.posix("links")
    def test_a_link_keeps_the_name_that_it_is_given(self, folder: Path) -> None:
        (folder / "v" / "one.ogg").symlink_to(folder / "v" / "Alice" / "声 1.ogg")
        assert paths.as_on_disk("V/one.ogg") == "V/one.ogg"


@pytest.mark.posix("names that differ in case")
def test_where_case_tells_names_apart_none_is_changed(tmp_path: Path) -> None:
    (tmp_path / "a.ogg. ").touch()
    assert paths.as_on_disk(str(tmp_path / "a.ogg. ")) == str(tmp_path / "a.ogg. ")


@pytest.mark.posix("paths of another system")
class TestPathsThatWindowsWrote:
    @pytest.mark.parametrize("written", ["c:\\v\\1.ogg", "C:/v/1.ogg", "\\\\?\\C:\\v\\1.ogg"])
    def test_lie_on_the_drives_of_windows_own_linux(self, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os.path, "lexists", lambda path: path == "/mnt/c/v/1.ogg")
        assert paths.as_here(written) == "/mnt/c/v/1.ogg"

    @pytest.mark.parametrize(
        ("written", "here"),
        [("c:\\v\\1.ogg", "c:/v/1.ogg"), ("C:/v/1.ogg", "C:/v/1.ogg"), ("v\\1.ogg", "v/1.ogg"), ("v/1.ogg", "v/1.ogg")],
    )
    def test_else_they_only_get_slashes(self, written: str, here: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os.path, "lexists", lambda _path: False)
        assert paths.as_here(written) == here


def test_on_windows_they_are_at_home(windows: None) -> None:
    assert paths.as_here("C:\\v\\1.ogg. ") == "C:\\v\\1.ogg"
    assert paths.as_here("/v/1.ogg") == "/v/1.ogg"


def test_names_that_nothing_can_have_are_told_from_faults() -> None:
    assert paths.can_be_no_name(invalid_name("*.ogg"))
    assert not paths.can_be_no_name(PermissionError(13, "Access is denied", "a.ogg"))
    assert not paths.can_be_no_name(ValueError("embedded null byte"))


class TestHome:
    @pytest.fixture(autouse=True)
    def home(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("HOME", "USERPROFILE"):
            monkeypatch.setenv(name, str(tmp_path / "me"))
        monkeypatch.chdir(tmp_path)

    def test_a_tilde_that_no_shell_took_is_the_home_folder(self, tmp_path: Path) -> None:
        assert Path(paths.at_home("~/voices/*.ogg")) == tmp_path / "me" / "voices" / "*.ogg"
        assert Path(paths.at_home("~")) == tmp_path / "me"

    def test_so_it_is_for_a_program(self, tmp_path: Path) -> None:
        assert paths.path_of(Path("~") / "out") == paths.path_of("~/out") == tmp_path / "me" / "out"

    @pytest.mark.parametrize("path", ["~x/a", "a/~/b", "~.ogg", "", "./~/a"])
    def test_one_elsewhere_is_a_part_of_a_name(self, path: str) -> None:
        assert paths.at_home(path) == path

    def test_a_folder_of_that_name_goes_first(self, tmp_path: Path) -> None:
        (tmp_path / "~").mkdir()
        assert paths.at_home("~/a.ogg") == "~/a.ogg"

    def test_windows_writes_it_its_own_way(self, windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("USERPROFILE", "C:\\Users\\me")
        assert paths.at_home("~\\voices") == "C:\\Users\\me\\voices"


@pytest.mark.parametrize(("path", "foreign"), [("C:\\a", True), ("C:/a", True), ("a\\b", True), ("/a", False)])
@pytest.mark.posix("what is foreign there")
def test_paths_of_windows_are_known_elsewhere(path: str, foreign: bool) -> None:
    assert paths.is_of_another_system(path) is foreign


@pytest.mark.parametrize(("path", "foreign"), [("C:\\a", False), ("a\\b", False), ("/home/a", True), ("//s/a", False)])
def test_paths_of_others_are_known_on_windows(path: str, foreign: bool, windows: None) -> None:
    assert paths.is_of_another_system(path) is foreign


def test_only_windows_has_code_pages() -> None:
    assert all("a".encode(page) == b"a" for page in paths.code_pages())
    assert bool(paths.code_pages()) == (os.sep == "\\")


@pytest.mark.parametrize(
    ("path", "written"),
    [("corpus\\a\\001.ogg", "corpus/a/001.ogg"), ("C:\\a\\b.ogg", "C:\\a\\b.ogg"), ("s3://b/a\\b", "s3://b/a\\b")],
)
def test_a_relative_path_is_written_as_every_system_takes_it(path: str, written: str, windows: None) -> None:
    assert paths.portable(path) == written


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("out\\x*y", "Windows lets no name hold *"),
        ("out\\a:b", "Windows lets no name hold :"),
        ("NUL", "NUL is a device to Windows"),
        ("C:\\out\\con.txt", "con.txt is a device to Windows"),
        ("Q:\\out", "there is no drive Q:"),
        ("C:\\声優 v1.2\\out", ""),
        ("\\\\nas\\share\\out", ""),
        ("-", ""),
    ],
)
def test_where_nothing_can_be_written_is_said(
    path: str, why: str, windows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths.os.path, "exists", lambda path: path != "Q:\\")
    assert paths.why_no_place(path) == why


def test_elsewhere_names_are_free() -> None:
    assert paths.why_no_place("NUL") == ("" if os.sep == "/" else "NUL is a device to Windows")


@pytest.mark.parametrize(("path", "none"), [("C:\\a\\sh*\\run.json", True), ("C:\\a\\run.json", False)])
def test_a_file_that_cannot_be_called_so_is_known_without_windows_own_number(
    path: str, none: bool, windows: None
) -> None:
    assert paths.can_be_no_name(OSError(errno.EINVAL, "Invalid argument", path)) is none
