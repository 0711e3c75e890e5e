"""Times are those that a player shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.audio import load
from tests.reports.checks import heard_by_us
from tests.reports.kinds_times import late, packed
from tests.reports.oracle import LIKENESS, RATE, agrees, heard_by_ffmpeg, likeness_of

pytestmark = pytest.mark.ffmpeg


def test_a_gap_of_half_an_hour_is_filled_and_a_stretch_behind_it_found(tmp_path: Path) -> None:
    whole = packed(tmp_path, "mkv aac", 8.0)
    path = tmp_path / "a.mkv"
    late(whole, path, 4.0, 1_800.0)
    heard = heard_by_us(path)
    expected = heard_by_ffmpeg(path, filled=True)
    found = agrees(heard.samples, expected, (4.0, 1_804.0))
    assert found, str(found)
    part = load(str(path), 1_805.0, 1.0)
    assert likeness_of(part, expected[1_805 * RATE :][800 : RATE - 16], 800, 16)[0] >= LIKENESS
