"""What the system refused is said with what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from anime_whisper_ct2.system import refusals
from tests.support.held import refusal

NO_NAME = 'there is no such file; Windows lets no name hold any of * ? < > | "'


def not_there(code: int | None) -> str:
    """What is said of a path that is not too long."""
    return NO_NAME if code == 123 else os.strerror(errno.ENOENT)


@pytest.mark.parametrize("code", [32, 33, 303, 1224])
def test_a_holder_is_named_by_its_likely_kind(code: int) -> None:
    said = refusals.reason(refusal(errno.EACCES, "a", winerror=code))
    assert "another program has it open, such as an editor, Excel, a player" in said
    assert said.endswith("close it there")


def test_where_it_may_be_a_right_both_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusals.reason(refusal(errno.EACCES, "a", winerror=5))
    assert "this user may not do that, or another program has it open" in said
    monkeypatch.setattr(refusals, "_ON_WINDOWS", True)
    assert refusals.reason(refusal(errno.EACCES, "a")) == said


@pytest.mark.parametrize("code", [3, 123, 206, None])
def test_a_path_that_is_too_long_for_windows_is_measured(code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_ON_WINDOWS", True)
    path = os.path.abspath(os.sep + "x" * 300 + os.sep + "name.srt")
    said = refusals.reason(refusal(errno.ENOENT, path, winerror=code))
    assert f"name.srt has {len(path)} characters" in said
    assert "LongPathsEnabled" in said
    assert "--max-path" in said
    # The same where only the caller knows what it was about.
    assert refusals.reason(refusal(errno.ENOENT, winerror=code), path) == said


@pytest.mark.parametrize("code", [3, 123, None])
def test_what_is_short_and_not_there_is_not_too_long(code: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_ON_WINDOWS", True)
    assert refusals.reason(refusal(errno.ENOENT, "short", winerror=code)) == not_there(code)


@pytest.mark.parametrize("code", [3, 123, None])
def test_a_path_that_has_room_or_would_have_it_is_not_there_for_another_reason(
    code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "_ON_WINDOWS", True)
    longest = os.path.abspath(os.sep).ljust(refusals.LONGEST_PATH, "x")
    for path in (longest[:-4], longest):
        assert refusals.reason(refusal(errno.ENOENT, path, winerror=code)) == not_there(code)
    assert refusals.is_too_long(refusal(errno.ENOENT, longest + "x", winerror=code))
    monkeypatch.setattr(refusals, "_takes_long_paths", lambda: True)
    assert not refusals.is_too_long(refusal(errno.ENOENT, longest + "x", winerror=code))


def test_a_folder_is_too_long_sooner_and_windows_says_so() -> None:
    path = os.path.abspath(os.sep).ljust(refusals.LONGEST_PATH - 8, "x")
    said = refusals.reason(refusal(errno.ENOENT, path, winerror=206))
    assert "has 251 characters, and Windows takes 259, and of a folder 247, unless" in said


def test_where_nothing_says_which_path_it_was_nothing_is_measured() -> None:
    for error in (refusal(errno.ENAMETOOLONG), refusal(errno.ENOENT, winerror=206)):
        assert refusals.reason(error) == os.strerror(error.errno or 0)
        assert not refusals.is_too_long(error)


@pytest.mark.posix
def test_a_name_that_is_too_long_elsewhere_is_measured_too(tmp_path: Path) -> None:
    with pytest.raises(OSError) as raised:  # noqa: PT011 - which one differs
        (tmp_path / ("あ" * 100)).touch()
    said = refusals.reason(raised.value)
    assert "has 300 bytes" in said
    assert "--max-path" in said


def test_a_folder_that_was_opened_as_a_file_is_called_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_ON_WINDOWS", True)
    assert refusals.reason(refusal(errno.EACCES, str(tmp_path))) == os.strerror(errno.EISDIR)
    assert refusals.reason(refusal(errno.EACCES), tmp_path) == os.strerror(errno.EISDIR)


def test_anything_else_is_said_in_its_own_words() -> None:
    assert refusals.reason(refusal(errno.ENOSPC, "a")) == os.strerror(errno.ENOSPC)
    assert refusals.reason(OSError("odd")) == "odd"
    assert refusals.reason(ValueError("embedded null byte")) == "embedded null byte"


def test_of_a_rename_the_place_is_the_subject() -> None:
    error = refusal(errno.EACCES, "from")
    assert refusals.subject(error, "out") == "from"
    assert refusals.subject(refusal(errno.ENOSPC), "out") == "out"
    with pytest.raises(FileNotFoundError) as raised:
        os.rename("there-is-none", "to")
    assert refusals.subject(raised.value, "out") == "to"
