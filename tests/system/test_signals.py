"""What asks a program to end is heard, what others have settled is kept, and a closed terminal is no error."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from anime_whisper_ct2.system import signals
from tests.support.places import PYTHONPATH


def test_all_that_asks_for_an_end_is_handled_and_given_back() -> None:
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in signals.ENDING}
    with signals.handled(lambda number, _: heard.append(number)):
        for number in signals.ENDING:
            signal.raise_signal(number)
    assert heard == list(signals.ENDING)
    assert {number: signal.getsignal(number) for number in signals.ENDING} == before


def test_ctrl_break_is_among_them_where_there_is_one() -> None:
    names = {signal.Signals(number).name for number in signals.ENDING}
    assert names == ({"SIGINT", "SIGTERM", "SIGBREAK"} if sys.platform == "win32" else {"SIGINT", "SIGTERM", "SIGHUP"})
    assert signal.SIGINT not in signals.BESIDE_CTRL_C


@pytest.mark.posix
def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.handled(lambda number, _: heard.append(number)):
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert heard == []


@pytest.mark.posix
def test_a_hangup_by_the_shell_and_one_by_the_system_are_one() -> None:
    heard: list[int] = []
    before = signal.getsignal(signal.SIGHUP)
    with signals.handled(lambda number, _: heard.append(number)):
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
    assert heard == [signal.SIGHUP]
    assert signal.getsignal(signal.SIGHUP) == before


@pytest.mark.posix
def test_what_is_printed_after_a_terminal_was_closed_is_no_error() -> None:
    """A program in a session of its own, whose terminal goes away: its handler, and what comes behind, may print."""
    import pty

    code = (
        "import os, signal, sys, time\n"
        "from anime_whisper_ct2.system import signals\n"
        "def heard(*_): os.write(2, b'heard\\n'); raise KeyboardInterrupt\n"
        "try:\n"
        "    with signals.handled(heard): print('ready', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt: print('behind', flush=True); os._exit(7)\n"
    )
    pid, terminal = pty.fork()
    if not pid:
        os.execve(sys.executable, [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": PYTHONPATH})
    assert os.read(terminal, 5) == b"ready"
    os.close(terminal)
    deadline = time.monotonic() + 30
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(ended[1]) == 7


def test_a_console_that_is_closed_is_settled_before_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Callable[[int], int]] = []
    said: list[str] = []

    def register(handler: Callable[[int], int], add: int) -> None:
        if add:
            asked.append(handler)
        else:
            asked.remove(handler)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE, raising=False)
    windll = SimpleNamespace(kernel32=SimpleNamespace(SetConsoleCtrlHandler=register))
    monkeypatch.setattr(ctypes, "windll", windll, raising=False)
    monkeypatch.delenv("FOR_DISABLE_CONSOLE_CTRL_HANDLER", raising=False)
    with signals.closing(lambda: said.append("settled")):
        (handler,) = asked
        # Ctrl-C and Ctrl-Break are others', and the end of a session is told to services alone.
        assert [handler(event) for event in (0, 1, 5, 6)] == [0, 0, 0, 0]
        assert said == []
        assert handler(2) == 1
        # Else Intel's Fortran runtime, loaded later, would abort first.
        assert os.environ["FOR_DISABLE_CONSOLE_CTRL_HANDLER"] == "1"
    assert said == ["settled"]
    assert asked == []


def test_a_child_leaves_all_of_them_to_its_parent() -> None:
    code = (
        "import signal; from anime_whisper_ct2.system import signals; signals.ignored()\n"
        "for number in signals.ENDING: signal.raise_signal(number)\n"
        "print('there')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert done.stdout.strip() == b"there"
