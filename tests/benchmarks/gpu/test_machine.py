"""The machine with the GPU: its memory, its engines, its libraries, and how busy it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.engine.cuda import Cublas
from anime_whisper_ct2.options import EngineOptions
from benchmarks.gpu import cublas_link, oom, stations, steps
from benchmarks.gpu.watch import GpuWatch
from benchmarks.measures import corpora
from benchmarks.systems import Settings
from tests.support.processes import wait_until


@pytest.mark.posix("statvfs")
def test_loader_workers_are_as_many_as_shared_memory_holds(tmp_path: Path) -> None:
    assert steps.loader_workers(14, 1, shared=tmp_path) == 14
    assert steps.loader_workers(14, 2**60, shared=tmp_path) == 1
    assert steps.loader_workers(14, 2**60, shared=tmp_path / "none") == 14


@pytest.mark.posix("sh")
def test_the_gpu_is_watched_through_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with GpuWatch() as watch:
        pass
    assert (watch.busy(1.0), watch.peak_mib) == (None, None)
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho '40, 1000'\necho '[N/A], [N/A]'\necho '60, 3000'\nexec /bin/sleep 60\n", encoding="utf-8"
    )
    program.chmod(0o755)
    with GpuWatch() as watch:
        wait_until(lambda: len(watch.samples) == 2, 60, "nothing was seen")
    assert watch.peak_mib == 3000
    assert watch.busy(60.0) == 0.5


def test_load_is_that_of_the_busiest_stretch() -> None:
    watch = GpuWatch()
    watch.samples = [(float(at), load, 0.0) for at, load in enumerate([0, 0, 10, 90, 100, 80, 0, 0])]
    assert watch.busy(2.0) == pytest.approx(0.9)
    assert watch.busy(100.0) == pytest.approx(0.35)


@pytest.mark.posix("links")
def test_a_newer_cublas_stands_in_by_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublas_link, "load_cublas", lambda: Cublas(problem="not there"))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/before")
    newer = tmp_path / "site" / "nvidia" / "cu13" / "lib" / "libcublas.so.13"
    newer.parent.mkdir(parents=True)
    newer.touch()
    assert cublas_link.stand_in(tmp_path, [str(tmp_path / "site")]) == newer
    link = tmp_path / "cublas" / "libcublas.so.12"
    assert link.resolve() == newer
    assert os.environ["LD_LIBRARY_PATH"] == f"{link.parent}:{newer.parent}:/before"


def test_a_run_out_of_memory_halves_its_batches_and_loses_nothing(standin: Path, tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path / "clips", 10, distinct=5)
    figures = oom.survive(manifest, Settings(standin, tmp_path / "oom", batch_size=8, workers=0))
    assert (figures["done"], figures["found"], figures["wrong_texts"]) == (10, 10, 0)
    assert figures["memory_halvings"] >= 1
    assert figures["batch_size_after"] == oom.MOST_WINDOWS


@pytest.mark.posix("signals")
def test_two_engines_on_one_device_replace_one_that_is_killed(standin: Path, tmp_path: Path) -> None:
    clips = list(corpora.read_manifest(corpora.clips(tmp_path, 200, distinct=5)))
    figures = stations.shared(clips, standin, EngineOptions(device="cpu", compute_type="float32"), kill=True)
    assert (figures["done"], figures["wrong_texts"], figures["engine_deaths"]) == (200, 0, 1)
