"""The subtitles of the real recording: eight minutes of talk, half of it over music, with the times of its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from anime_whisper_ct2.export import Export
from anime_whisper_ct2.export.subtitles import SHOWN_BY
from anime_whisper_ct2.output.results import RunFolder
from tests.support.subtitles import (
    Shown,
    ill_broken,
    kinds_of_breaks,
    overlapping,
    read,
    too_fast,
    too_wide,
)

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=SHOWN_BY)
def shown(request: pytest.FixtureRequest, long_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Shown]:
    """The subtitles in each format, as pysubs2 reads them."""
    out = tmp_path_factory.mktemp(request.param)
    Export(long_run, request.param, out).run()
    (path,) = (path for path in out.rglob(f"*.{request.param}") if not path.name.startswith("."))
    return read(path)


def test_every_line_fits(shown: list[Shown]) -> None:
    assert len(shown) > 100
    assert not too_wide(shown, 13, 2)
    assert not overlapping(shown)


def test_nineteen_in_twenty_can_be_read(shown: list[Shown]) -> None:
    slow = sum(one.cps <= 7.05 for one in shown)
    print(f"{slow} of {len(shown)} subtitles at most 7 characters a second")
    assert slow >= 0.95 * len(shown)
    assert not too_fast(shown)


def test_nine_in_ten_breaks_are_at_a_mark_a_pause_or_a_phrase(shown: list[Shown], long_run: Path) -> None:
    (transcript,) = RunFolder(long_run).transcripts()
    kinds = kinds_of_breaks(shown, transcript.segments)
    print(dict(kinds))
    assert kinds["inside"] <= 0.1 * kinds.total()
    assert not ill_broken(shown)
