"""The GPU's part keeps to its time, and what it is asked is held against what it measured; all of it on a CPU."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.engine.cuda import Cublas
from benchmarks import compare, render
from benchmarks.gpu import asked, budget, cublas_link, look, oom, stations, steps
from benchmarks.gpu.watch import GpuWatch
from benchmarks.measures import corpora
from benchmarks.systems import Settings
from tests.support.processes import wait_until


def test_a_step_that_fails_or_finds_no_time_is_named_and_the_others_are_done() -> None:
    clock = budget.Clock(minutes=1)
    saved: list[str] = []
    clock.after = lambda: saved.append(clock.under_way)

    def fail(_: float) -> None:
        raise KeyError("wall_s")

    assert clock.step("one", fail) is None
    assert clock.step("two", lambda limit_s: limit_s, most_s=5) == 5
    assert clock.step("three", lambda limit_s: limit_s) == pytest.approx(60, abs=30)
    assert clock.step("four", lambda limit_s: limit_s, needs_s=100) is None
    assert clock.skipped == {"one": "'wall_s'", "four": "no time left"}
    assert saved == ["one", "two", "three"]


def test_a_step_that_never_ends_is_given_up() -> None:
    given_up = threading.Event()
    clock = budget.Clock(minutes=0.001)
    clock.guard(given_up.set, grace_s=0.1)
    assert given_up.wait(20)


def test_a_part_that_takes_too_long_or_breaks_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"benchmarks.soak took more than 0 s"):
        budget.command_output(["benchmarks.soak", "--help"], timeout_s=0.05)
    with pytest.raises(RuntimeError, match="the following arguments are required: size, folder"):
        budget.command_output(["benchmarks.measures.standins"])


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "find_spec", lambda name: None if name == "transformers" else object())
    clock = budget.Clock(minutes=1)
    part = steps.Gpu(steps.SMOKE, tmp_path, clock)
    part._system("hf-2", compare.Entry("transformers, batch 2", "transformers_loader"), 12)
    assert clock.skipped == {"transformers, batch 2": "transformers not installed"}


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
    figures = stations.shared(clips, standin, "cpu", "float32", kill=True)
    assert (figures["done"], figures["wrong_texts"], figures["engine_deaths"]) == (200, 0, 1)


def test_numbers_are_compared_with_the_cpu_s_in_float32(standin: Path, tmp_path: Path) -> None:
    assert set(look.encoder(standin, "cpu", "float32").values()) == {0.0}
    assert all(0 < difference < 0.5 for difference in look.encoder(standin, "cpu", "int8").values())
    seen = look.texts(tmp_path / "trained", "cpu", ["float32"], most=2)["float32"]
    assert (seen["clips"], seen["equal"], seen["logprob_difference"]) == (2, 2, 0.0)


def test_what_is_asked_of_a_gpu_is_held_against_what_was_measured() -> None:
    def system(speed: float) -> dict[str, float]:
        return {"times_real_time": speed, "wrong_texts": 0}

    systems = {"awct2-full": system(640), "awct2-fit": system(2900), "hf-32": system(500), "hf-64": system(700)}
    figures = {
        "systems": systems,
        "overhead-full": {"full": {"overhead": 0.04}},
        "out_of_memory": {"done": 99, "found": 100, "memory_halvings": 3},
    }
    rows = {row["what"]: (row["measured"], row["met"]) for row in asked.asked(figures)}
    assert rows["full, times real time"] == (640, True)
    assert rows["fit, times real time"] == (2900, False)
    assert rows["full, times as fast as transformers at its best"] == (pytest.approx(640 / 700), False)
    assert rows["fit, times as fast as transformers at its best"] == (pytest.approx(2900 / 700), True)
    assert rows["full, % of the time that the engine waits"] == (pytest.approx(3.846, abs=1e-3), True)
    assert rows["% of the clips transcribed though memory ran out"] == (99, False)
    assert rows["full, times as fast as faster-whisper file by file"] == (None, None)
    assert all(row["met"] is None for row in asked.asked({}))


# Every part in a process of its own, torch among them: a minute on two cores. The parts by themselves are tested above.
@pytest.mark.slow
@pytest.mark.posix("/proc")
def test_the_gpu_part_runs_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "results" / "gpu.json"
    options = ["--smoke", "--minutes", "20", "--temp", str(tmp_path), "--out", str(out)]
    budget.command_output(["benchmarks.gpu", *options], timeout_s=1_300)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["skipped"] == {}
    assert {"awct2-full", "awct2-fit", "fw-batched", "hf-2"} == set(report["systems"])
    parts = {"look", "overhead-full", "overhead-fit", "out_of_memory", "stations, one killed", "stations", "engine"}
    assert parts <= set(report)
    met = {row["what"]: row["met"] for row in report["asked"]}
    assert [met[what] for what in met if what.startswith(("wrong texts", "% of the", "batches", "encoder"))] == [
        True
    ] * 6
    assert out.with_suffix(".svg").is_file()
    page = tmp_path / "page.md"
    page.write_text("<!-- results: gpu -->\n<!-- end of results -->\n", encoding="utf-8")
    render.fill(page, results=out.parent)
    assert "| awct2, fit | auto | 1 | 120 | 2 |" in page.read_text(encoding="utf-8")
