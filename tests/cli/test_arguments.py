"""Arguments arrive as they were typed, on Windows too, where click would expand them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli import main
from anime_whisper_ct2.system import paths
from tests.support.windows_paths import windows_paths

TYPED = ["run", "*.ogg", "~", "$AWCT2_TYPED/**/*.flac", "-o", "out", "--include", "その他/*", "--exclude", "*"]


@pytest.fixture
def on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have click find itself on Windows, in a folder where every pattern leads to something."""
    (tmp_path / "その他").mkdir()
    for name in ("a.ogg", "b.ogg", "その他/c.ogg", "d.flac"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWCT2_TYPED", ".")
    monkeypatch.setattr(click.core, "os", SimpleNamespace(**{**vars(os), "name": "nt"}))
    monkeypatch.setattr(sys, "argv", ["awct2", *TYPED])


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Take what `awct2 run` is called with, instead of running it."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(main.commands["run"], "callback", lambda **options: given.update(options))
    return given


@pytest.mark.usefixtures("on_windows")
@pytest.mark.parametrize("how", [{}, {"prog_name": "awct2"}, {"windows_expand_args": True}], ids=str)
def test_nothing_is_expanded(how: dict[str, Any], received: dict[str, Any]) -> None:
    # As the console's script calls it: without arguments.
    main(standalone_mode=False, **how)
    assert received["inputs"] == ("*.ogg", "~", "$AWCT2_TYPED/**/*.flac")
    assert received["output"] == "out"
    assert (received["include"], received["exclude"]) == (("その他/*",), ("*",))


@pytest.mark.usefixtures("on_windows")
def test_click_by_itself_would_have_expanded_them(received: dict[str, Any]) -> None:
    click.Group.main(main, standalone_mode=False)
    assert {"a.ogg", "b.ogg"} <= set(received["inputs"])
    assert "~" not in received["inputs"]


def test_the_command_is_called_alike_on_every_system(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["C:/Python/Scripts/awct2.exe", "run", "--help"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.startswith("Usage: awct2 run ")


@pytest.mark.parametrize(
    "command", [["run", "a", "-o"], ["export", "out", "csv", "-o"], ["convert", "x"], ["average", "a", "-o"]]
)
def test_what_can_be_no_place_on_windows_is_refused_in_a_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    windows_paths(monkeypatch, paths)
    result = CliRunner().invoke(main, [*command, "out\\con.txt"])
    assert result.exit_code == 2
    assert "con.txt is a device to Windows; name another place." in " ".join(result.output.split())
