"""A child that this process ends is told from one that ended by itself."""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from anime_whisper_ct2.executors.process import Child
from anime_whisper_ct2.system import processes

MODULE = "anime_whisper_ct2.doctor.child"


def test_one_that_was_killed_is_said_to_be() -> None:
    child = Child(MODULE, {})
    child.kill()
    assert child.close() == processes.KILLED


def test_one_that_ended_before_it_was_killed_keeps_its_status() -> None:
    child = Child(MODULE, {})
    child.send(dict)
    assert child.receive() == (True, {})
    assert child.close() == 0
    child.kill()
    assert child.close() == 0


def test_one_that_is_stuck_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anime_whisper_ct2.executors.process._GRACE_S", 0.2)
    # It never gets so far as to read.
    child = Child("time import sleep; sleep(60); from time", {})
    assert child.close() == processes.KILLED


def test_one_that_is_just_ending_may_be_killed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    child = Child(MODULE, {})
    child.kill()

    def refuse(_: object) -> None:
        raise PermissionError(13, "Access is denied")

    # As Windows has it between a process's end and its exit status.
    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, "kill", refuse)
        child.kill()
    assert child.close() == processes.KILLED


def test_what_it_said_at_last_is_there_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a console of Windows, where a thread passes it on."""
    said: list[bytes] = []

    class Late(io.BytesIO):
        def __iter__(self) -> Iterator[bytes]:
            time.sleep(0.05)
            yield b"why it died\n"

    class Relayed(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **given: object) -> None:
            super().__init__(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self.stderr = Late()

    monkeypatch.setattr(subprocess, "Popen", Relayed)
    monkeypatch.setattr(os, "write", lambda _, line: said.append(line))
    child = Child(MODULE, {})
    child.kill()
    child.close()
    assert said == [b"why it died\n"]
