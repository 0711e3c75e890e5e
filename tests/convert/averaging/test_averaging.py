"""An average appears whole or not at all, and takes no place that is not its own."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.adaptation import publishing
from anime_whisper_ct2.errors import CheckpointError, InputError, OutputError
from anime_whisper_ct2.search import place as search_place
from anime_whisper_ct2.system import files, swapping
from anime_whisper_ct2_convert import convert
from anime_whisper_ct2_convert.averaging import Averaging, average, read_recipe, writing
from anime_whisper_ct2_convert.averaging.place import held
from tests.support.averages import set_json, spoil, tensors_of, without_tokenizer
from tests.support.files import contents


def averaged(folders: list[Path], out: Path, *, layers: tuple[str, ...] = (), **how: Any) -> Averaging:
    names = [str(folder) for folder in folders]
    return average(names, out, read_recipe(names, weights=None, range_=None, layers=layers), **how)


def test_it_says_what_it_did(series: list[Path], tmp_path: Path) -> None:
    set_json(series[0] / "config.json", dropout=0.5)
    told: list[str] = []
    made = averaged(series, tmp_path / "平均 [1]" / "out", dtype="float16", on_note=told.append)
    assert made.path == tmp_path / "平均 [1]" / "out"
    assert made.sources == tuple(map(str, series))
    assert made.dtype == "float16"
    assert made.differences == ("config.json: dropout is another one in checkpoint-500",) == tuple(told)
    assert made.n_bytes == sum(map(len, contents(made.path).values()))
    assert [path.name for path in made.path.parent.iterdir()] == ["out"]


def test_what_comes_out_can_be_converted_with_a_tokenizer_from_elsewhere(
    series: list[Path], pristine: Path, tmp_path: Path
) -> None:
    for folder in series:
        without_tokenizer(folder)
    made = averaged(series, tmp_path / "out", tokenizer=str(pristine))
    assert made.differences == (f"the tokenizer is that of {pristine}",)
    assert (convert(str(made.path), tmp_path / "converted").path / "model.bin").is_file()


def test_an_earlier_average_goes_only_when_told(series: list[Path], tmp_path: Path) -> None:
    out = averaged(series[:1], tmp_path / "out").path
    before = contents(out)
    with pytest.raises(InputError, match=r"out: holds an average already; name another folder with -o, or add --over"):
        averaged(series, out)
    assert contents(out) == before
    averaged(series[1:2], out, overwrite=True)
    assert tensors_of(out).keys() == tensors_of(series[1]).keys()
    assert contents(out)["model.safetensors"] == (series[1] / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (lambda top: top / "run", r"the checkpoint lies in it \(.*500\), and would be replaced"),
        (lambda top: top / "run" / "checkpoint-500", "lies in the checkpoint"),
        (lambda top: top / "run" / "checkpoint-500" / "averaged", "lies in the checkpoint"),
        (lambda top: top, "is the folder that you are in, or holds it"),
        (lambda top: top.parent, "is the folder that you are in, or holds it"),
        (lambda top: top / "notes.txt", "is no folder"),
        (lambda top: top / "notes.txt" / "a" / "out", r"a: cannot be made, since .*notes\.txt is a file; name another"),
        (lambda top: top / "notes", "is not empty, and no result of `awct2 average`"),
    ],
)
def test_a_place_where_something_would_be_lost_is_refused(
    place: Callable[[Path], Path], message: str, series: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_bytes(b"mine")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=message):
        averaged(series, place(tmp_path), overwrite=True)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("search", [False, True])
def test_an_earlier_average_does_not_go_with_what_somebody_else_has_put_there(
    search: bool, three: list[Path], tmp_path: Path
) -> None:
    out = averaged(three[:1], tmp_path / "out").path
    for name in (".DS_Store", *(("search.json", "search.md", "search.svg") if search else ())):
        (out / name).write_bytes(b"")
    averaged(three[:1], out, overwrite=True)
    (out / "converted").mkdir()
    (out / "converted" / "model.bin").write_bytes(b"mine")
    before = contents(out)
    with pytest.raises(InputError, match=r"out: holds converted, which no `awct2 average` has written; move it away"):
        averaged(three[:1], out, overwrite=True)
    assert contents(out) == before


def test_a_place_that_cannot_be_replaced_or_written_is_refused_before_a_checkpoint_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted, nothing = tmp_path / "mounted", [tmp_path / "no" / "checkpoint"]
    mounted.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("os.path.ismount", lambda path: Path(path) == mounted)
        with pytest.raises(InputError, match="mounted: is a whole drive, or where one is mounted; name a folder in it"):
            averaged(nothing, mounted, overwrite=True)
    with monkeypatch.context() as patched:
        patched.setattr(files, "is_writable", lambda folder: Path(folder) != tmp_path)
        with pytest.raises(InputError, match=rf"^{tmp_path}: nothing can be written there by this user; .* with -o"):
            averaged(nothing, tmp_path / "deep" / "out")
    assert contents(tmp_path) == {}


def test_folders_on_the_way_to_it_go_where_nothing_came_of_it(series: list[Path], tmp_path: Path) -> None:
    spoil(series[2], lambda tensors: tensors["model.encoder.conv1.bias"].fill_(float("nan")))
    with pytest.raises(CheckpointError):
        averaged(series, tmp_path / "a" / "b" / "out")
    assert not (tmp_path / "a").exists()


def test_what_is_no_whole_checkpoint_is_said_beside_the_result(series: list[Path], tmp_path: Path) -> None:
    assert averaged(series, tmp_path / "whole").lacking is None
    for folder in series:
        without_tokenizer(folder)
    made = averaged(series, tmp_path / "out")
    assert made.lacking is not None
    assert made.lacking in made.differences


def test_an_earlier_average_that_a_killed_search_had_moved_aside_comes_back(three: list[Path], tmp_path: Path) -> None:
    out = averaged(three[:1], tmp_path / "out").path
    before = contents(out)
    aside = out.with_name(f"{swapping._prefix(out, search_place.KIND)}0123")
    aside.mkdir()
    out.rename(aside / "old")
    with pytest.raises(InputError, match="holds an average already"):
        averaged(three, out)
    assert contents(out) == before
    assert publishing._KIND == search_place.KIND


def test_an_empty_folder_is_a_place(three: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert (averaged(three, tmp_path / "out").path / "average.json").is_file()


class Ended(BaseException):
    """As a signal ends a process."""


@pytest.mark.parametrize("error", [KeyboardInterrupt, Ended])
def test_what_is_ended_in_the_middle_leaves_nothing_and_the_earlier_one(
    error: type[BaseException], three: list[Path], tmp_path: Path
) -> None:
    out = averaged(three[:1], tmp_path / "out").path
    before = contents(tmp_path / "out")

    def end(_: str, done: int, total: int) -> None:
        if done > total / 2:
            raise error

    for place, overwrite in ((out, True), (tmp_path / "new", False)):
        with pytest.raises(error):
            averaged(three, place, overwrite=overwrite, progress=end)
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["out"]
    assert contents(out) == before


def test_a_fault_of_a_checkpoint_leaves_nothing(series: list[Path], tmp_path: Path) -> None:
    spoil(series[2], lambda tensors: tensors["model.encoder.conv1.bias"].fill_(float("nan")))
    with pytest.raises(CheckpointError, match=r"checkpoint-1500: model\.encoder\.conv1\.bias holds values"):
        averaged(series, tmp_path / "out")
    with pytest.raises(InputError, match="no tensor has such a name"):
        averaged(series, tmp_path / "out", layers=("nothing*=0",))
    assert {path.name for path in tmp_path.iterdir()} == {"run", "cache"}


def test_a_full_disk_is_one_line_that_names_the_place(
    three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing, "write_safetensors", full)
    with pytest.raises(OutputError, match=rf"^{tmp_path}/out: cannot be written \(No space left on device\)"):
        averaged(three, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}


def test_two_at_one_place_do_not_wait_for_each_other(three: list[Path], tmp_path: Path) -> None:
    with held(tmp_path / "out"), pytest.raises(OutputError, match="another `awct2 average` is at work there"):
        averaged(three, tmp_path / "out")


def test_an_earlier_average_that_a_killed_process_had_moved_aside_comes_back(
    three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = averaged(three[:1], tmp_path / "out").path
    before = contents(out)

    def killed(*_: Any, **__: Any) -> None:
        raise Ended

    with monkeypatch.context() as patch:
        moved = swapping.files.move
        calls: list[Any] = []

        def move(source: Any, target: Any) -> None:
            calls.append(source)
            # Behind the first there is nothing in the place, and nobody left to put anything there.
            if len(calls) > 1:
                raise Ended
            moved(source, target)

        patch.setattr(swapping.files, "move", move)
        with pytest.raises(Ended):
            averaged(three, out, overwrite=True)
    assert not out.exists()
    with pytest.raises(InputError, match="holds an average already"):
        averaged(three, out)
    assert contents(out) == before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "cache"}
