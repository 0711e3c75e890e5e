"""Processes at one study know of each other, and what is kept for all goes with the last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anime_whisper_ct2.search.company import Company, folder_of, is_ending

_THERE = """
import sys
from pathlib import Path
from anime_whisper_ct2.search.company import Company
with Company(Path(sys.argv[1])) as company:
    print(company.token, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "研究 1" / "study.db"


def test_a_process_is_there_until_it_ends_however_it_ends(study: Path) -> None:
    with Company(study) as company:
        other = subprocess.Popen(
            [sys.executable, "-c", _THERE, str(study)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        assert other.stdin is not None
        token = other.stdout.readline().strip()
        with company.alone():
            assert company.is_there(company.token)
            assert company.is_there(token)
            assert company.others()
        other.kill()
        other.wait()
        other.stdin.close()
        other.stdout.close()
        with company.alone():
            assert not company.is_there(token)
            assert not company.others()
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
