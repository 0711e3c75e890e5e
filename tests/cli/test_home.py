"""`~/`, which cmd.exe, PowerShell and quotes leave to the command: the home folder, for what is read and written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anime_whisper_ct2 import ClipFolder, Corpus, CorpusRun, Export, RunFolder, RunOptions
from anime_whisper_ct2.cli import main
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.model_dir import open_model_dir
from anime_whisper_ct2.options import FrontendOptions
from anime_whisper_ct2.plan import find_model
from anime_whisper_ct2.transcriber import as_recording
from anime_whisper_ct2_convert.source import as_folder
from tests.support.commands import FAST
from tests.support.places import CORPUS
from tests.support.runs import short, write_run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home folder; the working folder is another, in which nothing may be made."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "me"))
    (tmp_path / "me").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "me"


def awct2(*args: str) -> Result:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    assert list(Path().iterdir()) == []
    return result


def test_a_run_there_goes_on_there(home: Path, tiny_model: Path) -> None:
    (home / "c").mkdir()
    clips = sorted(CORPUS.rglob("*.ogg"))[:2]
    shutil.copy(clips[0], home / "c" / "1.ogg")
    shutil.copytree(tiny_model, home / "model")
    run = ("run", "~/c", "-m", "~/model", "-o", "~/out", *FAST)
    assert "1 of 1 recording transcribed" in awct2(*run).stderr
    shutil.copy(clips[1], home / "c" / "2.ogg")
    assert "1 of 2 recordings transcribed; 1 done before" in awct2(*run, "--format", "txt").stderr
    assert (home / "out" / "export" / "txt" / "2.txt").is_file()
    awct2(*run, "--dry-run")


def test_every_command_finds_the_run_and_writes_there(home: Path) -> None:
    for name in ("one", "two"):
        write_run(home / name, short(f"{name}.ogg"))
    awct2("stats", "~/one", "--plot", "~/stats.svg")
    awct2("export", "~/one", "csv", "-o", "~/one.csv")
    awct2("merge", "~/one", "~/two", "-o", "~/both")
    awct2("eval", "~/both", "n=~/both", "~/one.csv", "--plot", "~/eval.svg", "--examples", "~/examples.md")
    assert len(RunFolder("~/both")) == 2
    for name in ("stats.svg", "one.csv", "eval.svg", "examples.md", "both/run.json"):
        assert (home / name).is_file()


def test_a_path_of_that_kind_with_an_equals_sign_is_no_name(home: Path) -> None:
    write_run(home / "beam=5", short("1.ogg"))
    found = awct2("eval", "~/beam=5", "~/beam=5", "--json")
    assert [run["name"] for run in json.loads(found.stdout)["runs"]] == ["beam=5"]


def test_models_are_found_there(home: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, home / "model")
    found = find_model("~/model")
    assert found is not None
    assert found.path == home / "model"
    assert as_folder("~/model") == home / "model"


def test_programs_write_it_too(home: Path, tiny_model: Path) -> None:
    (home / "c").mkdir()
    shutil.copy(next(CORPUS.rglob("*.ogg")), home / "c" / "1.ogg")
    options = RunOptions(frontend=FrontendOptions(workers=0))
    model = open_model_dir(tiny_model)
    for out in ("~/out", Path("~/out")):
        run = CorpusRun(Corpus(("~/c",)), out, model, options, open_engine=lambda _m, _o: FakeEngine())
        run.run()
    assert run.totals.resumed == 1
    Export("~/out", "csv", Path("~/e"), clips=ClipFolder(Path("~/clips"), workers=0)).run()
    assert {path.name for path in home.iterdir()} == {"c", "out", "e", "clips"}
    given = as_recording(0, "~/c/1.ogg")
    assert (given.id, Path(str(given.audio))) == ("~/c/1.ogg", home / "c" / "1.ogg")
    assert list(Path().iterdir()) == []
