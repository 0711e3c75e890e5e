"""A file is held by one at a time, and nobody takes another file for it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from anime_whisper_ct2.system import locks


def test_one_at_a_time_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "held"
    with locks.tried(path) as one, locks.tried(path) as other, locks.tried(tmp_path / "else") as third:
        assert (one, other, third) == (True, False, True)
    with locks.tried(path) as again:
        assert again
    with pytest.raises(FileNotFoundError), locks.tried(tmp_path / "nowhere" / "held"):
        pytest.fail("there is no such folder")


@pytest.mark.posix("removes what is open")
def test_what_was_removed_before_it_was_held_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = locks._lock

    def late(descriptor: int) -> bool:
        (tmp_path / "held").unlink()
        return lock(descriptor)

    monkeypatch.setattr(locks, "_lock", late)
    with locks.tried(tmp_path / "held") as held:
        assert not held


@pytest.mark.posix("flock")
def test_where_there_are_no_locks_nobody_is_known_to_hold_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with locks.tried(tmp_path / "held") as held:
        assert held
