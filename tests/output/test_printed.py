"""Transcripts on a stream: a line for each, and a reader that goes has had what it wanted."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Literal

import pytest

from anime_whisper_ct2.errors import OutputError
from anime_whisper_ct2.output.printed import Printed, ReaderGone
from anime_whisper_ct2.records import Failure, Transcript
from anime_whisper_ct2.system import pipes
from tests.support.refusing import BROKEN_PIPE, FULL, INVALID, Refusing

HEARD = Transcript("声♡.ogg", "声♡.ogg", 1.0, "ja", "はい", (), (), {})


def test_a_transcript_is_a_line_of_utf_8() -> None:
    stream = io.BytesIO()
    printed = Printed(stream)
    printed.write(HEARD)
    printed.write(Failure("b", "b", "decode", "DecodeError", "no audio"))
    assert stream.getvalue().endswith(b"}\n")
    assert json.loads(stream.getvalue().decode("utf-8"))["id"] == "声♡.ogg"


@pytest.mark.parametrize(("platform", "error"), [("linux", BROKEN_PIPE), ("win32", INVALID)])
def test_a_reader_that_has_gone_is_no_failure(platform: str, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform=platform))
    with Refusing(error, "pipe") as stream, pytest.raises(ReaderGone) as gone:
        Printed(stream).write(HEARD)
    assert gone.value.exit_code == 0


@pytest.mark.parametrize(("into", "error"), [("pipe", FULL), ("file", FULL), ("file", INVALID)])
def test_any_other_fault_is_one(into: Literal["pipe", "file"], error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "sys", SimpleNamespace(platform="win32"))
    with (
        Refusing(error, into) as stream,
        pytest.raises(OutputError, match=f"standard output cannot be written: {error.strerror}") as raised,
    ):
        Printed(stream).write(HEARD)
    assert not isinstance(raised.value, ReaderGone)
