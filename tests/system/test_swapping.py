"""Whatever fails or ends the process while a folder takes its place, a whole one is in it, and nothing lies beside."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from anime_whisper_ct2.system import files, locks, swapping
from tests.support.commands import BARE
from tests.support.files import contents
from tests.support.held import Holders
from tests.support.places import PYTHONPATH

EARLIER = {"a": b"earlier", "b/c": b"earlier"}
NEW = {"a": b"new", "b/d": b"new"}
# Stars and brackets that glob would take for a pattern, and what no ASCII has.
NAME = "[結果] *" if os.name == "posix" else "[結果]"


def fill(folder: Path, files_of_it: dict[str, bytes]) -> Path:
    for name, content in files_of_it.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "results" / NAME


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, error: int) -> None:
    """Let the move of this number fail."""
    move, count = files.move, 0

    def failing(source: Any, target: Any) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise OSError(error, os.strerror(error))
        move(source, target)

    monkeypatch.setattr(files, "move", failing)


def replace(place: Path) -> None:
    with swapping.replacing(place, "test") as folder:
        fill(folder, NEW)


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "an earlier one", "a file"])
def test_the_new_one_takes_the_place_of_whatever_was_there(before: str, place: Path) -> None:
    if before == "an empty folder":
        place.mkdir(parents=True)
    elif before == "an earlier one":
        fill(place, EARLIER)
    elif before == "a file":
        fill(place.parent, {place.name: b"a file"})
    replace(place)
    assert contents(place) == NEW
    assert names(place.parent) == [place.name]


def test_while_it_is_made_the_earlier_one_is_there(place: Path) -> None:
    fill(place, EARLIER)
    with swapping.replacing(place, "test") as folder:
        fill(folder, NEW)
        assert contents(place) == EARLIER
        assert list(folder.parent.parent.iterdir()) != [place]


def test_what_fails_on_the_way_leaves_the_earlier_one_and_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    fill(place, EARLIER)
    monkeypatch.setattr(swapping, "sync_tree", stop)
    with pytest.raises(KeyboardInterrupt):
        replace(place)
    assert contents(place) == EARLIER
    assert names(place.parent) == [place.name]


@pytest.mark.parametrize(("number", "earlier"), [(1, True), (2, True), (1, False)])
def test_a_move_that_is_refused_is_undone(
    number: int, earlier: bool, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if earlier:
        fill(place, EARLIER)
    else:
        place.parent.mkdir()
    refuse(monkeypatch, number, errno.EACCES)
    with pytest.raises(PermissionError):
        replace(place)
    assert names(place.parent) == [place.name] * earlier
    assert not earlier or contents(place) == EARLIER


@pytest.mark.parametrize(("number", "there"), [(1, EARLIER), (2, NEW)])
def test_an_interrupt_behind_a_move_stays_one_and_leaves_a_whole_folder(
    number: int, there: dict[str, bytes], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(place, EARLIER)
    move, count = files.move, 0
    synced: list[Path] = []

    def interrupted(source: Any, target: Any) -> None:
        nonlocal count
        count += 1
        move(source, target)
        if count == number:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "move", interrupted)
    monkeypatch.setattr(files, "sync_folder", synced.append)
    with pytest.raises(KeyboardInterrupt):
        replace(place)
    assert contents(place) == there
    assert names(place.parent) == [place.name]
    assert synced[-1] == place.parent


def test_folders_on_the_way_go_where_nothing_came_of_it(place: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for deep, left in ((tmp_path / "there" / "a" / "b" / "c", []), (tmp_path / "there" / "d" / "e", ["mine"])):

        def fail(deep: Path, left: list[str]) -> None:
            with swapping.replacing(deep, "test"):
                for name in left:
                    (deep.parent / name).touch()
                raise InterruptedError

        with pytest.raises(InterruptedError):
            fail(deep, left)
        assert [path.name for path in (tmp_path / "there").rglob("*") if path.is_file()] == left
    assert names(tmp_path / "there") == ["d"]


def test_an_earlier_one_that_cannot_be_put_back_waits_for_the_next(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(place, EARLIER)
    move = files.move

    def refusing(source: Any, target: Any) -> None:
        if Path(target) == place:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        move(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(files, "move", refusing)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            replace(place)
    assert not place.exists()
    swapping.settle(place, "test")
    assert contents(place) == EARLIER
    assert names(place.parent) == [place.name]


def test_what_another_program_looks_at_is_waited_for(place: Path, holders: Holders) -> None:
    fill(place, EARLIER)
    holders.hold(place / "b" / "c", tries=2)
    with swapping.replacing(place, "test") as folder:
        fill(folder, NEW)
        holders.hold(folder / "a", tries=2, readable=False)
    assert contents(place) == NEW
    assert len(holders.refusals) == 4


@pytest.mark.posix("links")
def test_where_a_link_leads_is_the_place(place: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(place)
    replace(link)
    assert link.is_symlink()
    assert contents(place) == NEW
    fill(tmp_path / "made", EARLIER)
    swapping.bring(tmp_path / "made", link, "test")
    assert contents(place) == EARLIER
    assert names(tmp_path) == ["link", "results"]
    assert names(place.parent) == [place.name]


@pytest.mark.posix("modes")
def test_it_has_the_rights_of_any_new_folder_and_so_has_the_one_beside(place: Path) -> None:
    mask = os.umask(0o027)
    try:
        with swapping.replacing(place, "test") as folder:
            assert folder.parent.stat().st_mode & 0o777 == 0o750
    finally:
        os.umask(mask)
    assert place.stat().st_mode & 0o777 == 0o750


@pytest.mark.posix("modes")
def test_what_may_only_be_read_is_synced_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "a")  # root may write anywhere
    synced: list[str] = []
    opened = files.opened

    def noted(path: Path, mode: str) -> IO[bytes]:
        synced.append(f"{path.name} {mode}")
        return opened(path, mode)

    monkeypatch.setattr(files, "opened", noted)
    with swapping.replacing(place, "test") as folder:
        fill(folder, NEW)
        (folder / "a").chmod(0o444)
    assert sorted(synced) == ["a rb", "d rb+"]
    assert contents(place) == NEW


class TestBrought:
    @pytest.fixture
    def made(self, tmp_path: Path) -> Path:
        return fill(tmp_path / "elsewhere" / "made", NEW)

    def test_from_the_same_disk_it_is_moved(self, made: Path, place: Path) -> None:
        fill(place, EARLIER)
        node = made.stat().st_ino
        swapping.bring(made, place, "test")
        assert place.stat().st_ino == node
        assert contents(place) == NEW
        assert names(place.parent) == [place.name]
        assert not made.exists()

    def test_from_another_disk_it_comes_as_a_copy(
        self, made: Path, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(place, EARLIER)
        refuse(monkeypatch, 1, errno.EXDEV)
        swapping.bring(made, place, "test")
        assert contents(place) == NEW
        assert names(place.parent) == [place.name]
        assert not made.exists()

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_where_it_cannot_come_the_earlier_one_stays(
        self, number: int, made: Path, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(place, EARLIER)
        refuse(monkeypatch, number, errno.EACCES)
        with pytest.raises(PermissionError):
            swapping.bring(made, place, "test")
        assert contents(place) == EARLIER
        assert names(place.parent) == [place.name]

    def test_a_copy_that_the_disk_has_no_room_for_is_none(
        self, made: Path, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: Path, new: Path) -> None:
            fill(new, {"a": b"n"})
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        fill(place, EARLIER)
        monkeypatch.setattr("shutil.copytree", full)
        refuse(monkeypatch, 1, errno.EXDEV)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            swapping.bring(made, place, "test")
        assert contents(place) == EARLIER
        assert contents(made) == NEW
        assert names(place.parent) == [place.name]


KILLED = """
import sys
from pathlib import Path
from tests.support.processes import die
from anime_whisper_ct2.system import files, swapping

