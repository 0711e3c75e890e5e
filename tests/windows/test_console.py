"""Ctrl-C and Ctrl-Break in a console of Windows, as somebody types them there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, environment
from tests.support.deaths import UNDER_WINE
from tests.support.processes import finished, hold_to_the_truth, line_count, one_line, wait_until
from tests.support.sounds import make_clips
from tests.support.windows import ON_WINDOWS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not ON_WINDOWS, reason="needs a console of Windows")]

CTRL_C, CTRL_BREAK = 0, 1
_NEW_PROCESS_GROUP, _NO_WINDOW = 0x200, 0x8000000  # names that only Windows' Python has
# Whoever sends an event has to share the console that it goes to.
_TYPE = """
import ctypes, sys, time
event, pid, group = map(int, sys.argv[1:])
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.FreeConsole()
if not kernel32.AttachConsole(pid):
    raise ctypes.WinError(ctypes.get_last_error())
kernel32.SetConsoleCtrlHandler(None, 1)
if not kernel32.GenerateConsoleCtrlEvent(event, group):
    raise ctypes.WinError(ctypes.get_last_error())
time.sleep(0.2)
"""
# What Windows calls in a thread of each process whose console is closed; then it ends the process, 5 s later at most.
_CLOSED = """
import ctypes, os, sys, threading, time
def close():
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.02)
    routine = ctypes.WinDLL("kernelbase").CtrlRoutine
    routine.argtypes = [ctypes.c_void_p]
    routine(2)
    os._exit(9)
threading.Thread(target=close, daemon=True).start()
from anime_whisper_ct2.cli import main
main(sys.argv[2:], prog_name="awct2")
"""


@dataclass(frozen=True, slots=True)
class Console:
    """A command in a console of its own, which has no window."""

    process: subprocess.Popen[bytes]
    log: Path
    typed: int

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def type(self) -> None:
        """Type Ctrl-C, or Ctrl-Break."""
        # Break goes to the group of the command alone, or it would end whoever sends it.
        group = self.process.pid if self.typed == CTRL_BREAK else 0
        sender = [sys.executable, "-c", _TYPE, str(self.typed), str(self.process.pid), str(group)]
        subprocess.run(sender, check=True, stdin=subprocess.DEVNULL, timeout=60)

    def seconds_until(self, words: str) -> float:
        """Say how long it takes until it says so."""
        start = time.monotonic()
        wait_until(lambda: words in self.said, 60, f"it does not say {words!r}: {self.said}")
        return time.monotonic() - start


@contextmanager
def console(*args: object, log: Path, typed: int = CTRL_C, command: Sequence[object] = COMMAND) -> Iterator[Console]:
    """Start `awct2` in a console of its own."""
    # The leader of a group is deaf to Ctrl-C.
    flags = _NO_WINDOW | (_NEW_PROCESS_GROUP if typed == CTRL_BREAK else 0)
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*map(str, (*command, *args))],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=environment(),
            creationflags=flags,
        )
    try:
        yield Console(process, log, typed)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def args(tiny_model: Path, tmp_path: Path) -> tuple[object, ...]:
    """A run whose batches take far longer than anybody should have to wait, one at a time."""
    corpus = make_clips(tmp_path / "corpus", 400)
    one = ("--device", "cpu", "--cpu-threads", "1", "--workers", "1", "--window", "full", "--no-retry")
    return ("run", corpus, "-m", tiny_model, "-o", tmp_path / "out", "--batch-size", "120", *one)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(CTRL_C, id="ctrl-c"),
        pytest.param(
            CTRL_BREAK, id="ctrl-break", marks=pytest.mark.skipif(UNDER_WINE, reason="Wine sends no Ctrl-Break")
        ),
    ],
)
def test_it_is_heard_at_once_and_the_run_ends_soon_and_goes_on(
    typed: int, args: tuple[object, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with console(*args, log=tmp_path / "log", typed=typed) as run:
        # The first batches are small.
        wait_until(lambda: line_count(out) >= 100, 400, run.said)
        run.type()
        start = time.monotonic()
        heard_s = run.seconds_until("Finishing what is in flight")
        assert run.process.wait(60) == 130, run.said
        ended_s = time.monotonic() - start
    print(f"heard within {heard_s:.2f} s of the sender's end, ended {ended_s:.2f} s after it")
    assert heard_s < 1.0
    assert ended_s < 10.0
    assert "the same command goes on from here" in run.said
    hold_to_the_truth(out, 130, state="interrupted")
    before = line_count(out)
    status, said = finished(*args, "--limit", before + 1, log=tmp_path / "log")
    assert status == 0, said
    hold_to_the_truth(out, status, done_before=before, done=1)


def test_the_second_ends_it_at_once(args: tuple[object, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with console(*args, log=tmp_path / "log") as run:
        wait_until(lambda: line_count(out) >= 100, 400, run.said)
        run.type()
        run.seconds_until("once more to stop at once")
        run.type()
        start = time.monotonic()
        assert run.process.wait(60) == 130, run.said
        ended_s = time.monotonic() - start
    print(f"ended {ended_s:.2f} s after the second")
    assert ended_s < 2.0
    assert "Every finished line is kept" in run.said


def test_a_console_that_is_closed_leaves_a_folder_that_goes_on(args: tuple[object, ...], tmp_path: Path) -> None:
    out, closed = tmp_path / "out", tmp_path / "closed"
    with console(*args, log=tmp_path / "log", command=(sys.executable, "-c", _CLOSED, closed)) as run:
        wait_until(lambda: line_count(out) >= 100, 400, run.said)
        closed.touch()
        start = time.monotonic()
        run.process.wait(60)
        ended_s = time.monotonic() - start
    print(f"ended {ended_s:.2f} s after its console")
    assert ended_s < 5.0
    hold_to_the_truth(out, 130, state="interrupted")
    before = line_count(out)
    status, said = finished(*args, "--limit", before + 1, log=tmp_path / "log")
    assert status == 0, said
    hold_to_the_truth(out, status, done_before=before, done=1)


def test_of_two_runs_in_one_folder_the_second_is_refused(args: tuple[object, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with console(*args, log=tmp_path / "first") as first:
        wait_until((out / ".holder").exists, 120, first.said)
        status, said = finished(*args, log=tmp_path / "second")
        assert status == 1
        one_line(said, f"process {first.process.pid} is writing there")
        assert first.process.poll() is None
