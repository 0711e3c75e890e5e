"""Folders to write into: local ones, an S3 server's, and filesystems made on the spot that rename and fail."""

from __future__ import annotations

import errno
import os
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.output.storage import Storage, open_storage
from anime_whisper_ct2.readers import remote_errors
from tests.support.held import Holders
from tests.support.remotes import Flaky, flaky_memory, s3_server
from tests.support.windows import ON_WINDOWS, system_says

KINDS = ("local", "file", "memory", "renaming", "s3")
PARTS = ("parts/10.jsonl", "parts/2.jsonl", "parts/deep/日本 語.json")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_errors, "_DELAYS_S", (0.0, 0.0))


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with s3_server() as system:
        system.mkdir("voices")
        yield system


class Renaming(MemoryFileSystem):  # type: ignore[misc] # fsspec ships no types
    """Memory with folders that must be there and a rename that replaces nothing, as SMB's and WebHDFS's; `says` whether
    that is an error. It notes what it does."""

    protocol = "renaming"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    says = True
    breaks = False
    done: ClassVar[list[tuple[str, ...]]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("renaming://", "memory://", 1))

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        if not self.isdir(self._parent(path)):
            raise FileNotFoundError(path)
        Renaming.done.append(("put", path))
        super().pipe_file(path, value, **kwargs)
        if Renaming.breaks:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        Renaming.done.append(("mv", path1, path2))
        if path2 in self.store:
            if Renaming.says:
                raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
            return
        self.store[path2] = self.store.pop(path1)


@pytest.fixture
def renaming(monkeypatch: pytest.MonkeyPatch) -> Renaming:
    fsspec.register_implementation("renaming", Renaming, clobber=True)
    monkeypatch.setattr(Renaming, "done", [])
    monkeypatch.setattr(Renaming, "store", {})
    monkeypatch.setattr(Renaming, "pseudo_dirs", [""])
    return Renaming()


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "s3":
        system = request.getfixturevalue("s3")
        yield open_storage("s3://voices/run")
        system.invalidate_cache()
        if system.exists("voices/run"):
            system.rm("voices/run", recursive=True)
    elif request.param == "memory":
        yield open_storage("memory://run/")
        fsspec.filesystem("memory").store.clear()
        fsspec.filesystem("memory").pseudo_dirs[:] = [""]
    elif request.param == "renaming":
        request.getfixturevalue("renaming")
        yield open_storage("renaming://run")
    else:
        yield open_storage(f"{'file://' if request.param == 'file' else ''}{tmp_path}/run")


def test_what_was_written_is_read_and_listed_by_its_name(storage: Storage) -> None:
    for name in PARTS:
        storage.write(name, name.encode())
    storage.write("run.json", b"{}")
    assert storage.names("parts") == storage.names("parts/") == sorted(PARTS)
    assert storage.names() == sorted([*PARTS, "run.json"])
    assert [storage.read(name) for name in storage.names("parts")] == [name.encode() for name in sorted(PARTS)]


def test_a_file_is_replaced(storage: Storage) -> None:
    storage.write("parts/1", b"before")
    storage.write("parts/1", b"after")
    assert storage.read("parts/1") == b"after"
    assert storage.names() == ["parts/1"]


def test_a_folder_that_is_not_there_holds_nothing(storage: Storage) -> None:
    assert storage.names() == []
    assert storage.names("parts") == []
    storage.write("parts/1", b"")
    assert storage.names("part") == []
    assert storage.names("parts/1") == []


def test_files_exist_and_folders_do_not_count(storage: Storage) -> None:
    storage.write("parts/1", b"")
    assert storage.exists("parts/1")
    assert not storage.exists("parts")
    assert not storage.exists("parts/2")
    assert not storage.exists("parts/1/x")


def test_files_that_are_gone_can_be_removed(storage: Storage) -> None:
    for name in PARTS:
        storage.write(name, b"")
    storage.remove([])
    storage.remove(["parts/2.jsonl"])
    storage.remove(["parts/2.jsonl"])
    storage.remove([*PARTS[:2], "parts/none", "none/none"])
    assert storage.names() == [PARTS[2]]


def test_a_folder_is_cleared_and_others_stay(storage: Storage) -> None:
    for name in (*PARTS, "partsother/1", "run.json"):
        storage.write(name, b"")
    storage.clear("parts")
    storage.clear("parts")
    assert storage.names() == ["partsother/1", "run.json"]


