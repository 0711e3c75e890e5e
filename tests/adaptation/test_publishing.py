"""Whatever ends the process while a result takes its place, there is a whole one, and nothing stays for ever."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.adaptation.place import held
from anime_whisper_ct2.adaptation.publishing import clear_work, publish, settle
from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.system import files
from tests.support.commands import BARE
from tests.support.files import contents
from tests.support.places import PYTHONPATH


def checkpoint(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    for file in ("adapt.json", "model.safetensors"):
        (folder / file).write_text(f"{file} of the {name}", encoding="utf-8")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "out.work"
    with held(folder):
        checkpoint(folder / "checkpoint", "new one")
        (folder / "lessons").mkdir()
        (folder / "lessons" / "one.npz").touch()
        for name in ("texts.json", "training.pt", "training.pt.new"):
            (folder / name).touch()
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def whose(out: Path) -> str:
    """The name of the one that all files of a result are of."""
    (name,) = {path.read_text(encoding="utf-8").partition(" of the ")[2] for path in out.iterdir()}
    assert len(list(out.iterdir())) == 2
    return name


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


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "an earlier one"])
def test_the_new_one_takes_the_place_of_whatever_was_there(before: str, work: Path, out: Path, tmp_path: Path) -> None:
    if before == "an empty folder":
        out.mkdir()
    elif before == "an earlier one":
        checkpoint(out, "earlier one")
    publish(work, out)
    assert whose(out) == "new one"
    clear_work(work)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_of_anybody_else_goes(work: Path, out: Path, tmp_path: Path) -> None:
    checkpoint(out, "earlier one")
    checkpoint(tmp_path / "out.old", "user")
    (work / "note.txt").write_text("mine", encoding="utf-8")
    publish(work, out)
    clear_work(work)
    settle(out)
    assert whose(tmp_path / "out.old") == "user"
    assert contents(work) == {"note.txt": b"mine"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.old", "out.work"]


def test_from_another_disk_it_comes_as_a_copy(
    work: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint(out, "earlier one")
    refuse(monkeypatch, 1, errno.EXDEV)
    publish(work, out)
    assert whose(out) == "new one"
    assert not (work / "checkpoint").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.work"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_where_it_cannot_take_its_place_the_earlier_one_stays_in_it(
    number: int, work: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint(out, "earlier one")
    refuse(monkeypatch, number, errno.EACCES)
    with pytest.raises(OutputError, match="out cannot be written: Permission denied"):
        publish(work, out)
    assert whose(out) == "earlier one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.work"]


def test_a_copy_that_the_disk_has_no_room_for_is_no_result(
    work: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(made: Path, new: Path) -> None:
        new.mkdir()
        (new / "adapt.json").touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    refuse(monkeypatch, 1, errno.EXDEV)
    with pytest.raises(OutputError, match="No space left on device"):
        publish(work, out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.work"]
    assert whose(work / "checkpoint") == "new one"


KILLED = """
import sys
from pathlib import Path
from tests.support.processes import die
from anime_whisper_ct2.adaptation import publishing
from anime_whisper_ct2.adaptation.publishing import clear_work, publish
from anime_whisper_ct2.system import files

left = int(sys.argv[3])

def counted(call):
    def one(*given, **more):
        global left
        left -= 1
        if left == 0:
            die()
        return call(*given, **more)
    return one

for name in ("put", "move", "clear_away", "remove"):
    setattr(files, name, counted(getattr(files, name)))
publish(Path(sys.argv[1]), Path(sys.argv[2]))
clear_work(Path(sys.argv[1]))
"""
# The mark; three moves; what was beside the result; and what is in the work folder, piece by piece.
STEPS = range(1, 16)


@pytest.mark.parametrize("step", STEPS)
def test_killed_before_any_step_it_is_put_right_by_the_next_call(
    step: int, work: Path, out: Path, tmp_path: Path
) -> None:
    checkpoint(out, "earlier one")
    command = [sys.executable, "-c", KILLED, str(work), str(out), str(step)]
    done = subprocess.run(command, env={**BARE, "PYTHONPATH": PYTHONPATH}, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 1), done.stderr
    settle(out)
    if whose(out) == "earlier one":
        assert step <= 4
        assert (work / "training.pt").exists()
    else:
        assert step > 4
        assert not (work / "lessons").exists()
        assert not (work / "training.pt").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"out", "out.work"}


def test_without_an_earlier_one_a_killed_one_leaves_no_half(work: Path, out: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(work), str(out), "3"]
    subprocess.run(command, env={**BARE, "PYTHONPATH": PYTHONPATH}, capture_output=True, text=True, check=False)
    settle(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.work"]


def test_work_on_a_result_that_is_not_there_yet_stays(work: Path, out: Path) -> None:
    before = contents(work)
    settle(out)
    checkpoint(out, "earlier one")
    settle(out)
    assert {name: before[name] for name in before if name[0] != "."}.items() <= contents(work).items()


def test_work_in_a_folder_that_was_named_stays_when_all_is_done(work: Path, out: Path, tmp_path: Path) -> None:
    publish(work, out)
    settle(out, work)
    assert (work / "lessons" / "one.npz").exists()


def test_what_another_process_is_at_is_left_to_it(work: Path, out: Path, tmp_path: Path) -> None:
    publish(work, out)
    code = (
        "import sys; from pathlib import Path; from anime_whisper_ct2.adaptation.publishing import settle; "
        "settle(Path(sys.argv[1]))"
    )
    with held(work):
        subprocess.run([sys.executable, "-c", code, str(out)], env={**BARE, "PYTHONPATH": PYTHONPATH}, check=True)
        assert (work / "lessons" / "one.npz").exists()
    settle(out)
    assert not work.exists()
