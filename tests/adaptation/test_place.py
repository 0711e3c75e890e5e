"""A result takes no place that is somebody's own, and so does the work on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.adaptation.place import check_place, work_folder
from anime_whisper_ct2.errors import InputError
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
