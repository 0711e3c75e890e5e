"""Children are apart from this process's console, and it is told what they died of."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import pytest

from anime_whisper_ct2.system import processes
from tests.support.deaths import limited
from tests.support.places import PYTHONPATH

CODE = "import sys; sys.stderr.write('said\\n'); sys.stdout.write(sys.stdin.read().upper())"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exit status 0"),
        (3, "exit status 3"),
        (0xC0000005, "exit status 0xC0000005, access violation"),
        (0xC00000FD, "exit status 0xC00000FD, stack overflow"),
        (0xC0000409, "exit status 0xC0000409, abort or stack overrun"),
        (0xC0FFEE00, "exit status 0xC0FFEE00"),
    ],
)
def test_a_status_is_put_into_words(code: int, words: str) -> None:
    assert processes.cause_of_death(code) == words


def test_a_signal_is_named_where_there_are_signals() -> None:
    killed = "it was killed" if sys.platform == "win32" else "signal 9, SIGKILL"
    assert processes.cause_of_death(processes.KILLED) == killed
    assert processes.cause_of_death(-99) == "signal 99"


def test_a_child_answers_and_complains_where_this_process_does(capfd: pytest.CaptureFixture[str]) -> None:
    with processes.started([sys.executable, "-c", CODE], dict(os.environ))[0] as child:
        answer, _ = child.communicate(b"asked")
    assert answer == b"ASKED"
    assert capfd.readouterr().err.strip() == "said"


class _Started:
    """What Popen was asked for."""

    def __init__(self, command: list[str], **given: Any) -> None:
        self.given = given
        self.stderr = io.BytesIO() if given["stderr"] else None


def test_on_windows_no_console_opens_for_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "Popen", _Started)
    for name, flag in (("CREATE_NEW_PROCESS_GROUP", 0x200), ("CREATE_NO_WINDOW", 0x8000000)):
        monkeypatch.setattr(subprocess, name, flag, raising=False)
    monkeypatch.setattr(os, "isatty", lambda _: False)
    in_pipe: Any
    in_pipe, relay = processes.started(["x"], {})
    assert relay is None
    assert in_pipe.given["creationflags"] == 0x8000200
    assert in_pipe.given["stderr"] is None
    # A console shows only what its own processes say.
    monkeypatch.setattr(os, "isatty", lambda _: True)
    in_console: Any
    in_console, relay = processes.started(["x"], {})
    assert relay is not None
    assert in_console.given["stderr"] == subprocess.PIPE


def test_what_a_child_says_is_passed_on_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda stream, line: said.append(line) if stream == 2 else None)
    processes._relay(io.BytesIO(b"one\ntwo"))
    assert said == [b"one\n", b"two"]


def test_on_windows_a_child_that_this_process_ended_is_told_from_one_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    child: Any = type("Child", (), {"returncode": 1})()
    assert processes.status_of(child, killed=True) == processes.KILLED
    assert processes.status_of(child, killed=False) == 1
    child.returncode = 0xC0000005
    assert processes.status_of(child, killed=True) == 0xC0000005


@limited
def test_a_process_with_a_limit_gets_no_more_memory() -> None:
    code = (
        "from anime_whisper_ct2.system import processes; processes.limit_memory(1 << 29)\n"
        "held = bytearray(1 << 27)\n"
        "try: more = bytearray(1 << 30)\n"
        "except MemoryError: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, "PYTHONPATH": PYTHONPATH}
    )
    assert done.stdout.strip() == b"refused"