def test_a_file_is_copied_there_and_back(storage: Storage, tmp_path: Path) -> None:
    content = os.urandom(3 << 20)
    (tmp_path / "from").write_bytes(content)
    storage.upload(tmp_path / "from", "deep/transcripts.jsonl")
    (tmp_path / "to").write_bytes(b"before")
    storage.download("deep/transcripts.jsonl", tmp_path / "to")
    assert (tmp_path / "to").read_bytes() == content == storage.read("deep/transcripts.jsonl")
    assert storage.names() == ["deep/transcripts.jsonl"]


def test_what_is_not_there_is_named(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"run[/\\]parts/none.*; mend that and run the same command again"):
        storage.read("parts/none")
    (tmp_path / "to").write_bytes(b"before")
    with pytest.raises(OutputError, match=r"run[/\\]parts/none"):
        storage.download("parts/none", tmp_path / "to")
    with pytest.raises(OutputError, match="nothing"):
        storage.upload(tmp_path / "nothing", "parts/1")
    assert (tmp_path / "to").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "run") == ["to"]
    assert storage.names() == []


def test_it_travels_to_another_machine(storage: Storage) -> None:
    there = pickle.loads(pickle.dumps(storage))
    there.write("parts/1", b"one")
    assert there == storage
    assert storage.read("parts/1") == b"one"


def test_names_with_wildcards_are_only_names(storage: Storage) -> None:
    pattern = "p/[ab].json" if ON_WINDOWS else "p/[ab]*?.json"
    for name in (pattern, "p/a.json", "p/ax.json"):
        storage.write(name, name.encode())
    assert storage.names() == [pattern, "p/a.json", "p/ax.json"]
    storage.remove([pattern, "p/gone"])
    assert storage.names() == ["p/a.json", "p/ax.json"]


def test_what_others_write_is_seen_at_once(s3: Any) -> None:
    storage = open_storage("s3://voices/others")
    storage.write("parts/1", b"")
    assert storage.names("parts") == ["parts/1"]
    assert s3.ls("voices/others/parts") == ["voices/others/parts/1"]  # fsspec remembers this
    another = fsspec.filesystem("s3", skip_instance_cache=True)
    another.pipe_file("voices/others/parts/2", b"")
    another.rm_file("voices/others/parts/1")
    assert storage.names("parts") == ["parts/2"]
    assert s3.ls("voices/others/parts") == ["voices/others/parts/2"]
    another.pipe_file("voices/others/parts/3", b"")
    another.rm_file("voices/others/parts/2")
    assert storage.exists("parts/3")
    assert not storage.exists("parts/2")


def test_a_bucket_itself_can_be_the_folder(s3: Any) -> None:
    s3.mkdir("whole")
    storage = open_storage("s3://whole")
    storage.write("parts/1", b"one")
    assert storage.names() == ["parts/1"]
    storage.clear("parts")
    assert s3.exists("whole")


def test_a_bucket_that_is_not_there_is_not_made(s3: Any, tmp_path: Path) -> None:
    storage = open_storage("s3://nobody/run")
    with pytest.raises(OutputError, match=r"^s3://nobody/run/parts/1: no such file or folder; mend"):
        storage.write("parts/1", b"")
    (tmp_path / "run.json").write_bytes(b"{}")
    with pytest.raises(OutputError, match=r"^s3://nobody/run/run\.json: "):
        storage.upload(tmp_path / "run.json", "run.json")
    assert not s3.exists("nobody")


