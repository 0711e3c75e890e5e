"""Commands of a stage of their own measure it, and pages hold what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import frontend, plumbing, render, soak
from benchmarks.measures import corpora
from benchmarks.report.plumbing_tables import plumbing_table


def test_front_end_is_measured_stage_by_stage_and_through_workers(tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path, 10, distinct=2)
    paths = [clip.audio for clip in corpora.read_manifest(manifest)]
    figures = frontend.stages(paths[:2], rounds=1)
    assert min(figures.values()) > 0
    assert frontend.clips_per_second(paths, workers=1) > 1


@pytest.mark.posix("/proc")
def test_the_way_to_the_engine_is_measured_with_shared_memory_and_without(tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path, 10, distinct=2)
    figures = plumbing.measure([clip.audio for clip in corpora.read_manifest(manifest)], workers=1, rounds=1)
    for way in plumbing.WAYS:
        parts = [figures[way][part] for part in plumbing.PARTS.values()]
        assert min(parts) > 0
        assert sum(parts) == pytest.approx(figures[way]["whole"], rel=0.3)
    options = {"clips": 10, "workers": 1, "rounds": 1}
    assert plumbing_table({"options": options, **figures}).count("\n| in ") == 2


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
