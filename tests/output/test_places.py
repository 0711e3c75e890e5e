"""A result takes no place that is somebody's own, and is refused one in which nothing could be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.places import check_apart, check_free, check_writable, looking_at, writing
from anime_whisper_ct2.system import files
from tests.support.files import contents


def free(out: Path, *, overwrite: bool = False, option: str = "-o") -> None:
    check_free(out, "best.json", "awct2 find", "what was found", overwrite=overwrite, option=option)


class TestFree:
    def test_a_new_folder_and_an_empty_one_are_free(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("new", "deep/new", "empty"):
            free(tmp_path / name)

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_what_is_somebody_s_own_is_never_taken(self, overwrite: bool, tmp_path: Path) -> None:
        mine = tmp_path / "mine"
        mine.mkdir()
        (mine / "note.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(InputError, match=r"mine: is not empty, and no result of `awct2 find`; name .* with --to"):
            free(mine, overwrite=overwrite, option="--to")
        with pytest.raises(InputError, match=r"note\.txt: is no folder; name a folder that is not there yet with -o"):
            free(mine / "note.txt", overwrite=overwrite)
        assert contents(tmp_path) == {"mine/note.txt": b"mine"}

    def test_an_earlier_result_goes_when_that_is_asked_for(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "best.json").touch()
        with pytest.raises(InputError, match=r"out: holds what was found already; .* with -o, or add --overwrite"):
            free(tmp_path / "out")
        free(tmp_path / "out", overwrite=True)

    def test_it_is_not_where_one_is_nor_a_drive(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for out in (Path(), tmp_path, tmp_path.parent, Path(tmp_path.anchor)):
            with pytest.raises(InputError, match="is the folder that you are in, or holds it; name a folder in it"):
                free(out, overwrite=True)
        free(Path("out"))

    def test_it_is_not_where_a_drive_is_mounted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == tmp_path / "mounted")
        with pytest.raises(InputError, match=r"mounted: is a whole drive, or where one is mounted; .* with --to"):
            free(tmp_path / "mounted", option="--to")

    def test_what_somebody_has_put_beside_an_earlier_result_does_not_go(self, tmp_path: Path) -> None:
        def kept(own: tuple[str, ...]) -> None:
            check_free(tmp_path, "best.json", "awct2 find", "what was found", overwrite=True, own=own)

        (tmp_path / "best.json").write_text('{"files": ["best.json", "model"]}', encoding="utf-8")
        for name in ("model", "best.svg", ".DS_Store"):
            (tmp_path / name).touch()
        kept(("best.svg",))
        with pytest.raises(
            InputError, match=r"holds best\.svg, which no `awct2 find` has written; move it away, or na"
        ):
            kept(())
        for torn in ("{", "[]", '{"files": 3}'):
            (tmp_path / "best.json").write_text(torn, encoding="utf-8")
            with pytest.raises(InputError, match="holds model, which no"):
                kept(("best.svg",))

    @pytest.mark.posix("links")
    def test_a_link_that_leads_nowhere_is_no_free_place(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "gone")
        with pytest.raises(InputError, match="link: is no folder"):
            free(tmp_path / "link")


class TestApart:
    @pytest.fixture
    def checkpoints(self, tmp_path: Path) -> list[str]:
        for name in ("one", "two"):
            (tmp_path / "models" / name).mkdir(parents=True)
        return [*(str(tmp_path / "models" / name) for name in ("one", "two")), "litagin/anime-whisper"]

    def test_beside_them_there_is_room(self, checkpoints: list[str], tmp_path: Path) -> None:
        for name in ("models/three", "out", "litagin/anime-whisper"):
            check_apart(tmp_path / name, checkpoints, [str(tmp_path / "corpus")])

    def test_it_is_none_of_the_checkpoints_nor_in_one_nor_around_one(
        self, checkpoints: list[str], tmp_path: Path
    ) -> None:
        for place in (tmp_path / "models" / "two", tmp_path / "models" / "one" / ".." / "two" / "out"):
            with pytest.raises(InputError, match=r"lies in the checkpoint .*two, which stays as it is; .* with --work"):
                check_apart(place, checkpoints, option="--work")
        with pytest.raises(InputError, match=r"models: the checkpoint lies in it \(.*one\); name another folder"):
            check_apart(tmp_path / "models", checkpoints)

    def test_what_is_read_is_not_replaced(self, checkpoints: list[str], tmp_path: Path) -> None:
        read = [str(tmp_path / "out" / "references.tsv")]
        with pytest.raises(InputError, match=r"out: .*references.tsv lies in it, and would be replaced; name another"):
            check_apart(tmp_path / "out", checkpoints, read, goes=True)
        with pytest.raises(InputError, match=r"out: .*references.tsv lies in it; name another folder with -o"):
            check_apart(tmp_path / "out", checkpoints, read)

    @pytest.mark.posix("links")
    def test_links_lead_where_they_lead(self, checkpoints: list[str], tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(checkpoints[0])
        with pytest.raises(InputError, match="lies in the checkpoint"):
            check_apart(tmp_path / "link" / "out", checkpoints)


def test_what_cannot_be_written_is_refused_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    check_writable(tmp_path / "deep" / "out", "-o")
    with pytest.raises(InputError, match=r"out: cannot be made, since .*file is a file; name another folder with --to"):
        check_writable(tmp_path / "file" / "deep" / "out", "--to")
    monkeypatch.setattr(files, "is_writable", lambda folder: Path(folder) != tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path.name}: nothing can be written there by this user; .* with -o"):
        check_writable(tmp_path / "deep" / "out", "-o")


def test_what_the_system_refuses_is_named_in_a_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match=r"closed: cannot be looked at \(Permission denied\); name another folder"),
        looking_at(tmp_path / "out"),
    ):
        raise PermissionError(13, "Permission denied", str(tmp_path / "closed"))
    with pytest.raises(OutputError, match="out cannot be written: Permission denied"), writing(tmp_path / "out"):
        raise PermissionError(13, "Permission denied", str(tmp_path / "closed"))
