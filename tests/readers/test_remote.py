"""URLs: an S3 server, a web server and filesystems made on the spot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.readers import remote_errors
from anime_whisper_ct2.readers.files import below
from anime_whisper_ct2.readers.remote import (
    RemoteFile,
    download,
    exists,
    glob_urls,
    is_remote_folder,
    is_url,
    list_entries,
    open_stream,
    read_bytes,
    size_of,
)
from anime_whisper_ct2.readers.remote_errors import RemoteError, redacted
from tests.support.places import ROOT
from tests.support.remotes import Flaky, FlakyFile, Web, flaky_memory, s3_server, web_server

TREE = ("b/2.wav", "b/10.wav", "b/deep/x.ogg", "a.flac", "c/日本 語.wav", "c/100%.wav")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_errors, "_DELAYS_S", (0.0, 0.0))


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    system = fsspec.filesystem("memory")
    if system.exists("/corpus"):  # it is one for the whole process
        system.rm("/corpus", recursive=True)
    for name in TREE:
        system.pipe_file(f"/corpus/{name}", name.encode())
    yield system
    system.rm("/corpus", recursive=True)


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_server() as system:
        system.mkdir("voices")
        for name in TREE:
            system.pipe_file(f"voices/corpus/{name}", name.encode())
        yield system


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def flaky() -> Flaky:
    system = flaky_memory()
    for name in TREE:
        system.pipe_file(f"/corpus/{name}", name.encode() * 1000)
    return system


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/key", True),
        ("hf://datasets/a/b", True),
        ("memory://x", True),
        ("file:///x", True),
        ("zip://a.wav::s3://bucket/a.zip", True),
        ("C:\\voices\\a.wav", False),
        ("c://voices/a.wav", False),
        ("/voices/a.wav", False),
        ("a::b.wav", False),
        ("://x", False),
    ],
)
def test_a_url_is_told_from_a_path(path: str, expected: bool) -> None:
    assert is_url(path) is expected


def test_secrets_are_left_out_of_messages() -> None:
    assert redacted("https://me:p@ss@host/a.wav?X-Amz-Signature=abc") == "https://host/a.wav?…"
    assert redacted("got 403 for 'http://u:p@h/x?token=1', giving up") == "got 403 for 'http://h/x?…', giving up"
    assert redacted("hf://datasets/me/voices@main/a.wav") == "hf://datasets/me/voices@main/a.wav"
    assert redacted("s3://bucket/a?.wav") == "s3://bucket/a?.wav"


def list_folder(url: str) -> list[str]:
    entries = list(list_entries(url))
    assert not any(fault for _, fault in entries), entries
    return [name for name, _ in entries]


def listed(root: str) -> list[str]:
    # Each folder's entries by name, and what is in a folder where the folder stands.
    below = ("a.flac", "b/10.wav", "b/2.wav", "b/deep/x.ogg", "c/100%.wav", "c/日本 語.wav")
    return [f"{root}/{name}" for name in below]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_folder_lists_its_files_as_urls_sorted(memory: MemoryFileSystem, slash: str) -> None:
    assert list_folder("memory://corpus" + slash) == listed("memory://corpus")


def test_a_bucket_lists_as_a_folder_does_and_nothing_of_it_stays_in_memory(s3: Any) -> None:
    urls = list_folder("s3://voices/corpus")
    assert urls == listed("s3://voices/corpus")
    assert [read_bytes(url).decode() for url in urls] == [url.removeprefix("s3://voices/corpus/") for url in urls]
    assert len(s3.dircache) == 0
    assert list_folder("s3://voices") == urls


def test_what_is_there_and_what_is_a_folder_is_told(memory: MemoryFileSystem, s3: Any) -> None:
    for root in ("memory://corpus", "s3://voices/corpus"):
        assert is_remote_folder(root)
        assert is_remote_folder(root + "/b/")
        assert not is_remote_folder(root + "/a.flac")
        assert not is_remote_folder(root + "/nothing")
        assert exists(root)
        assert exists(root + "/a.flac")
        assert not exists(root + "/nothing")
    assert not exists("s3://no-such-bucket/a.wav")


def test_globs_give_urls_sorted(memory: MemoryFileSystem, s3: Any) -> None:
    for root in ("memory://corpus", "s3://voices/corpus"):
        assert glob_urls(root + "/*/*.wav") == [url for url in listed(root) if url.endswith(".wav")]
        assert glob_urls(root + "/**/*.ogg") == [root + "/b/deep/x.ogg"]
        assert glob_urls(root + "/?.flac") == [root + "/a.flac"]
        assert glob_urls(root + "/nothing.wav") == [root + "/nothing.wav"]
        assert glob_urls(root + "/nothing*") == []


def test_a_name_with_a_wildcard_in_it_names_itself(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/corpus/[1].wav", b"x")
    assert glob_urls("memory://corpus/[1].wav") == ["memory://corpus/[1].wav"]


def test_chains_of_urls_keep_their_chain(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("in/1.wav", b"one")
        file.writestr("in/2.wav", b"two")
    chain = f"::file://{tmp_path}/a.zip"
    assert list_folder("zip://in" + chain) == ["zip://in/1.wav" + chain, "zip://in/2.wav" + chain]
    assert open_stream("zip://in/2.wav" + chain).read() == b"two"


def test_local_files_and_urls_open_alike(memory: MemoryFileSystem, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"local")
    with open_stream(str(tmp_path / "x")) as file:
        assert file.read() == b"local"
    with open_stream("memory://corpus/a.flac") as file:
        assert file.seek(2) == 2
        assert file.read(2) == b"fl"
        assert file.seek(-1, 2) == 5
        assert file.read() == b"c"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://nothing/a.wav", "memory://nothing/a.wav: no such file or folder"),
        ("nosuchprotocol://a", "Protocol not known: nosuchprotocol"),
        ("absentpackage://a", "Install absent-package"),
        ("https://u:secret@127.0.0.1:1/a?sig=secret", "https://127.0.0.1:1/a?…: ClientConnectorError"),
        ("/no/such/file", "/no/such/file: cannot be opened: No such file"),
    ],
)
def test_what_cannot_be_opened_is_one_clear_line(url: str, says: str) -> None:
    fsspec.register_implementation(
        "absentpackage", "absent_package.System", errtxt="Install absent-package", clobber=True
    )
    with pytest.raises(InputError) as caught:
        open_stream(url)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_absent_package_is_named_as_ours_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsspec.core, "url_to_fs", lambda *_, **__: (_ for _ in ()).throw(ImportError("Install s3fs")))
    with pytest.raises(InputError, match=r"pip install s3fs"):
        open_stream("s3://bucket/a")


def test_a_folder_that_is_not_there_is_no_empty_one(memory: MemoryFileSystem) -> None:
    with pytest.raises(InputError, match="memory://nothing: no such file or folder"):
        list(below("memory://nothing", ("wav",)))


def test_without_credentials_the_message_says_how_to_give_some(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import NoCredentialsError

    error = remote_errors.remote_error("s3://bucket/a", NoCredentialsError())
    assert str(error) == (
        "s3://bucket/a: no credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
    error = remote_errors.remote_error("hf://datasets/a/b", PermissionError())
    assert str(error) == "hf://datasets/a/b: forbidden; set HF_TOKEN, or log in with huggingface-cli"


def test_web_addresses_are_sent_as_they_are_given(web: Web) -> None:
    path = "/a%2Fb%20c%25/x+y.wav?X-Sig=a%2Bb%3D&n=%E3%81%82"
    web.pages[path] = [(200, b"sound")]
    assert read_bytes(web.url + path) == b"sound"
    assert size_of(web.url + path) == 5
    assert {asked for _, asked in web.asked} == {path}


def test_web_addresses_that_are_not_quoted_yet_are(web: Web) -> None:
    web.pages["/%E5%A3%B0%20100%25.wav"] = [(200, b"sound")]
    assert read_bytes(web.url + "/声 100%.wav") == b"sound"


def test_a_web_folder_ends_with_a_slash_and_is_never_fetched_to_find_out(web: Web) -> None:
    assert is_remote_folder(web.url + "/corpus/?list=1")
    assert not is_remote_folder(web.url + "/huge.tar")
    assert web.asked == []


def test_a_web_servers_index_is_a_folder(web: Web) -> None:
    page = (
        b'<a href="../">up</a><a href="./">here</a><a href="?C=N;O=D">sort</a><a href="2.wav">2</a><a href="d/">d</a>'
    )
    web.pages["/corpus/"] = [(200, page)]
    web.pages["/corpus/d/"] = [(200, b'<a href="1%20.wav">1</a>')]
    urls = [url for url in list_folder(web.url + "/corpus/") if url.endswith("wav")]
    assert urls == [web.url + "/corpus/2.wav", web.url + "/corpus/d/1%20.wav"]


def test_a_server_in_trouble_is_asked_again_and_a_refusal_is_final(web: Web) -> None:
    web.pages["/busy"] = [(503, b""), (503, b""), (200, b"at last")]
    assert read_bytes(web.url + "/busy") == b"at last"
    web.pages["/private"] = [(403, b"")]
    with pytest.raises(RemoteError, match="/private: forbidden"):
        read_bytes(web.url + "/private")
    assert web.asked.count(("GET", "/private")) == 1
    assert not exists(web.url + "/absent")
    with pytest.raises(InputError, match="forbidden"):
        exists(web.url + "/private")


def test_a_file_whose_size_nobody_tells_streams(web: Web, tmp_path: Path) -> None:
    web.pages["/unsized"] = [(200, bytes(range(256)) * 1000)]
    with open_stream(web.url + "/unsized") as stream:
        assert not stream.seekable()
        assert stream.read() == web.pages["/unsized"][0][1]
    with (tmp_path / "copy").open("wb") as file:
        download(web.url + "/unsized", file, 1 << 20)
    assert (tmp_path / "copy").read_bytes() == web.pages["/unsized"][0][1]


def test_a_download_without_end_is_stopped(web: Web, tmp_path: Path) -> None:
    web.pages["/unsized"] = [(200, bytes(10_000))]
    with (tmp_path / "copy").open("wb") as file, pytest.raises(RemoteError, match="more than 0 GiB"):
        download(web.url + "/unsized", file, 5000)


def test_a_read_that_breaks_off_goes_on_where_it_stopped(flaky: Flaky) -> None:
    with open_stream("flaky://corpus/a.flac") as file:
        start = file.read(3000)
        Flaky.failures = 2
        assert start + file.read() == b"a.flac" * 1000


def test_a_url_that_fails_midway_says_where(flaky: Flaky) -> None:
    Flaky.breaks_at = 4000
    with closing(RemoteFile("flaky://corpus/a.flac")) as file:
        assert len(file.read(4000)) == 4000
        Flaky.failures = 3
        with pytest.raises(RemoteError, match=r"^flaky://corpus/a.flac: ConnectionResetError: the line went dead$"):
            file.read(1000)
        assert file.read(1000) == (b"a.flac" * 1000)[4000:5000]


def test_a_file_that_ends_before_its_size_has_broken_off(flaky: Flaky, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FlakyFile, "read", lambda *_: b"")
    with pytest.raises(RemoteError, match="breaks off at byte 0 of 6000"):
        open_stream("flaky://corpus/a.flac").read()


def test_a_listing_that_fails_midway_is_no_shorter_corpus(flaky: Flaky) -> None:
    Flaky.failures = 2
    assert list_folder("flaky://corpus") == listed("flaky://corpus")
    Flaky.failures = 3
    with pytest.raises(InputError, match="flaky://corpus/b/deep: ConnectionResetError"):
        list_folder("flaky://corpus")


def test_nothing_is_imported_before_a_url_is_met() -> None:
    code = (
        "import sys, anime_whisper_ct2.readers.fetch, anime_whisper_ct2.readers.tables.files;"
        "print(sorted({'fsspec', 'pyarrow', 'aiohttp', 's3fs'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"
