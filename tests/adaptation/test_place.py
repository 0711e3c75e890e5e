"""A result takes no place that is somebody's own, and so does the work on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.adaptation.place import check_place, held, work_folder
from anime_whisper_ct2.adaptation.publishing import settle
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.system import files
from tests.support.files import contents


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "checkpoint"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


def refused(said: str, checkpoint: Path | str, out: Path, work: Path | None = None, **more: object) -> None:
    with pytest.raises(InputError, match=said) as caught:
        check_place(str(checkpoint), out, work, **more)  # type: ignore[arg-type] # as the test has them
    assert "\n" not in str(caught.value)


def result(folder: Path) -> Path:
    folder.mkdir()
    (folder / "adapt.json").write_text("{}", encoding="utf-8")
    return folder


class TestOut:
    def test_a_new_folder_and_an_empty_one_are_free(self, checkpoint: Path, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("new", "deep/new", "empty"):
            check_place(str(checkpoint), tmp_path / name)

    def test_the_name_of_a_hub_s_checkpoint_is_no_folder_here(self, tmp_path: Path) -> None:
        check_place("litagin/anime-whisper", tmp_path / "new")

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_folder_of_anything_else_is_never_taken(self, checkpoint: Path, tmp_path: Path, overwrite: bool) -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "note.txt").write_text("mine", encoding="utf-8")
        before = contents(tmp_path)
        refused("is not empty, and no result", checkpoint, tmp_path / "mine", overwrite=overwrite)
        refused("is no folder", checkpoint, tmp_path / "mine" / "note.txt", overwrite=overwrite)
        assert contents(tmp_path) == before

    def test_an_earlier_result_is_replaced_when_that_is_asked_for(self, checkpoint: Path, tmp_path: Path) -> None:
        out = result(tmp_path / "out")
        refused("or add --overwrite", checkpoint, out)
        check_place(str(checkpoint), out, overwrite=True)

    def test_it_is_not_the_checkpoint_or_in_it(self, checkpoint: Path) -> None:
        (checkpoint / "adapt.json").write_text("{}", encoding="utf-8")
        refused("lies in the checkpoint", checkpoint, checkpoint, overwrite=True)
        refused("lies in the checkpoint", checkpoint, checkpoint / "out")
        refused("lies in the checkpoint", checkpoint, checkpoint / ".." / "checkpoint" / "out")
        check_place(str(checkpoint), checkpoint.with_name("checkpoint-2"))

    def test_what_is_read_is_not_replaced(self, tmp_path: Path) -> None:
        out = result(tmp_path / "out")
        for name in ("checkpoint", "corpus"):
            (out / name).mkdir()
        refused("the checkpoint lies in it", out / "checkpoint", out, overwrite=True)
        refused("corpus lies in it", "some/model", out, read=[str(out / "corpus")], overwrite=True)
        check_place("some/model", tmp_path / "corpus" / "new", read=[str(tmp_path / "corpus")])

    def test_it_is_not_where_one_is(self, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        for out in (Path(), tmp_path / "here", Path(".."), Path(tmp_path.anchor)):
            settle(out)
            refused("is the folder that you are in, or holds it", checkpoint, out)
        check_place(str(checkpoint), Path("out"))

    def test_nothing_is_begun_that_cannot_be_written_in_the_end(
        self, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").touch()
        refused("file is a file; name another folder with -o", checkpoint, tmp_path / "file" / "deep" / "out")
        monkeypatch.setattr(files, "is_writable", lambda folder: Path(folder) != tmp_path)
        refused("nothing can be written there by this user.* -o", checkpoint, tmp_path / "deep" / "out")
        (tmp_path / "kept").mkdir()
        refused(
            "nothing can be written there by this user.* --work", checkpoint, tmp_path / "kept" / "out", tmp_path / "w"
        )
        check_place(str(checkpoint), tmp_path / "kept" / "out")

    def test_a_folder_that_nobody_may_look_into_is_refused_in_a_line(
        self, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "closed").mkdir()

        def closed(path: Path) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "iterdir", closed)
        refused("closed: cannot be looked at", checkpoint, tmp_path / "closed")
        refused("closed: cannot be looked at", checkpoint, tmp_path / "out", tmp_path / "closed")

    @pytest.mark.posix("links")
    def test_a_link_to_the_checkpoint_is_the_checkpoint(self, checkpoint: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(checkpoint)
        (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
        refused("lies in the checkpoint", checkpoint, tmp_path / "link" / "out")
        refused("lies in the checkpoint", tmp_path / "link", checkpoint / "out")
        refused("is no folder", checkpoint, tmp_path / "nowhere")


class TestWork:
    def test_it_lies_beside_the_result_or_where_it_is_asked_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert work_folder(tmp_path / "out") == tmp_path / "out.work"
        assert work_folder(tmp_path / "out", tmp_path / "kept") == tmp_path / "kept"
        monkeypatch.chdir(tmp_path)
        assert work_folder(Path("sub/../out")) == tmp_path / "out.work"
        assert work_folder(Path()) == tmp_path.with_name(f"{tmp_path.name}.work")

    def test_it_is_refused_where_it_would_go_or_be_in_the_way(self, checkpoint: Path, tmp_path: Path) -> None:
        out = tmp_path / "out"
        (tmp_path / "file").touch()
        refused("is a file", checkpoint, out, tmp_path / "file")
        refused("lies in .*out, which appears when all is done", checkpoint, out, out / "work")
        refused("lies in .*out, which appears when all is done", checkpoint, out, out)
        refused("lies in the checkpoint", checkpoint, out, checkpoint / "work")
        (tmp_path / "out.work").touch()
        refused("out.work: is a file", checkpoint, out)

    def test_nothing_that_is_read_and_no_result_lies_in_it(self, checkpoint: Path, tmp_path: Path) -> None:
        work = tmp_path / "models"
        refused("the checkpoint lies in it", checkpoint, tmp_path / "out", work)
        refused("corpus lies in it", "some/model", tmp_path / "out", work, read=[str(work / "corpus")])
        refused("out: lies in .*models, where the work is", "some/model", work / "out", work)

    def test_a_folder_of_anything_else_is_never_taken(self, checkpoint: Path, tmp_path: Path) -> None:
        out, work = tmp_path / "out", tmp_path / "out.work"
        work.mkdir()
        (work / "note.txt").write_text("mine", encoding="utf-8")
        for named in (None, work):
            refused("out.work: is not empty, and no work of", checkpoint, out, named)
        assert [path.name for path in work.iterdir()] == ["note.txt"]

    def test_an_earlier_work_is_gone_on_with(self, checkpoint: Path, tmp_path: Path) -> None:
        out, work = tmp_path / "out", tmp_path / "out.work"
        with held(work):
            check_place(str(checkpoint), out)
        check_place(str(checkpoint), out)
        # Of a version that left no mark.
        older = tmp_path / "older"
        (older / "lessons").mkdir(parents=True)
        (older / "lessons" / "teacher.json").write_text("{}", encoding="utf-8")
        check_place(str(checkpoint), out, older)

    def test_one_that_holds_no_more_than_a_lock_is_empty(self, checkpoint: Path, tmp_path: Path) -> None:
        (tmp_path / "work").mkdir()
        lock = FolderLock(tmp_path / "work")
        lock.acquire()
        try:
            check_place(str(checkpoint), tmp_path / "out", tmp_path / "work")
        finally:
            lock.release()
