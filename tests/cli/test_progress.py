"""Whoever waits sees that something happens, and why recordings fail, as they fail."""

from __future__ import annotations

import pytest

from anime_whisper_ct2.cli import progress
from anime_whisper_ct2.cli.progress import RunProgress
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.records import Failure
from tests.support.processes import wait_until

ERRORS = "out/errors.jsonl"


def failure(number: int) -> Failure:
    return Failure(f"{number}.ogg", f"{number}.ogg", "decode", "DecodeError", "is no\naudio")


@pytest.mark.parametrize("failures", range(6))
def test_the_first_three_failures_are_named_and_then_where_the_others_are(
    failures: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunProgress(shown=False, quiet=False, verbose=False, errors=ERRORS) as run:
        for number in range(failures):
            run(Totals(), failure(number))
    named = [f"{number}.ogg: is no\\naudio" for number in range(min(3, failures))]
    further = [f"Further failures are in {ERRORS}."] if failures > 3 else []
    assert capsys.readouterr().err.splitlines() == [*named, *further]


@pytest.mark.parametrize(("quiet", "verbose", "named"), [(True, False, 0), (True, True, 0), (False, True, 9)])
def test_quiet_names_none_and_verbose_all(
    quiet: bool, verbose: bool, named: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with RunProgress(shown=False, quiet=quiet, verbose=verbose, errors=ERRORS) as run:
        for number in range(9):
            run(Totals(), failure(number))
    assert len(capsys.readouterr().err.splitlines()) == named


def test_lines_come_also_while_nothing_is_heard_from_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.02)
    monkeypatch.setattr(progress, "_TICK_S", 0.01)
    said = ""

    def lines() -> int:
        nonlocal said
        said += capsys.readouterr().err
        return said.count("\n")

    with RunProgress(shown=None, quiet=False, verbose=False, errors=ERRORS) as run:
        run(Totals(stage="loading"), None)
        wait_until(lambda: lines() >= 3, 60, "nothing is said")
    lines()
    assert {line.split(",")[0] for line in said.splitlines()} <= {"looking for recordings", "loading the model"}
    assert said.splitlines()[-1].startswith("loading the model")


@pytest.mark.parametrize(("shown", "quiet"), [(False, False), (None, True), (True, True)])
def test_no_line_where_none_is_wanted(
    shown: bool | None, quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_LINE_EVERY_S", 0.0)
    with RunProgress(shown=shown, quiet=quiet, verbose=False, errors=ERRORS) as run:
        run(Totals(), None)
        assert not run._thread.is_alive()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_of_audio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(progress, "_TICK_S", 0.01)
    said = ""

    def has(text: str) -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return text in said

    totals = Totals(stage="loading")
    with RunProgress(shown=None, quiet=False, verbose=False, errors=ERRORS) as run:
        run(totals, None)
        wait_until(lambda: has("loading the model, 0:0"), 60, said)
        totals.stage, totals.expected, totals.done, totals.audio_seconds = "working", 4, 1, 60.0
        wait_until(lambda: has("25%|"), 60, said)
        wait_until(lambda: has("1:00/about 4:00 of audio, 0:0"), 60, said)
