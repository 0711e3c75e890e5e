"""Names of checkpoints: a trainer's folder stands for those in it, and tables have room for short ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anime_whisper_ct2_convert.averaging import expanded, order_warning, short_names


def test_a_folder_stands_for_the_checkpoints_in_it_in_the_order_of_their_steps(tmp_path: Path) -> None:
    for name in ("checkpoint-1000", "checkpoint-500", "checkpoint-20000", "checkpoint-best", "runs"):
        (tmp_path / "学習 [1]" / name).mkdir(parents=True)
    (tmp_path / "学習 [1]" / "checkpoint-7").write_bytes(b"")
    run = str(tmp_path / "学習 [1]")
    found = [os.path.join(run, f"checkpoint-{step}") for step in (500, 1000, 20000)]
    assert expanded(["openai/whisper-base", run, "nothing/there"]) == ("openai/whisper-base", *found, "nothing/there")


def test_a_checkpoint_with_others_in_it_stands_for_itself(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-1").mkdir()
    (tmp_path / "config.json").write_bytes(b"{}")
    assert expanded([str(tmp_path)]) == (str(tmp_path),)


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
    ],
)
def test_short_names_tell_apart(names: list[str], short: list[str]) -> None:
    assert list(short_names(names)) == short


def test_the_order_of_a_shell_is_noticed() -> None:
    warning = order_warning(["run/checkpoint-1000", "run/checkpoint-1500/", "run/checkpoint-500"])
    assert warning is not None
    assert "checkpoint-1500 comes before checkpoint-500" in warning
    assert "Name the folder that holds them, run," in warning


@pytest.mark.parametrize(
    "names",
    [
        ["run/checkpoint-500", "run/checkpoint-1000"],
        ["run/checkpoint-500"],
        ["a/checkpoint-1000", "b/checkpoint-500"],
        ["run/checkpoint-1000", "base"],
        ["run/checkpoint-7", "run/checkpoint-7"],
        [],
    ],
)
def test_any_other_order_is_taken_as_meant(names: list[str]) -> None:
    assert order_warning(names) is None
