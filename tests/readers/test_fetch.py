"""References, opened: what a worker gets, and what it is told when there is nothing to get."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from anime_whisper_ct2.audio.section import SectionFile
from anime_whisper_ct2.errors import DecodeError, RecordingError
from anime_whisper_ct2.readers import fetch, remote_errors
from anime_whisper_ct2.readers.fetch import Opened, opened
from anime_whisper_ct2.records import ArrayAudio, Audio, Excerpt, Section, Unreadable
from tests.support.remotes import Flaky, Web, flaky_memory, s3_server, web_server
from tests.support.sounds import tone

CONTENT = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_errors, "_DELAYS_S", (0.0, 0.0))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read whole, so that small files go the way of large ones."""
    monkeypatch.setattr(fetch, "WHOLE_BYTES", 100)


@pytest.fixture
def flaky() -> Flaky:
    system = flaky_memory()
    system.pipe_file("/a.wav", CONTENT)
    return system


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_server() as system:
        system.mkdir("voices")
        system.pipe_file("voices/a.wav", CONTENT)
        system.pipe_file("voices/empty.wav", b"")
        yield system


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        server.pages = {"/a.wav": [(200, CONTENT)], "/unsized/a.wav": [(200, CONTENT)]}
        yield server


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "shard.tar"
    path.write_bytes(CONTENT)
    return str(path)


def content(audio: Audio) -> bytes:
    """Read a reference from its middle, then whole: only a file that can be seeked gives the same twice."""
    with opened(audio) as found:
        if isinstance(found.source, bytes):
            return found.source
        assert not isinstance(found.source, (str, ArrayAudio))
        half = found.source.seek(0, io.SEEK_END) // 2
        found.source.seek(half)
        rest = found.source.read()
        found.source.seek(0)
        whole = found.source.read()
        assert whole[half:] == rest
        return whole


def refused(audio: Audio) -> RecordingError:
    with pytest.raises(RecordingError) as caught, opened(audio):
        pass
    assert caught.value.stage == "read"
    return caught.value


def test_what_needs_no_opening_comes_back_as_it_is(file: str) -> None:
    samples = ArrayAudio(np.zeros(3, np.float32), 16_000)
    for audio in (file, b"bytes", samples, "/absent/is/told/by/who/opens/it.wav"):
        with opened(audio) as found:
            assert found == Opened(audio)


def test_an_excerpt_is_its_recording_and_a_stretch(file: str) -> None:
    with opened(Excerpt(file, 1.5, 2.0)) as found:
        assert found == Opened(file, 1.5, 2.0)
    with opened(Excerpt(Section(file, 3, 4), 0.5)) as found:
        assert found == Opened(CONTENT[3:7], 0.5, None)


def test_what_a_reader_could_not_read_fails_under_the_name_it_gave() -> None:
    error = refused(Unreadable("DuplicateId", "line 7: 'a' is there already"))
    assert (error.kind, str(error)) == ("DuplicateId", "line 7: 'a' is there already")


@pytest.mark.parametrize("whole", [True, False])
def test_a_section_is_a_file_of_its_own(file: str, whole: bool, request: pytest.FixtureRequest) -> None:
    if not whole:
        request.getfixturevalue("small")
    assert content(Section(file, 1000, 2000)) == CONTENT[1000:3000]
    assert content(Section(file, 0, len(CONTENT))) == CONTENT
    assert content(Section(file, 5, 0)) == b""


@pytest.mark.parametrize("size", [1, 2000])
@pytest.mark.usefixtures("small")
def test_a_section_that_reaches_behind_the_end_says_so(file: str, size: int) -> None:
    error = refused(Section(file, len(CONTENT) - size + 1, size))
    assert f"{file}: ends at byte {len(CONTENT)}, and this recording reaches to byte {len(CONTENT) + 1}" in str(error)


def test_a_section_of_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    assert "cannot be opened: No such file" in str(refused(Section(str(tmp_path / "gone.tar"), 0, 5)))


@given(
    start=st.integers(0, 300),
    size=st.integers(0, 300),
    moves=st.lists(st.tuples(st.integers(0, 400), st.integers(-1, 400))),
)
def test_a_section_reads_as_the_same_bytes_in_memory_do(start: int, size: int, moves: list[tuple[int, int]]) -> None:
    data = bytes(range(250)) + bytes(start + size)
    ours = io.BufferedReader(SectionFile(io.BytesIO(data), start, size), 16)
    reference = io.BytesIO(data[start : start + size])
    for to, count in moves:
        assert ours.seek(to) == reference.seek(to)
        assert ours.read(count) == reference.read(count)
    assert ours.seek(0, io.SEEK_END) == reference.seek(0, io.SEEK_END)


