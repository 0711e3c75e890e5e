"""Memory that a child writes into: found by its handle, written or refused, and gone with its last user."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.system import processes, shared
from anime_whisper_ct2.system.shared import Block, Lent
from tests.support.places import PYTHONPATH

CHILD = """
import sys
from anime_whisper_ct2.system.shared import Lent
handle = sys.argv[1] if sys.platform == "win32" else int(sys.argv[1])
lent = Lent(handle, 100_000)
lent.write(memoryview(b"from the child"), 70_000)
"""


def written_by_a_child(block: Block) -> bytes:
    env = {**os.environ, "PYTHONPATH": PYTHONPATH}
    child, _ = processes.started([sys.executable, "-c", CHILD, str(block.handle)], env, block.inherited)
    with child:
        child.communicate()
    assert child.returncode == 0
    return block.memory[69_999:70_015]


def test_a_child_writes_into_it() -> None:
    block = Block(100_000)
    assert written_by_a_child(block) == b"\0from the child\0"
    block.close()


@pytest.mark.posix("descriptors")
def test_a_python_that_was_built_for_older_systems_has_it_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    block = Block(100_000)
    assert written_by_a_child(block) == b"\0from the child\0"
    block.close()


@pytest.mark.posix("descriptors")
def test_where_memory_has_no_files_a_temporary_one_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_: str) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    monkeypatch.setattr(shared.tempfile, "tempdir", str(tmp_path))
    block = Block(100_000)
    assert written_by_a_child(block) == b"\0from the child\0"
    assert not list(tmp_path.iterdir())
    block.close()


@pytest.mark.posix("descriptors")
def test_no_child_finds_it_when_it_is_closed_and_what_is_mapped_stays() -> None:
    block = Block(100_000)
    (descriptor,) = block.inherited
    Lent(block.handle, 100_000).write(memoryview(b"kept"), 0)
    block.close()
    block.close()
    assert block.inherited == ()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    assert block.memory[:4] == b"kept"


@pytest.mark.posix("limits of file size")
def test_a_block_that_the_system_refuses_is_an_error_and_leaves_nothing_open() -> None:
    import resource

    before = len(os.listdir("/dev/fd"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            Block(2 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.posix("limits of file size")
def test_a_write_beyond_what_there_is_is_an_error_and_no_signal() -> None:
    """Through a mapping it would be SIGBUS, and the worker's recording would be blamed."""
    import resource

    block = Block(2 << 20)
    lent = Lent(block.handle, 2 << 20)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            lent.write(memoryview(bytes(1 << 20)), 1 << 19)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    block.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep what they have")
def test_whole_pages_between_two_bytes_are_given_back() -> None:
    block = Block(64_000)
    Lent(block.handle, 64_000).write(memoryview(b"x" * 64_000), 0)
    block.trim(10_000, 50_000)
    assert block.memory[:10_000] == b"x" * 10_000
    assert block.memory[50_000:64_000] == b"x" * 14_000
    assert block.memory[16_384:45_056] == bytes(28_672)
    block.close()
