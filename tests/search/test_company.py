"""Processes at one study know of each other, and what is kept for all goes with the last."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.output.lock import FolderLock
from anime_whisper_ct2.search import company as room
from anime_whisper_ct2.search.company import Company, check_company, folder_of, holding, is_ending

_THERE = """
import sys
from pathlib import Path
from anime_whisper_ct2.search.company import Company
with Company(*map(Path, sys.argv[1:])) as company:
    print(company.token, flush=True)
    sys.stdin.read()
"""


@contextmanager
def apart(*places: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Have a process of its own there; gives it and its token."""
    with subprocess.Popen(
        [sys.executable, "-c", _THERE, *map(str, places)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "研究 1" / "study.db"


def test_a_process_is_there_until_it_ends_however_it_ends(study: Path) -> None:
    with Company(study) as company:
        with apart(study) as (other, token):
            with company.alone():
                assert company.is_there(company.token)
                assert company.is_there(token)
                assert company.others() == 1
            other.kill()
            other.wait()
        with company.alone():
            assert not company.is_there(token)
            assert company.others() == 0
        # What it has left is gone, too.
        assert not (folder_of(study) / token).exists()


def test_the_last_one_clears_the_folder_away(study: Path) -> None:
    with Company(study) as one:
        with Company(study) as other, other.leaving() as last:
            assert not last
        assert folder_of(study).is_dir()
        with one.leaving() as last:
            assert last
        with one.leaving() as last:
            assert not last  # it has left already
    assert not folder_of(study).exists()


def test_whoever_writes_the_result_is_known_to_do_so(study: Path) -> None:
    assert not is_ending(study)
    with Company(study) as company:
        with company.ending():
            assert is_ending(study)
        assert not is_ending(study)


def test_in_a_work_folder_all_are_at_one_study(study: Path) -> None:
    # However it is named.
    work, also = study.parent / "work", study.parent / "work" / ".." / "study.db"
    said = r"work: another search is at work there, with the study .*study\.db; wait for it, or name another folder"
    with apart(study, work) as (other, _):
        with Company(also, work) as same:
            check_company(also, work)
            with same.alone():
                assert same.others() == 1
        with pytest.raises(InputError, match=said), Company(study.with_name("b.db"), work):
            pass
        with pytest.raises(InputError, match=said):
            check_company(study.with_name("b.db"), work)
        other.kill()
        other.wait()
    with Company(study.with_name("b.db"), work):
        pass
    assert not any(work.iterdir())


def test_whoever_waits_for_a_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_SOON_S", 0.01)
    lock, told = FolderLock(tmp_path), list[str]()
    lock.acquire()

    def on_wait() -> None:
        told.append("waiting")
        lock.release()

    with holding(tmp_path, on_wait):
        assert told == ["waiting"]
    with holding(tmp_path, on_wait):
        assert told == ["waiting"]  # it was free
