"""What 100,000 hours cost: the arithmetic, where each figure is from, and how the page says it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import cost, render
from benchmarks.measures import reckoning
from benchmarks.measures.reckoning import Figure, Inputs
from benchmarks.ray_overhead import summary
from benchmarks.report import cost_text, store

ABOUT = {
    "machine": {"processor": "x", "cores": 2, "memory_gib": 8, "system": "Linux", "gpu": None},
    "versions": {"python": "3.11"},
    "commit": "abc1234",
    "date": "2026-01-01",
}
MEASURED = Inputs(
    cpu_ms=Figure(5.0, "measured"),
    listing_us=Figure(2.0, "measured"),
    tar_listing_us=Figure(20.0, "measured"),
    shards_us=Figure(10.0, "measured"),
    ledger=Figure(12_000.0, "measured"),
    base_mib=Figure(200.0, "measured"),
    million_mib=Figure(18.0, "measured"),
)


def _million(folder: Path) -> dict[str, Any]:
    def part(recordings: int, resident: float) -> dict[str, Any]:
        memory = {"private": resident - 70, "files": 67.0, "shared": 3.0, "resident": resident}
        times = {"command_s": 100.0, "first_line_s": 2.5, "load_s": 1.0, "wall_s": 90.0, "driver_cpu_s": 30.0}
        return {"recordings": recordings, "per_s": 11_000.0, "driver_peak_mib": memory, **times}

    rates = {"listing": 500_000.0, "tar_listing": 50_000.0, "shards": 100_000.0, "ledger": 250_000.0}
    alone = {"recordings": 100_000, **{f"{name}_per_cpu_s": rate for name, rate in rates.items()}}
    parts = {"cluster_few": part(100_000, 200.0), "cluster": part(1_000_000, 218.0), "alone": alone}
    options = {"recordings": 1_000_000, "few": 100_000, "nodes": 1, "cpus": 1}
    store.save(folder / "million.json", options, {"bytes_per_recording": 13_000.0, "parts": parts}, ABOUT)
    report: dict[str, Any] = json.loads((folder / "million.json").read_text(encoding="utf-8"))
    return report


def test_the_corpus_is_as_many_clips_as_its_hours_hold() -> None:
    assert reckoning.recordings() == pytest.approx(70.6e6, rel=1e-3)
    assert reckoning.recordings(5.1 / 3600) == pytest.approx(1.0)


def test_time_and_money_follow_from_the_part_that_gives_out_first() -> None:
    few = reckoning.estimate(MEASURED, 8, "full", "tars")
    assert few.first == "gpu"
    assert few.per_s == pytest.approx(8 * 1_080 / 5.1)
    assert few.busy_hours == pytest.approx(100_000 / 1_080)
    assert few.wall_s == pytest.approx(100_000 * 3600 / (8 * 1_080) + 60 + reckoning.TAIL_S)
    assert few.gpu_hours == pytest.approx(8 * few.wall_s / 3600)
    assert few.usd == pytest.approx(3 * few.gpu_hours)
    many = reckoning.estimate(MEASURED, 512, "fit", "tars")
    assert (many.first, many.per_s) == ("ledger", 12_000)
    assert many.read_bytes_s == pytest.approx(12_000 * 0.9e9 / 32_600)
    # Waiting GPUs are paid for, too.
    assert many.gpu_hours > 10 * many.busy_hours


def test_every_part_can_be_the_first_to_give_out() -> None:
    def first(form: reckoning.Form, **changes: Figure) -> str:
        return reckoning.estimate(replace(MEASURED, **changes), 64, "fit", form).first

    quick = {"ledger": Figure(1e9, "measured"), "stat_ms": Figure(0.0, "assumed")}
    assert first("files") == "listing"
    assert first("tars") == "ledger"
    assert first("files", **quick) == "opens"
    assert first("tars", **quick, tar_listing_us=Figure(0.1, "measured")) == "gpu"
    assert first("tars", **quick, storage_bytes_s=Figure(1e8, "assumed")) == "bandwidth"
    assert first("tars", **quick, cores=Figure(2.0, "assumed")) == "front end"


def test_sizes_of_loose_files_are_asked_for_one_after_the_other_and_names_listed_by_every_run() -> None:
    assert reckoning.limits(MEASURED, 8, "fit", "files")["listing"] == pytest.approx(1e6 / (2 + 10 + 300))
    assert reckoning.limits(MEASURED, 8, "fit", "files", runs=4)["listing"] == pytest.approx(4e6 / (4 * 2 + 10 + 300))
    assert reckoning.limits(MEASURED, 8, "fit", "tars")["listing"] == pytest.approx(1e6 / (20 + 10))
    assert reckoning.limits(MEASURED, 8, "fit", "tars", runs=4)["listing"] == pytest.approx(4e6 / (20 + 10))
    assert "listing" not in reckoning.limits(MEASURED, 8, "fit", "remote tars")
    assert "opens" not in reckoning.limits(MEASURED, 8, "fit", "tars")


def test_runs_are_as_few_as_free_the_gpus_of_the_driver() -> None:
    assert reckoning.enough_runs(MEASURED, 8, "full", "tars") == 1
    # 64 fitted GPUs do 57,725 a second, a command 12,000.
    runs = reckoning.enough_runs(MEASURED, 64, "fit", "remote tars")
    assert runs == 5
    assert reckoning.estimate(MEASURED, 64, "fit", "remote tars", runs).first == "gpu"
    assert reckoning.estimate(MEASURED, 64, "fit", "remote tars", runs - 1).first == "ledger"
    # Names of loose files are listed by every run, and that cannot be divided; then a few runs do nearly as much.
    slow = replace(MEASURED, listing_us=Figure(100.0, "measured"))
    runs = reckoning.enough_runs(slow, 64, "fit", "files")
    assert reckoning.estimate(slow, 64, "fit", "files", runs).first == "listing"
    assert reckoning.estimate(slow, 64, "fit", "files", runs).per_s > 0.97 * 1e6 / (100 + 310 / 64)
    assert runs < 64


def test_cores_and_the_drivers_memory_are_reckoned_from_what_was_measured() -> None:
    assert reckoning.cores_per_gpu(MEASURED, "fit") == pytest.approx(4_600 / 5.1 * 0.005 + 1)
    assert reckoning.driver_mib(MEASURED, 70e6) == pytest.approx(200 + 18 * 70)
    assert reckoning.cores_per_gpu(Inputs(), "fit") is None
    assert reckoning.driver_mib(Inputs(), 1e6) is None


def test_what_was_measured_takes_the_place_of_what_was_not(tmp_path: Path) -> None:
    assert reckoning.gather(tmp_path) == Inputs()
    store.save(tmp_path / "frontend.json", {}, {"pool_clips_per_s": {"1": 190.0, "2": 400.0}}, ABOUT)
    _million(tmp_path)
    inputs = reckoning.gather(tmp_path)
    assert inputs.cpu_ms == Figure(5.0, "measured", "frontend.json, abc1234")
    assert inputs.listing_us
    assert inputs.listing_us.value == pytest.approx(2.0)
    assert inputs.ledger == Figure(11_000.0, "measured", "million.json, abc1234")
    assert reckoning.driver_mib(inputs, 1e6) == pytest.approx(218.0)
    assert reckoning.driver_mib(inputs, 2e6) == pytest.approx(238.0)
    assert inputs.speed["fit"].kind == "calculated"

    def system(speed: float) -> dict[str, Any]:
        return {"times_real_time": speed, "cpu_s_per_audio_hour": 4.0, "runs": [{"load_s": 9.0}, {"load_s": 20.0}]}

    systems = {"awct2-full-torch": system(600.0), "awct2-fit-torch": system(3_000.0)}
    on_cpu = {**ABOUT, "machine": {**ABOUT["machine"], "gpu": None}}  # type: ignore[dict-item] # ABOUT is a literal
    store.save(tmp_path / "gpu.json", {}, {"systems": systems}, on_cpu)
    assert reckoning.gather(tmp_path).speed["fit"].kind == "calculated"  # a smoke test on a CPU is no figure
    on_gpu = {**ABOUT, "machine": {**ABOUT["machine"], "gpu": "H200"}}  # type: ignore[dict-item] # as above
    store.save(tmp_path / "gpu.json", {}, {"systems": systems}, on_gpu)
    inputs = reckoning.gather(tmp_path)
    assert inputs.speed["fit"] == Figure(3_000.0, "measured", "gpu.json, abc1234")
    assert inputs.start_s.value == 20.0
    # Of the other encoder nothing was measured there.
    stock = reckoning.gather(tmp_path, "ctranslate2")
    assert stock.speed["fit"] == Figure(1_700.0, "calculated")
    assert stock.cpu_ms == Figure(5.0, "measured", "frontend.json, abc1234")
    # Four seconds of processor time for an hour of audio, at 3,000 hours an hour: 3.3 cores.
    assert reckoning.cores_per_gpu(inputs, "fit") == pytest.approx(4.0 * 3_000 / 3600)


def test_the_cost_page_says_in_both_languages_what_is_calculated_assumed_and_measured() -> None:
    english, japanese = (cost_text.page(MEASURED, language) for language in ("en", "ja"))
    assert "calculated from the work of the kernels" in english
    assert "まだ実測していません" in japanese
    assert "| tars at URLs | fit | 512 | ledger | 12,000 |" in english
    assert "| URL の tar | fit | 512 | 結果の集約 | 12,000 |" in japanese
    assert english.count("\n|") == japanese.count("\n|")
    assert not any("{" in text or "None" in text for text in (english, japanese))
    assert "nothing was measured yet" in cost_text.page(Inputs())
    real = replace(MEASURED, speed={"full": Figure(600.0, "measured", "gpu.json, abc"), "fit": Figure(3e3, "measured")})
    assert "**Speed of the GPU: measured.**" in cost_text.page(real)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_page_tells_of_both_encoders_and_marks_what_was_not_measured_of_either(language: str) -> None:
    stock = replace(MEASURED, encoder="ctranslate2", speed=reckoning.calculated_speed("ctranslate2"))
    half = replace(MEASURED, speed={window: Figure(4_000.0, "measured", "gpu.json, abc") for window in ("full", "fit")})
    page = cost_text.page(half, language, stock)
    assert page.count("--encoder torch") >= 2
    # 8 GPUs at 270 times real time.
    assert f"| {8 * 270 / 5.1:,.0f} |" in page
    measured, calculated = (cost_text._WORDS[language]["speed"][kind] for kind in ("measured", "calculated"))
    assert calculated in page
    assert f"**{measured}" not in page
    assert "{" not in page


@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [(59.2, "1 min 0 s", "1分0秒"), (3_599.0, "59 min 59 s", "59分59秒"), (3_600.0, "1 h 0 min", "1時間0分")],
)
def test_times_are_written_in_two_units(seconds: float, english: str, japanese: str) -> None:
    assert (cost_text.takes(seconds), cost_text.takes(seconds, "ja")) == (english, japanese)


def test_other_assumptions_are_options_and_named_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    cost.main(["--usd", "2.5", "--stat-ms", "0"])
    said = capsys.readouterr().out
    assert "| price | 2.5 USD / GPU-hour | assumed |" in said
    assert "where a listing brings it along | 0 ms | assumed |" in said


@pytest.mark.posix("/proc")
def test_results_of_runs_on_ray_are_rendered(tmp_path: Path) -> None:
    _million(tmp_path)
    assert "| 1,000,000, on 1 node | 11,000 | 2.5 | 100.0 | 30.0 | 148 | 67 | 3 |" in render.rendered(
        "million", tmp_path
    )
    row = {"wall_s": 130.0, "load_s": 2.0, "command_s": 135.0, "cpu_s": 250.0, "audio_s": 9e3, "others_share": 0.001}
    rounds = [{"local": row, "ray": {**row, "wall_s": wall_s}} for wall_s in (131.3, 136.5, 143.0)]
    store.save(
        tmp_path / "ray-overhead.json", {"clips": 9, "size": "33m", "window": "fit", "rounds": 3}, summary(rounds)
    )
    text = render.rendered("ray-overhead", tmp_path)
    assert "| `awct2 run --ray` | 136.5 |" in text
    assert "the work takes 5.0 % longer, the whole command 0.0 % longer" in text
    page = tmp_path / "page.md"
    page.write_text("<!-- results: cost-ja -->\n<!-- end of results -->\n", encoding="utf-8")
    assert not render.fill(page, results=tmp_path)
    assert "11,000件/秒" in page.read_text(encoding="utf-8")
