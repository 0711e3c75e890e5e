"""A child that this process ends is told from one that ended by itself."""

from __future__ import annotations

import io
import os
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest

from anime_whisper_ct2.executors.process import Child, framed
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


class Saying(io.BytesIO):
    """A pipe through which some bytes come at a time."""

    def __init__(self, *pieces: bytes) -> None:
        super().__init__(b"".join(pieces))
        self._sizes = [len(piece) for piece in pieces]

    def read1(self, size: int | None = -1) -> bytes:
        return self.read(self._sizes.pop(0)) if self._sizes else b""


def said_in(*pieces: bytes) -> Child:
    child = object.__new__(Child)
    child._stdout, child._come = Saying(*pieces), bytearray()
    return child


def test_all_messages_are_given_that_have_come_whole() -> None:
    one, two, three = (framed(message) for message in ("one", np.arange(30_000), {"three": 3}))
    child = said_in(one[:5], one[5:] + two[:9], two[9:] + three + one + two[:100])
    assert child.receive_all() == ["one"]
    array, *others = child.receive_all()
    np.testing.assert_array_equal(array, np.arange(30_000))
    assert others == [{"three": 3}, "one"]
    with pytest.raises(EOFError):
        child.receive_all()  # the last one is torn


def test_what_is_no_message_is_taken_for_the_end() -> None:
    with pytest.raises(EOFError):
        said_in((4).to_bytes(8, "little") + b"oops").receive_all()
