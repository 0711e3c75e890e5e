"""The figures of a run outlive whoever has `run.json` open, and whatever kills the run while they are written."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.merge.parts import read_part
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.output.run_file import has_run, newest_run, read_run, remove_run, write_run
from anime_whisper_ct2.system import files
from tests.support.held import Holders


def said(state: str) -> str:
    return json.dumps({"state": state, "settings": {}})


def test_it_is_read_as_it_was_written_and_nothing_lies_beside(tmp_path: Path) -> None:
    write_run(tmp_path, said("running"))
    write_run(tmp_path, said("finished"))
    assert read_run(tmp_path)["state"] == "finished"
    assert os.listdir(tmp_path) == ["run.json"]


def test_a_reader_that_never_lets_go_costs_a_second_and_nothing_else(tmp_path: Path, holders: Holders) -> None:
    write_run(tmp_path, said("running"))
    holders.hold(tmp_path / "run.json")
    write_run(tmp_path, said("finished"))
    assert json.loads((tmp_path / "run.json").read_bytes())["state"] == "finished"
    assert os.listdir(tmp_path) == ["run.json"]
    assert holders.waited_s < 2


def test_where_nobody_else_may_write_it_the_newer_one_is_read(tmp_path: Path, holders: Holders) -> None:
    write_run(tmp_path, said("running"))
    (tmp_path / "transcripts.jsonl").touch()
    holders.hold(tmp_path / "run.json", shared=False)
    with pytest.raises(OutputError, match=r"run\.json cannot be written: .*another program.*kept in run\.json\.new"):
        write_run(tmp_path, said("finished"))
    assert read_run(tmp_path)["state"] == "finished"
    assert RunFolder(tmp_path).unfinished is None
    part = read_part(tmp_path, incomplete=False)
    assert part is not None
    assert part.state == "finished"
    holders.let_go()
    write_run(tmp_path, said("interrupted"))
    assert read_run(tmp_path)["state"] == "interrupted"
    assert sorted(os.listdir(tmp_path)) == ["run.json", "transcripts.jsonl"]


def test_a_stale_one_beside_that_is_held_does_not_pass_for_what_could_not_be_written(
    tmp_path: Path, holders: Holders
) -> None:
    write_run(tmp_path, said("running"))
    holders.hold(tmp_path / "run.json", shared=False)
    with pytest.raises(OutputError, match="kept in"):
        write_run(tmp_path, said("interrupted"))
    holders.hold(tmp_path / "run.json.new", shared=False)
    waited_s = holders.waited_s
    with pytest.raises(OutputError, match=r"run\.json\.new cannot be written: .*another program") as raised:
        write_run(tmp_path, said("finished"))
    assert "kept" not in str(raised.value)
    assert holders.waited_s - waited_s < 2
    # The newest that there is.
    assert read_run(tmp_path)["state"] == "interrupted"


def part_run(out: Path) -> Mapping[str, Any]:
    part = read_part(out, incomplete=False)
    assert part is not None
    return part.about


# A merge has a look before it reads.
@pytest.mark.parametrize(("read", "at"), [(read_run, 1), (part_run, 1), (part_run, 2)])
@pytest.mark.parametrize("how", ["renamed", "written over"])
def test_a_reader_that_comes_while_it_is_written_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, read: Callable[[Path], Mapping[str, Any]], at: int
) -> None:
    run, beside = tmp_path / "run.json", tmp_path / "run.json.new"
    opened, looks = files.opened, []

    def meanwhile(path: Path, *args: Any, **more: Any) -> IO[bytes]:
        """Open a file; behind one of the looks, somebody writes on."""
        looks.append(path.name)
        try:
            with opened(path, *args, **more) as file:
                return io.BytesIO(file.read())
        finally:
            if len(looks) == at and how == "renamed":
                beside.replace(run)
            elif len(looks) == at:
                beside.write_text(said("finished"), encoding="utf-8")
                run.write_text(said("finished")[:9], encoding="utf-8")

    run.write_text(said("running"), encoding="utf-8")
    if how == "renamed":
        beside.write_text(said("finished"), encoding="utf-8")
    monkeypatch.setattr(files, "opened", meanwhile)
    assert read(tmp_path)["state"] == "finished"
    assert len(looks) >= at


def test_one_that_is_beside_alone_is_one(tmp_path: Path) -> None:
    assert not has_run(tmp_path)
    (tmp_path / "run.json.new").write_text("{", encoding="utf-8")
    assert not has_run(tmp_path)
    (tmp_path / "run.json.new").write_text(said("finished"), encoding="utf-8")
    assert has_run(tmp_path)
    (tmp_path / "run.json.new").unlink()
    (tmp_path / "run.json").touch()
    assert has_run(tmp_path)


@pytest.mark.posix("links")
def test_what_it_links_to_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text(said("finished"), encoding="utf-8")
    (tmp_path / "run.json").symlink_to("kept")
    write_run(tmp_path, said("running"))
    assert json.loads((tmp_path / "kept").read_bytes())["state"] == "finished"
    assert read_run(tmp_path)["state"] == "running"


def test_a_kill_while_it_is_written_over_leaves_the_whole_one(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(said("finished")[:9], encoding="utf-8")
    (tmp_path / "run.json.new").write_text(said("finished"), encoding="utf-8")
    assert read_run(tmp_path)["state"] == "finished"


@pytest.mark.parametrize("torn", ["", "{", "[]", said("finished")[:-1]])
def test_a_kill_while_the_newer_one_is_written_leaves_the_old_one(tmp_path: Path, torn: str) -> None:
    write_run(tmp_path, said("running"))
    (tmp_path / "run.json.new").write_text(torn, encoding="utf-8")
    assert read_run(tmp_path)["state"] == "running"
    assert newest_run(tmp_path) == tmp_path / "run.json"


def test_what_is_removed_is_not_read_again(tmp_path: Path, holders: Holders) -> None:
    for name in ("run.json", "run.json.new"):
        (tmp_path / name).write_text(said("finished"), encoding="utf-8")
        holders.hold(tmp_path / name)
    remove_run(tmp_path)
    assert read_run(tmp_path) == {}
    holders.let_go()
    remove_run(tmp_path)
    assert os.listdir(tmp_path) == []
