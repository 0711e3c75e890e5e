"""WAV and its kin are heard to the end of the file, and say what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soxr

from anime_whisper_ct2.audio import info, load
from tests.reports.kinds_wav import integers, riff
from tests.reports.oracle import LIKENESS, RATE, likeness_of
from tests.reports.sounds import speech

_RATE = 192_000

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("beyond 4 GiB")]


# More than 4 GiB.


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A WAV of 4.2 GB whose header counts modulo 4 GiB, silent but for the first and the last three seconds."""
    path = tmp_path_factory.mktemp("wrapped") / "day.wav"
    first, last = (integers(start_s, 3.0, _RATE, 2) for start_s in (0.0, 8.0))
    bytes_of_sound = (1 << 32) + (1 << 20)
    head = riff(first, _RATE, size=bytes_of_sound % (1 << 32), riff_size=(bytes_of_sound + 36) % (1 << 32))
    with path.open("wb") as file:
        file.write(head)
        file.truncate(44 + bytes_of_sound)  # where the file system has holes they take no place
        file.seek(44 + bytes_of_sound - 2 * last.size)
        file.write(last.tobytes())
    if path.stat().st_blocks * 512 > 1 << 30:
        path.unlink()
        pytest.skip("the file system of the temporary folder has no sparse files")
    yield path
    path.unlink()


def test_the_length_of_a_wav_beyond_4_gib_is_the_files(wrapped: Path) -> None:
    assert info(str(wrapped)).frames in (None, ((1 << 32) + (1 << 20)) // 4)


@pytest.mark.parametrize("behind_s", [3.0, 1.5])
def test_a_stretch_beyond_4_gib_is_found(wrapped: Path, behind_s: float) -> None:
    end_s = ((1 << 32) + (1 << 20)) / 4 / _RATE
    found = load(str(wrapped), end_s - behind_s, 1.0)
    expected = speech(11.0 - behind_s, 1.0, _RATE, 2).mean(axis=1)
    expected = soxr.resample(expected, _RATE, RATE)
    assert len(found) == RATE
    assert likeness_of(found, expected[800:-16], 800, 16)[0] >= LIKENESS