left = int(sys.argv[2])

def counted(call):
    def one(*given, **more):
        global left
        left -= 1
        if left == 0:
            die()
        return call(*given, **more)
    return one

for name in ("opened", "sync_folder", "move", "clear_away"):
    setattr(files, name, counted(getattr(files, name)))
with swapping.replacing(Path(sys.argv[1]), "test") as folder:
    (folder / "b").mkdir()
    for name in ("a", "b/d"):
        (folder / name).write_bytes(b"new")
"""
# Two files and two folders synced; the earlier one moved, the new one moved; their folder synced; the earlier one gone.
STEPS = range(1, 10)


HELD = """
import sys
from pathlib import Path
from anime_whisper_ct2.system import swapping

with swapping.replacing(Path(sys.argv[1]), "test") as folder:
    (folder / "a").write_bytes(b"n")
    print(folder.parent.name, flush=True)
    sys.stdin.read()
"""


class TestSettled:
    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("earlier", [True, False], ids=["an earlier one", "nothing there"])
    def test_killed_before_any_step_there_is_a_whole_one_and_nothing_beside(
        self, step: int, earlier: bool, place: Path
    ) -> None:
        if earlier:
            fill(place, EARLIER)
        command = [sys.executable, "-c", KILLED, str(place), str(step)]
        done = subprocess.run(command, env={**BARE, "PYTHONPATH": PYTHONPATH}, capture_output=True, check=False)
        swapped = 6 if earlier else 5
        assert (done.returncode == 0) == (step > swapped + 2), done.stderr
        swapping.settle(place, "test")
        assert contents(place) == (NEW if step > swapped else EARLIER if earlier else {})
        assert names(place.parent) == [place.name] * (earlier or step > swapped)

    def test_what_is_of_another_kind_or_place_stays(self, place: Path) -> None:
        left = {}
        for of, kind in ((place, "test"), (place, "else"), (place.with_name("other"), "test")):
            left[of, kind] = place.parent / f"{swapping._prefix(of, kind)}0123"
            fill(left[of, kind], {"new/a": b"n"})
        swapping.settle(place, "test")
        assert [folder.exists() for folder in left.values()] == [False, True, True]

    def test_what_somebody_is_at_stays_until_it_ends(self, place: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", HELD, str(place)],
            env={**BARE, "PYTHONPATH": PYTHONPATH},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            begun = place.parent / child.stdout.readline().decode().strip()
            with swapping.replacing(place, "test") as folder:
                swapping.settle(place, "test")
                assert folder.is_dir()
                fill(folder, NEW)
            assert contents(begun) == {"new/a": b"n", ".held": b""}
            child.kill()
            child.communicate()
        swapping.settle(place, "test")
        assert contents(place) == NEW
        assert names(place.parent) == [place.name]

    def test_a_folder_that_is_cleared_before_it_is_held_is_made_again(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tried, settled = locks.tried, []

        def late(path: Path) -> Any:
            if not settled:
                settled.append(path)
                swapping.settle(place, "test")
            return tried(path)

        monkeypatch.setattr(locks, "tried", late)
        replace(place)
        assert contents(place) == NEW
        assert names(place.parent) == [place.name]
        assert len(settled) == 1

    def test_where_nothing_was_ever_made_there_is_nothing_to_do(self, place: Path) -> None:
        swapping.settle(place, "test")
        swapping.settle(Path(place.anchor), "test")
        assert not place.parent.exists()
