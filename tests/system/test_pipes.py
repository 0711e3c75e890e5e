"""A pipe whose reader has gone: known on every system, and no error at the end."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Literal

import pytest

from anime_whisper_ct2.system import pipes
from anime_whisper_ct2.system.pipes import reader_gone, reader_may_go, silence
from tests.support.refusing import BROKEN_PIPE, FULL, INVALID, Refusing, without_reader


@pytest.mark.parametrize(
    ("platform", "into", "error", "gone"),
    [
        ("linux", "pipe", BROKEN_PIPE, True),
        ("linux", "pipe", INVALID, False),
        ("win32", "pipe", BROKEN_PIPE, True),
        ("win32", "pipe", INVALID, True),
        # A network drive, for one.
        ("win32", "file", INVALID, False),
        ("win32", "pipe", FULL, False),
    ],
)
def test_a_reader_that_has_gone_is_told_from_other_faults(
    platform: str, into: Literal["pipe", "file"], error: OSError, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform=platform))
    with Refusing(error, into) as stream:
        assert reader_gone(error, stream) is gone
        with pytest.raises(OSError) as raised, reader_may_go(stream):  # noqa: PT011 - of either name
            stream.write(b"x")
    assert isinstance(raised.value, BrokenPipeError) is gone
    assert gone or raised.value.errno == error.errno


def test_where_there_is_no_stream_nobody_reads_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    closed = without_reader()
    closed.close()
    for stream in (None, io.BytesIO(), closed):
        assert not reader_gone(INVALID, stream)


def test_a_real_pipe_without_a_reader_is_known_here() -> None:
    with without_reader() as pipe, pytest.raises(BrokenPipeError), reader_may_go(pipe):
        pipe.write(b"x")


def test_what_a_silenced_stream_still_holds_is_no_error() -> None:
    with io.BufferedWriter(without_reader()) as stream:  # type: ignore[type-var] # an unbuffered file is raw
        stream.write(b"x")
        with pytest.raises(OSError):  # noqa: PT011 - of either name
            stream.flush()
        silence(stream)


def test_a_stream_without_a_file_can_be_silenced() -> None:
    silence(io.BytesIO())
