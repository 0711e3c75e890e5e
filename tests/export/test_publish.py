"""An export is there whole or not at all, and nothing of the user's is lost for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export.formats.publish import MARKER, publishing
from tests.support.files import contents


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

    def test_a_link_to_an_export_leads_to_the_new_one(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        (tmp_path / "link").symlink_to("real")
        self.publish(tmp_path / "link", "a")
        assert (tmp_path / "real" / "a").exists()
        assert (tmp_path / "link").is_symlink()
