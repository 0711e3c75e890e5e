"""Commands of a stage of their own measure it, and pages hold what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import frontend, render, soak
from benchmarks.measures import corpora


def test_front_end_is_measured_stage_by_stage_and_through_workers(tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path, 10, distinct=2)
    paths = [clip.audio for clip in corpora.read_manifest(manifest)]
    figures = frontend.stages(paths[:2], rounds=1)
    assert min(figures.values()) > 0
    assert frontend.clips_per_second(paths, workers=1) > 1


@pytest.mark.posix("/proc")
def test_a_soak_sees_memory_files_and_processes(standin: Path, tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path, 10, distinct=2)
    seen = soak.watched(manifest.parent / "clips", standin, workers=1)
    assert seen["done"] == 10
    assert seen["peak_mib"] > 0
    assert seen["curve"]
    assert all(len(point) == 4 for point in seen["curve"])


def test_committed_pages_hold_the_committed_results() -> None:
    assert all(render.fill(page, write=False) for page in render.PAGES if page.is_file())
