"""What other programs have open is waited for, written over or named, and never half done."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anime_whisper_ct2.system import files, refusals
from tests.support.held import Holders, refusal
from tests.support.windows import ON_WINDOWS


class TestPatience:
    def test_what_is_let_go_soon_is_replaced(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "new").write_text("new", encoding="utf-8")
        (tmp_path / "old").write_text("old", encoding="utf-8")
        holders.hold(tmp_path / "old", tries=3)
        files.replace(tmp_path / "new", tmp_path / "old")
        assert (tmp_path / "old").read_text(encoding="utf-8") == "new"
        assert 0 < holders.waited_s < 1

    def test_it_ends_after_seconds(self, tmp_path: Path, holders: Holders) -> None:
        for name in ("new", "old"):
            (tmp_path / name).touch()
        holders.hold(tmp_path / "old")
        with pytest.raises(PermissionError):
            files.replace(tmp_path / "new", tmp_path / "old")
        assert 5 <= holders.waited_s < 5.5

    def test_a_folder_waits_for_what_is_open_in_it(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "c").touch()
        holders.hold(tmp_path / "a" / "b" / "c", tries=2)
        files.move(tmp_path / "a", tmp_path / "d")
        assert (tmp_path / "d" / "b" / "c").exists()

    def test_what_is_no_holders_doing_is_refused_at_once(self, tmp_path: Path, holders: Holders) -> None:
        with pytest.raises(FileNotFoundError):
            files.replace(tmp_path / "none", tmp_path / "a")
        with pytest.raises(FileNotFoundError):
            files.remove(tmp_path / "none")
        files.remove(tmp_path / "none", missing_ok=True)
        files.remove_tree(tmp_path / "none")
        assert holders.waited_s == 0

    @pytest.mark.skipif(ON_WINDOWS, reason="there it may be a holder's doing")
    def test_a_right_that_is_missing_on_posix_is_not_waited_for(self) -> None:
        assert not refusals.is_held(refusal(errno.EACCES, "a"))


class TestRemoving:
    def test_what_is_held_is_emptied(self, tmp_path: Path, holders: Holders) -> None:
        path = tmp_path / "lines"
        path.write_text("line\n", encoding="utf-8")
        holders.hold(path)
        files.remove_or_empty(path)
        assert path.read_bytes() == b""
        holders.let_go()
        files.remove_or_empty(path)
        files.remove_or_empty(path)
        assert not path.exists()

    def test_what_nobody_else_may_write_stays_and_is_named(self, tmp_path: Path, holders: Holders) -> None:
        path = tmp_path / "lines"
        path.write_text("line\n", encoding="utf-8")
        holders.hold(path, shared=False)
        with pytest.raises(PermissionError, match="lines"):
            files.remove_or_empty(path)
        assert path.read_text(encoding="utf-8") == "line\n"

    def test_a_folder_is_cleared_away_but_for_what_is_held(self, tmp_path: Path, holders: Holders) -> None:
        for name in "abc":
            (tmp_path / "old" / name).parent.mkdir(exist_ok=True)
            (tmp_path / "old" / name).touch()
        holders.hold(tmp_path / "old" / "b")
        with pytest.raises(PermissionError):
            files.remove_tree(tmp_path / "old")
        files.clear_away(tmp_path / "old")
        assert os.listdir(tmp_path / "old") == ["b"]
        holders.let_go()
        files.clear_away(tmp_path / "old")
        assert not (tmp_path / "old").exists()

    def test_what_may_only_be_read_goes_too(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "old").mkdir()
        (tmp_path / "old" / "a").touch(mode=0o444)
        unlink = os.unlink

        def as_windows_does(path: str, **more: int) -> None:
            """Refuse to remove what may only be read."""
            if not os.stat(path, **more).st_mode & stat.S_IWRITE:
                raise refusal(errno.EACCES, path, winerror=5)
            unlink(path, **more)

        monkeypatch.setattr(files, "_ON_WINDOWS", True)
        monkeypatch.setattr(shutil, "_use_fd_functions", False)
        monkeypatch.setattr(os, "unlink", as_windows_does)
        files.remove_tree(tmp_path / "old")
        assert not (tmp_path / "old").exists()

    @pytest.mark.parametrize("windows", [ON_WINDOWS, True])
    def test_what_cannot_be_listed_is_not_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, windows: bool
    ) -> None:
        (tmp_path / "old").mkdir()
        called = []

        def refused(path: object) -> None:
            called.append(path)
            if len(called) == 1:
                raise refusal(errno.EACCES, "old")

        monkeypatch.setattr(files, "_ON_WINDOWS", windows)
        monkeypatch.setattr(os, "scandir", refused)
        monkeypatch.setattr(files, "time", SimpleNamespace(monotonic=iter(range(0, 1000, 10)).__next__))
        with pytest.raises(PermissionError):
            files.remove_tree(tmp_path / "old")
        assert (tmp_path / "old").exists()

    @pytest.mark.posix("links")
    @pytest.mark.parametrize("windows", [False, True])
    def test_a_link_to_a_folder_is_no_folder_and_does_not_pass_for_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, windows: bool
    ) -> None:
        (tmp_path / "old").mkdir()
        (tmp_path / "link").symlink_to("old")
        monkeypatch.setattr(files, "_ON_WINDOWS", windows)
        with pytest.raises(OSError, match="symbolic link"):
            files.remove_tree(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()

    def test_what_goes_by_itself_meanwhile_keeps_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in "abc":
            (tmp_path / "old" / name).parent.mkdir(exist_ok=True)
            (tmp_path / "old" / name).touch()
        unlink = os.unlink

        def twice(path: str, **more: int) -> None:
            """Remove what somebody else has just removed."""
            unlink(path, **more)
            unlink(path, **more)

        monkeypatch.setattr(os, "unlink", twice)
        files.remove_tree(tmp_path / "old")
        assert not (tmp_path / "old").exists()


class TestPut:
    def test_a_file_is_there_whole_or_as_it_was(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "a"
        files.put(path, b"one")
        assert path.read_bytes() == b"one"

        def full(*_: object) -> None:
            raise refusal(errno.ENOSPC)

        monkeypatch.setattr(os, "fsync", full)
        for over in (False, True):
            with pytest.raises(OSError, match="No space left"):
                files.put(path, b"another", over=over)
            assert path.read_bytes() == b"one"
            assert os.listdir(tmp_path) == ["a"]

    def test_what_is_held_stays_as_it_was(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "a").write_bytes(b"one")
        holders.hold(tmp_path / "a")
        with pytest.raises(PermissionError):
            files.put(tmp_path / "a", b"another")
        assert (tmp_path / "a").read_bytes() == b"one"
        assert os.listdir(tmp_path) == ["a"]

    def test_it_is_written_over_where_that_is_better_than_nothing(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "a").write_bytes(b"something long")
        holders.hold(tmp_path / "a")
        files.put(tmp_path / "a", b"short", over=True, patience_s=1.0)
        assert (tmp_path / "a").read_bytes() == b"short"
        assert os.listdir(tmp_path) == ["a"]
        assert 1 <= holders.waited_s < 1.5

    def test_what_has_no_place_at_all_stays_beside(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "a").write_bytes(b"one")
        holders.hold(tmp_path / "a", shared=False)
        with pytest.raises(PermissionError):
            files.put(tmp_path / "a", b"another", over=True)
        assert (tmp_path / "a").read_bytes() == b"one"
        assert (tmp_path / ("a" + files.BESIDE)).read_bytes() == b"another"

    def test_what_cannot_even_be_written_beside_is_not_written_over(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "a").write_bytes(b"one")
        (tmp_path / ("a" + files.BESIDE)).write_bytes(b"old")
        for name in ("a", "a" + files.BESIDE):
            holders.hold(tmp_path / name, shared=name == "a")
        with pytest.raises(PermissionError, match=r"a\.new"):
            files.put(tmp_path / "a", b"another", over=True)
        assert (tmp_path / "a").read_bytes() == b"one"

    def test_a_stale_one_that_is_held_costs_no_more_patience_than_was_given_and_passes_for_nothing_newer(
        self, tmp_path: Path, holders: Holders
    ) -> None:
        path, beside = tmp_path / "a", tmp_path / ("a" + files.BESIDE)
        path.write_bytes(b"one")
        holders.hold(path, shared=False)
        with pytest.raises(PermissionError):
            files.put(path, b"two", over=True)
        assert files.kept_beside(path, b"two") == str(beside)
        assert files.kept_beside(path, b"one") is None
        holders.hold(beside, shared=False)
        before_s = holders.waited_s
        with pytest.raises(PermissionError):
            files.put(path, b"three", over=True, patience_s=0.5)
        assert 0.5 <= holders.waited_s - before_s < 1
        assert files.kept_beside(path, b"three") is None
        holders.let_go()
        files.put(path, b"three", over=True)
        assert files.kept_beside(path, b"three") is None

    @pytest.mark.posix("links")
    def test_a_link_makes_room_and_what_it_led_to_stays_as_it_was(self, tmp_path: Path) -> None:
        """As in a cache of Hugging Face's, where several folders share a file."""
        (tmp_path / "blob").write_bytes(b"one")
        (tmp_path / "link").symlink_to("blob")
        files.put(tmp_path / "link", b"another", over=True)
        assert not (tmp_path / "link").is_symlink()
        assert (tmp_path / "link").read_bytes() == b"another"
        assert (tmp_path / "blob").read_bytes() == b"one"

    @pytest.mark.posix("links")
    def test_where_the_user_has_named_it_a_link_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("file")
        files.put(tmp_path / "link", b"one", through_links=True)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "file").read_bytes() == b"one"
        assert sorted(os.listdir(tmp_path)) == ["file", "link"]

    @pytest.mark.posix("links")
    def test_nothing_is_written_over_through_a_link(self, tmp_path: Path, holders: Holders) -> None:
        (tmp_path / "blob").write_bytes(b"one")
        (tmp_path / "link").symlink_to("blob")
        holders.hold(tmp_path / "link")
        with pytest.raises(PermissionError):
            files.put(tmp_path / "link", b"another", over=True)
        assert (tmp_path / "blob").read_bytes() == b"one"
        assert files.kept_beside(tmp_path / "link", b"another") is not None