def test_a_decoder_reads_a_section_as_the_file_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.flac", tone(1.0), 16_000)
    clip = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "all").write_bytes(b"before" + clip + b"behind")
    monkeypatch.setattr(fetch, "WHOLE_BYTES", 100)
    with opened(Section(str(tmp_path / "all"), 6, len(clip))) as found:
        samples, rate = soundfile.read(found.source, dtype="float32")
    assert rate == 16_000
    assert np.array_equal(samples, soundfile.read(tmp_path / "a.flac", dtype="float32")[0])


@pytest.mark.posix("named pipes, sockets")
def test_pipes_sockets_devices_and_folders_are_refused_before_they_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
        server.bind("socket.wav")
        for path, what in (
            (str(tmp_path / "pipe.wav"), "pipe"),
            ("socket.wav", "socket"),
            (str(tmp_path), "folder"),
            ("/dev/zero", "device"),
        ):
            assert str(refused(path)) == f"{path}: is a {what}, not a file"
            assert str(refused(Section(path, 0, 5))) == f"{path}: is a {what}, not a file"


@pytest.mark.parametrize("name", ["flaky://a.wav", "s3://voices/a.wav", "/a.wav", "/unsized/a.wav"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_url_is_its_content(
    name: str, whole: bool, flaky: Flaky, s3: Any, web: Web, request: pytest.FixtureRequest
) -> None:
    # The web server gives no parts of files, and below /unsized no sizes.
    if not whole:
        request.getfixturevalue("small")
    url = web.url + name if name.startswith("/") else name
    assert content(url) == CONTENT
    assert content(Excerpt(url, 0.0)) == CONTENT


@pytest.mark.parametrize("name", ["flaky://a.wav", "s3://voices/a.wav", "/a.wav"])
def test_a_section_of_a_url_is_its_bytes(name: str, flaky: Flaky, s3: Any, web: Web) -> None:
    url = web.url + name if name.startswith("/") else name
    assert content(Section(url, 100, 2000)) == CONTENT[100:2100]
    assert "reaches to byte" in str(refused(Section(url, len(CONTENT) - 10, 20)))


@pytest.mark.usefixtures("small")
def test_a_long_section_of_a_url_is_read_in_pieces(flaky: Flaky, s3: Any) -> None:
    for url in ("flaky://a.wav", "s3://voices/a.wav"):
        assert content(Section(url, 100, 2000)) == CONTENT[100:2100]
        assert "reaches to byte" in str(refused(Section(url, len(CONTENT) - 10, 200)))


def test_a_clip_in_a_bucket_costs_one_request(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    ask = type(s3)._call_s3

    async def counted(self: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        calls.append(method)
        return await ask(self, method, *args, **kwargs)

    monkeypatch.setattr(type(s3), "_call_s3", counted)
    assert content("s3://voices/a.wav") == CONTENT
    assert calls == ["get_object"]


def test_an_empty_object_is_empty_and_an_absent_one_absent(s3: Any) -> None:
    assert content("s3://voices/empty.wav") == b""
    error = refused("s3://voices/gone.wav")
    assert (error.kind, str(error)) == ("RemoteError", "s3://voices/gone.wav: no such file or folder")


def test_secrets_do_not_reach_the_message(web: Web) -> None:
    error = refused(web.url.replace("//", "//me:secret@") + "/gone.wav?X-Signature=secret")
    assert str(error) == f"{web.url}/gone.wav?…: no such file or folder"


def test_a_url_that_fails_twice_is_read_and_one_that_fails_for_good_is_not(flaky: Flaky) -> None:
    Flaky.failures = 2
    assert content("flaky://a.wav") == CONTENT
    Flaky.failures = 3
    assert str(refused("flaky://a.wav")) == "flaky://a.wav: ConnectionResetError: the line went dead"


def decode(url: str, failures: int) -> None:
    """Do as a decoder does, for which a failed read is the end of the file."""
    with opened(url) as found:
        assert not isinstance(found.source, (str, bytes, ArrayAudio))
        Flaky.failures = failures
        if found.source.read() != CONTENT:
            raise DecodeError("breaks off")


@pytest.mark.usefixtures("small")
def test_a_url_that_fails_midway_is_no_shorter_recording_and_no_broken_one(flaky: Flaky) -> None:
    decode("flaky://a.wav", 2)
    with pytest.raises(RecordingError, match=r"flaky://a\.wav: ConnectionResetError: the line went dead") as caught:
        decode("flaky://a.wav", 3)
    assert (caught.value.stage, caught.value.kind) == ("read", "RemoteError")


@pytest.mark.usefixtures("small")
def test_a_failed_read_is_told_when_the_decoder_keeps_still_about_it(flaky: Flaky) -> None:
    def listen() -> None:
        with opened("flaky://a.wav") as found:
            assert not isinstance(found.source, (str, bytes, ArrayAudio))
            Flaky.failures = 3
            assert found.source.read() == b""

    with pytest.raises(RecordingError, match="the line went dead"):
        listen()


def test_a_decoders_own_error_passes(file: str) -> None:
    with pytest.raises(DecodeError, match="no audio"), opened(Section(file, 0, 5)):
        raise DecodeError("no audio")