def test_many_files_are_removed_from_s3_with_one_request(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage("s3://voices/many")
    for number in range(5):
        storage.write(str(number), b"")
    asked = []
    call = s3._call_s3

    async def noted(method: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(method)
        return await call(method, *args, **kwargs)

    monkeypatch.setattr(s3, "_call_s3", noted)
    storage.remove(str(number) for number in range(5))
    assert asked == ["delete_objects"]
    assert storage.names() == []


@pytest.mark.parametrize("says", [True, False])
def test_where_there_is_a_rename_files_are_written_beside(
    renaming: Renaming, monkeypatch: pytest.MonkeyPatch, says: bool
) -> None:
    monkeypatch.setattr(Renaming, "says", says)
    storage = open_storage("renaming://run")
    storage.write("parts/1", b"one")
    storage.write("parts/1", b"two")
    puts = [path for what, path, *_ in renaming.done if what == "put"]
    assert len(set(puts)) == 2
    assert all(path.startswith("/run/parts/1.") and path.endswith(".beside") for path in puts)
    assert list(renaming.store) == ["/run/parts/1"]
    assert storage.read("parts/1") == b"two"


def test_a_write_that_fails_leaves_what_was_there(renaming: Renaming, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = open_storage("renaming://run")
    storage.write("parts/1", b"one")
    monkeypatch.setattr(Renaming, "breaks", True)
    with pytest.raises(OutputError, match=r"^renaming://run/parts/1: OSError: .*No space left"):
        storage.write("parts/1", b"two")
    assert storage.read("parts/1") == b"one"
    assert list(renaming.store) == ["/run/parts/1"]


def test_what_a_killed_writer_left_is_no_file_and_is_cleared(tmp_path: Path, renaming: Renaming) -> None:
    for storage in (open_storage(str(tmp_path / "run")), open_storage("renaming://run")):
        storage.write("parts/1", b"one")
        storage.write("parts/2.0123.beside", b"tw")
        assert storage.names("parts") == ["parts/1"]
        storage.clear("parts")
    assert list((tmp_path / "run").iterdir()) == []
    assert not renaming.exists("/run/parts")


def test_what_passes_is_tried_again() -> None:
    flaky_memory()
    storage = open_storage("flaky://run")
    storage.write("parts/1", b"one")
    Flaky.failures = 2
    assert storage.read("parts/1") == b"one"
    Flaky.failures = 3
    with pytest.raises(OutputError, match=r"^flaky://run/parts/1: ConnectionResetError: the line went dead; mend"):
        storage.read("parts/1")
    storage.write("deep/1", b"one")
    Flaky.failures = 3
    with pytest.raises(OutputError, match="the line went dead"):
        storage.names()  # and not none


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            "https://user:secret@example.org/run?token=x",
            r"^https://example\.org/run\?…: nothing can be written to a web",
        ),
        ("nowhere://user:secret@host/run", r"^nowhere://host/run: .*nowhere"),
        ("zip://run::s3://bucket/a.zip", "chain of filesystems"),
        ("s3://", "^s3://: names no folder; .*s3://bucket/run"),
        ("s3:///", "names no folder"),
    ],
)
def test_places_where_nothing_can_be_written_are_refused(place: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        open_storage(place)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_is_absent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(InputError, match=r"^gs://bucket/run: gs:// needs a package .* pip install gcsfs"):
        open_storage("gs://bucket/run")


def test_credentials_stay_in_the_url(renaming: Renaming) -> None:
    storage = open_storage("renaming://user:secret@host/run")
    assert storage.place == "renaming://user:secret@host/run"
    assert str(storage) == "renaming://host/run"
    assert "secret" not in repr(storage)
    with pytest.raises(OutputError, match=r"^renaming://host/run/none: ") as caught:
        storage.read("none")
    assert "secret" not in str(caught.value)


def test_a_local_folder_is_absolute_wherever_it_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = open_storage("run")
    storage.write("parts/1", b"one")
    monkeypatch.chdir("/")
    assert storage.names() == ["parts/1"]
    assert storage.place == str(tmp_path / "run")


@pytest.mark.posix("names that are no UTF-8")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS refuses such names")
def test_local_names_may_be_no_utf8(tmp_path: Path) -> None:
    storage = open_storage(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    storage.write("parts/1", b"one")
    storage.write(os.fsdecode(b"parts/\xfe"), b"two")
    assert storage.names() == ["parts/1", os.fsdecode(b"parts/\xfe")]
    assert storage.read(os.fsdecode(b"parts/\xfe")) == b"two"
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff"]


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"")
    storage = open_storage(str(tmp_path / "run"))
    in_the_way = re.escape(system_says(errno.ENOTDIR, 3)) + "|File exists"
    with pytest.raises(OutputError, match=rf"run[/\\]parts/1 cannot be written: ({in_the_way}); mend"):
        storage.write("parts/1", b"")
    assert storage.names() == []


def test_a_file_that_somebody_has_open_is_waited_for_and_named(tmp_path: Path, holders: Holders) -> None:
    storage = open_storage(str(tmp_path / "run"))
    storage.write("parts/1", b"before")
    holders.hold(tmp_path / "run" / "parts" / "1", tries=3)
    storage.write("parts/1", b"after")
    assert storage.read("parts/1") == b"after"
    holders.hold(tmp_path / "run" / "parts" / "1")
    for refused in (
        lambda: storage.write("parts/1", b"again"),
        lambda: storage.remove(["parts/1"]),
        lambda: storage.clear("parts"),
    ):
        with pytest.raises(OutputError, match=r"cannot be (written|removed): .*another program has it open"):
            refused()
    assert storage.read("parts/1") == b"after"
    assert storage.names() == ["parts/1"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written: Permission denied"):
        open_storage(str(tmp_path)).write("parts/1", b"")
    tmp_path.chmod(0o700)