class TestPlaces:
    def test_a_folder_is_writable_where_a_file_can_be_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for windows in (sys.platform == "win32", True):
            monkeypatch.setattr(files, "_ON_WINDOWS", windows)
            assert files.is_writable(tmp_path)
            assert not files.is_writable(tmp_path / "none")
        assert list(tmp_path.iterdir()) == []

    def test_a_file_is_still_there_until_its_folder_goes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with (tmp_path / "a").open("wb") as file:
            assert files.is_still_at(tmp_path / "a", file.fileno())
            with pytest.raises(FileNotFoundError):
                files.is_still_at(tmp_path / "b", file.fileno())
            elsewhere = SimpleNamespace(st_dev=(tmp_path / "a").stat().st_dev + 1)
            for windows in (False, True):
                with monkeypatch.context() as patch:
                    patch.setattr(files, "_ON_WINDOWS", windows)
                    patch.setattr(os, "fstat", lambda _: elsewhere)
                    there = files.is_still_at(tmp_path / "a", file.fileno())
                # On Windows a volume may have two numbers.
                assert there == windows


class TestReadOnly:
    """On Windows the mark that a file may only be read is the file's, whichever of its names it was given under."""

    @pytest.fixture(autouse=True)
    def windows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "_ON_WINDOWS", True)

    def test_it_gets_no_second_name(self, tmp_path: Path) -> None:
        (tmp_path / "a.ogg").touch()
        files.link(tmp_path / "a.ogg", tmp_path / "b.ogg")
        (tmp_path / "a.ogg").chmod(stat.S_IREAD)
        with pytest.raises(PermissionError):
            files.link(tmp_path / "a.ogg", tmp_path / "c.ogg")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ogg", "b.ogg"]

    @pytest.mark.parametrize("shared", [True, False])
    def test_the_mark_is_taken_off_no_file_that_has_one(
        self, shared: bool, tmp_path: Path, holders: Holders, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        export, recording = tmp_path / "export", tmp_path / "a.ogg"
        export.mkdir()
        (export / "a.ogg").touch()
        if shared:
            os.link(export / "a.ogg", recording)
        (export / "a.ogg").chmod(stat.S_IREAD)

        def refused(path: Path, **asked: Any) -> None:
            """Refuse as Windows does, which removes nothing that may only be read."""
            error = refusal(errno.EACCES, str(path / "a.ogg"), winerror=5)
            call = asked.get("onexc") or asked["onerror"]
            call(os.unlink, str(path / "a.ogg"), error)

        monkeypatch.setattr(shutil, "rmtree", refused)
        if shared:
            with pytest.raises(PermissionError):
                files.remove_tree(export)
            assert not recording.stat().st_mode & stat.S_IWRITE
        else:
            files.remove_tree(export)
        assert (export / "a.ogg").exists() == shared
