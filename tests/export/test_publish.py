"""An export is there whole or not at all, and nothing of the user's is lost for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export.formats.publish import MARKER, publishing
from tests.support.files import contents
from tests.support.held import Holders


class TestPublishing:
    def publish(self, path: Path, *names: str, keep: Path | None = None) -> None:
        with publishing(path, {"format": "txt"}, keep) as folder:
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(name, encoding="utf-8")

    def test_nothing_shows_before_the_end_and_an_earlier_export_is_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "deep" / "out"
        with publishing(path, {}) as folder:
            (folder / "a").touch()
            assert not path.exists()
        self.publish(path, "b", "c/d")
        assert set(contents(path)) == {MARKER, "b", "c/d"}
        assert os.listdir(path.parent) == ["out"]

    def test_an_empty_folder_is_taken(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        self.publish(tmp_path / "out", "a")
        assert (tmp_path / "out" / "a").exists()

    @pytest.mark.parametrize("marker", [None, "", "{}", "[]", '{"files": 1}'])
    def test_a_folder_that_no_export_made_is_refused(self, tmp_path: Path, marker: str | None) -> None:
        (tmp_path / "mine").touch()
        if marker is not None:
            (tmp_path / MARKER).write_text(marker, encoding="utf-8")
        before = contents(tmp_path)
        with pytest.raises(InputError, match="another folder with -o"):
            self.publish(tmp_path, "a")
        assert contents(tmp_path) == before

    @pytest.mark.parametrize("change", ["add", "rename", "remove"])
    def test_an_export_that_the_user_has_put_files_into_is_refused(self, tmp_path: Path, change: str) -> None:
        path = tmp_path / "out"
        self.publish(path, "a", "b/c")
        if change == "add":
            (path / "b" / "mine").touch()
        elif change == "rename":
            (path / "a").rename(path / "mine")
        else:
            (path / "a").unlink()
        before = contents(path)
        with pytest.raises(InputError, match="earlier export of 2 files"):
            self.publish(path, "a")
        assert contents(path) == before

    def test_a_recording_that_cannot_be_read_is_named_and_what_goes_with_the_error_is_not(self, tmp_path: Path) -> None:
        path, recording = tmp_path / "out", tmp_path / "corpus" / "a.wav"

        def said(about: Path | None) -> str:
            why = OSError(errno.EIO, "Input/output error", *([] if about is None else [str(about)]))
            with pytest.raises(OutputError) as raised, publishing(path, {}):
                raise why
            return str(raised.value)

        plain = f"{path}: the export could not be written: Input/output error; mend that and export again"
        for own in (None, path, tmp_path / "out.partial-7" / "raw" / "a.wav", tmp_path / "out.old-7"):
            assert said(own) == plain
        for other in (recording, path / "kept" / "a.wav", tmp_path / "out.wav"):
            assert said(other) == plain.replace("Input", f"{other}: Input")

    def test_what_file_managers_leave_behind_does_not_count(self, tmp_path: Path) -> None:
        self.publish(tmp_path / "out", "a")
        (tmp_path / "out" / ".DS_Store").touch()
        self.publish(tmp_path / "out", "b")
        assert set(contents(tmp_path / "out")) == {MARKER, "b"}

    def test_a_file_in_the_place_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        with pytest.raises(InputError, match="is a file"):
            self.publish(tmp_path / "out", "a")

    @pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("x")])
    def test_when_anything_goes_wrong_the_earlier_export_is_as_it_was(
        self, tmp_path: Path, error: BaseException
    ) -> None:
        path = tmp_path / "out"
        self.publish(path, "a")
        before = contents(path)

        def fail() -> None:
            with publishing(path, {}) as folder:
                (folder / "half").touch()
                raise error

        with pytest.raises(OutputError if isinstance(error, OSError) else type(error)):
            fail()
        assert contents(path) == before
        assert os.listdir(tmp_path) == ["out"]

    def test_clips_below_the_export_stay_where_they_are(self, tmp_path: Path) -> None:
        path, clips = tmp_path / "out", tmp_path / "out" / "data" / "raw"
        clips.mkdir(parents=True)
        (clips / "1.wav").touch()
        for names in (("esd.list",), ("esd.list", "data/style.json"), ("new.list",)):
            self.publish(path, *names, keep=clips)
            assert set(contents(path)) == {MARKER, "data/raw/1.wav", *names}
        with pytest.raises(InputError, match="now holds others"):
            self.publish(path, "a")

    def test_clips_survive_an_export_that_cannot_take_its_place(self, tmp_path: Path) -> None:
        path = tmp_path / "out"
        (path / "raw").mkdir(parents=True)
        (path / "raw" / "1.wav").touch()
        with pytest.raises(OutputError):
            self.publish(path, "raw/2.wav", keep=path / "raw")
        assert set(contents(path)) == {"raw/1.wav"}
        assert os.listdir(tmp_path) == ["out"]

    @pytest.mark.posix("links")
    def test_a_link_to_an_export_leads_to_the_new_one(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        self.publish(tmp_path / "link", "a")
        assert (tmp_path / "real" / "a").exists()
        assert (tmp_path / "link").is_symlink()

    def test_a_holder_that_lets_go_is_waited_for(self, tmp_path: Path, holders: Holders) -> None:
        path = tmp_path / "out"
        self.publish(path, "a")
        holders.hold(path / "a", tries=4)
        self.publish(path, "b/c")
        assert set(contents(path)) == {MARKER, "b/c"}
        assert os.listdir(tmp_path) == ["out"]

    def test_an_export_that_somebody_has_open_is_as_it_was_and_the_holder_is_named(
        self, tmp_path: Path, holders: Holders
    ) -> None:
        path = tmp_path / "out"
        self.publish(path, "a", "b/c")
        before = contents(path)
        holders.hold(path / "b" / "c")
        with pytest.raises(OutputError, match=r"out: the export could not be written: .*another program has it open"):
            self.publish(path, "a", "d")
        assert contents(path) == before
        assert os.listdir(tmp_path) == ["out"]

    @pytest.mark.parametrize("keeps", [False, True])
    def test_a_new_one_that_cannot_take_its_place_is_taken_back(
        self, tmp_path: Path, holders: Holders, monkeypatch: pytest.MonkeyPatch, *, keeps: bool
    ) -> None:
        path = tmp_path / "out"
        self.publish(path, "a")
        if keeps:
            (path / "raw").mkdir()
            (path / "raw" / "1.wav").touch()
        before = contents(path)
        # A scanner looks at what was just written, and does not tire of it.
        monkeypatch.setattr(os, "getpid", lambda: 7)
        holders.hold(tmp_path / "out.partial-7" / "b")
        with pytest.raises(OutputError, match="another program has it open"):
            self.publish(path, "b", keep=path / "raw" if keeps else None)
        assert contents(path) == before
        holders.let_go()

    def test_where_even_that_is_refused_the_error_says_where_the_earlier_one_is(
        self, tmp_path: Path, holders: Holders, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "out"
        self.publish(path, "a")
        monkeypatch.setattr(os, "getpid", lambda: 7)
        for place in ("out.partial-7/b", "out.old-7/a"):
            holders.hold(tmp_path / place)
        with pytest.raises(OutputError, match=r"out cannot be put back: .*it is in .*out\.old-7"):
            self.publish(path, "b")
        assert (tmp_path / "out.old-7" / "a").exists()

    def test_what_cannot_be_removed_of_the_earlier_one_is_named(
        self, tmp_path: Path, holders: Holders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "out"
        self.publish(path, "a", "b")
        monkeypatch.setattr(os, "getpid", lambda: 7)
        # Opened between the two renames.
        holders.hold(tmp_path / "out.old-7" / "a")
        self.publish(path, "c")
        assert set(contents(path)) == {MARKER, "c"}
        assert "out.old-7: what is left of the earlier export is held" in caplog.text
        assert os.listdir(tmp_path / "out.old-7") == ["a"]
