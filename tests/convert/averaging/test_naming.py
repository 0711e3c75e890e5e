"""Names of checkpoints: a trainer's folder stands for those in it, and tables have room for short ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anime_whisper_ct2_convert.averaging import expanded, order_warning, passed_over, short_names


def test_a_folder_stands_for_the_checkpoints_in_it_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for name in ("checkpoint-1000", "checkpoint-500", "checkpoint-20000", "checkpoint-best", "runs"):
        (tmp_path / "学習 [1]" / name).mkdir(parents=True)
    (tmp_path / "学習 [1]" / "checkpoint-7").write_bytes(b"")
    run = str(tmp_path / "学習 [1]")
    found = [os.path.join(run, f"checkpoint-{step}") for step in (500, 1000, 20000)]
    assert expanded(["openai/whisper-base", run, "nothing/there"]) == ("openai/whisper-base", *found, "nothing/there")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trainer's folder, which is the one that the test is in, as far as names go."""
    monkeypatch.chdir(tmp_path)
    for step in (500, 1000, 1500):
        (tmp_path / "run" / f"checkpoint-{step}").mkdir(parents=True)
    return Path("run")


def test_a_checkpoint_with_others_in_it_stands_for_those_when_it_is_alone_and_else_for_itself(run: Path) -> None:
    saved = tuple(os.path.join("run", f"checkpoint-{step}") for step in (500, 1000, 1500))
    assert passed_over(["run"]) == ()
    (run / "config.json").write_bytes(b"{}")
    assert expanded(["run"]) == saved
    assert passed_over(["run"]) == (
        "run stands for the 3 checkpoints in it, and not for the model beside them; name it together with those to "
        "have it in",
    )
    assert expanded(["run", "base"]) == ("run", "base")
    assert passed_over(["run", "base"]) == (
        f"run stands for itself, and not for the 3 checkpoints in it; to have them in, name them too, as {saved[0]}",
    )
    assert passed_over(["run", "./run/checkpoint-500/", "run/checkpoint-1000"]) == (
        f"run stands for itself, and not for the 1 checkpoint in it; to have them in, name them too, as {saved[2]}",
    )
    assert passed_over(["run", *saved]) == ()


def test_one_checkpoint_in_another_is_no_series(run: Path) -> None:
    (run / "config.json").write_bytes(b"{}")
    for step in (500, 1000):
        (run / f"checkpoint-{step}").rmdir()
    assert expanded(["run"]) == ("run",)
    assert passed_over(["run"])[0].startswith("run stands for itself, and not for the 1 checkpoint in it")


def test_no_name_is_no_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run)
    assert expanded(["", "base"]) == ("", "base")


def test_a_folder_that_nobody_may_look_into_stands_for_itself(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "run")

    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(Path, "is_file", refuse)
    assert expanded(["run"]) == ("run",)
    assert passed_over(["run"]) == ()


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["run/checkpoint-500", "run/checkpoint-1000/"], ["checkpoint-500", "checkpoint-1000"]),
        (["a/checkpoint-1", "b/checkpoint-1"], ["a/checkpoint-1", "b/checkpoint-1"]),
        (["/x/a/1", "/y/a/1", "/y/b/2"], ["x/a/1", "y/a/1", "2"]),
        (["one", "dir/one"], ["one", "dir/one"]),
        (["a/b", "a/b"], ["b", "b"]),
        (["litagin/anime-whisper@v1", "litagin/anime-whisper"], ["anime-whisper@v1", "anime-whisper"]),
        (["/", "."], ["/", "."]),
        (["a/b", "a/b/", "c/b"], ["a/b", "a/b/", "c/b"]),
    ],
)
def test_short_names_tell_apart(names: list[str], short: list[str]) -> None:
    assert list(short_names(names)) == short


def test_many_names_are_shortened_in_no_time() -> None:
    names = [f"{'deep/' * 8}run-{number}/checkpoint-{number % 2}" for number in range(20_000)]
    # Each against each would take minutes.
    assert short_names(names)[-1] == "run-19999/checkpoint-1"


def test_the_order_of_a_shell_is_noticed(run: Path) -> None:
    warning = order_warning(["run/checkpoint-1000", "run/checkpoint-1500/", "run/checkpoint-500"])
    assert warning is not None
    assert "checkpoint-1500 comes before checkpoint-500" in warning
    assert "Name the folder that holds them, run," in warning


def test_numbers_that_may_be_no_steps_are_noticed_where_the_order_matters(run: Path) -> None:
    for name in ("lr-5", "lr-1", "other-3"):
        (run / name).mkdir()
    names = ["run/lr-5", "run/lr-1"]
    assert order_warning(names) is None
    assert order_warning(names, in_order=True) == (
        "lr-5 comes before lr-1, which is not the order of their numbers; give them in the order of the training"
    )
    assert order_warning(["run/lr-5", "run/other-3"], in_order=True) is None
    # As ids of a hub, nothing is known of them.
    for ids in (["some/lr-5", "some/lr-1"], ["some/checkpoint-1000", "some/checkpoint-500"], ["a/b@9", "a/b@8"]):
        assert order_warning(ids, in_order=True) is None


@pytest.mark.parametrize(
    "names",
    [
        ["run/checkpoint-500", "run/checkpoint-1000"],
        ["run/checkpoint-500"],
        ["a/checkpoint-1000", "b/checkpoint-500"],
        ["run/checkpoint-1000", "base"],
        ["run/checkpoint-500", "run/checkpoint-500"],
        [],
    ],
)
def test_any_other_order_is_taken_as_meant(names: list[str], run: Path) -> None:
    for name in names:
        Path(name).mkdir(parents=True, exist_ok=True)
    assert order_warning(names, in_order=True) is None
