"""Audio has the same stamp as long as it is where it was and nobody has written it again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from anime_whisper_ct2.readers.stamps import stamp
from anime_whisper_ct2.records import ArrayAudio, Audio, Excerpt, Section


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.tar"
    path.write_bytes(b"0123456789")
    return path


def kinds(path: str) -> list[Audio]:
    samples = np.arange(8, dtype=np.float32)
    return [
        path,
        f"{path}.gone",
        "no-utf8-\udcff.wav",
        "s3://voices/a.wav",
        Section(path, 0, 4),
        Section(path, 4, 4),
        Excerpt(path, 0.0, 1.0),
        Excerpt(path, 1.0, None),
        Excerpt(b"abc", 0.0, 1.0),
        b"abc",
        b"abd",
        ArrayAudio(samples, 16_000),
        ArrayAudio(samples, 8_000),
        ArrayAudio(samples.reshape(4, 2), 16_000),
        ArrayAudio(samples.view(np.int32), 16_000),
    ]


def test_each_has_its_own_and_keeps_it(file: Path) -> None:
    stamps = [stamp(audio) for audio in kinds(str(file))]
    assert len(set(stamps)) == len(stamps)
    assert {len(one) for one in stamps} == {32}
    assert [stamp(audio) for audio in kinds(str(file))] == stamps


def test_a_file_that_was_written_again_has_another_and_so_has_what_lies_in_it(file: Path) -> None:
    held: list[Audio] = [str(file), Section(str(file), 0, 4), Excerpt(Section(str(file), 0, 4), 0.0)]
    before = [stamp(audio) for audio in held]
    status = file.stat()
    file.write_bytes(b"9876543210")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
    assert not set(before) & {stamp(audio) for audio in held}


def test_however_a_file_is_named_from_here_it_is_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert stamp(file.name) == stamp(str(file))
