"""The benchmarks measure what they say: equal work for every system, equal corpora on every machine."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.cuda import Cublas
from benchmarks import (
    asked,
    budget,
    compare,
    corpora,
    cublas_link,
    gpu,
    gpu_look,
    gpu_watch,
    measure,
    oom,
    render,
    standins,
    stations,
    store,
)
from benchmarks.systems import Settings, changed
from tests.processes import wait_until


@pytest.fixture(scope="module")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standins.make("tiny", tmp_path_factory.mktemp("standin"))


def test_standin_emits_the_same_text_in_ctranslate2_at_any_window_and_precision(standin: Path) -> None:
    import ctranslate2

    prompt = standins.prompt_ids(standins.SIZES["tiny"])
    features = np.random.default_rng(0).standard_normal((2, 128, 3000), dtype=np.float32)
    for compute_type in ("float32", "int8"):
        model = ctranslate2.models.Whisper(str(standin / "converted"), compute_type=compute_type)
        assert model.is_multilingual
        for frames in (400, 3000):
            window = ctranslate2.StorageView.from_array(np.ascontiguousarray(features[..., :frames]))
            for result in model.generate(window, [prompt] * 2, beam_size=1):
                assert result.sequences_ids[0] == standins.emitted_ids(standins.SIZES["tiny"].text_tokens)


def test_standin_emits_the_same_text_in_transformers_with_one_beam_and_with_five(standin: Path) -> None:
    import torch
    from transformers import WhisperForConditionalGeneration, WhisperTokenizer

    features = torch.randn(2, 128, 3000, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers warns of its own deprecations
        model = WhisperForConditionalGeneration.from_pretrained(standin / "checkpoint")
        tokenizer = WhisperTokenizer.from_pretrained(standin / "checkpoint")
        for beams in (1, 5):
            tokens = model.generate(features, language="japanese", task="transcribe", num_beams=beams)
            assert tokenizer.batch_decode(tokens, skip_special_tokens=True) == [standins.TEXT] * 2


def test_sizes_are_those_that_the_page_names() -> None:
    assert round(standins.SIZES["33m"].parameters / 1e6) == 33
    assert round(standins.SIZES["full"].parameters / 1e6) == 756
    assert standins.SIZES["33m"].n_vocab == standins.SIZES["full"].n_vocab == 51866
    assert standins.prompt_ids(standins.SIZES["full"]) == [50258, 50266, 50360, 50364]
    assert len(set(standins.TEXT)) == standins.EMITTED_TOKENS


def test_corpus_is_the_same_every_time(tmp_path: Path) -> None:
    first, second = (corpora.clips(tmp_path / name, 7, distinct=5) for name in ("a", "b"))
    clips = list(corpora.read_manifest(first))
    for one, other in zip(clips, corpora.read_manifest(second), strict=True):
        assert (one.id, one.duration) == (other.id, other.duration)
        np.testing.assert_array_equal(soundfile.read(one.audio)[0], soundfile.read(other.audio)[0])
        assert soundfile.info(one.audio).duration == pytest.approx(one.duration, abs=1e-3)
    assert Path(clips[5].audio).samefile(clips[0].audio)


@pytest.mark.parametrize("count", [20, 240, 5000])
def test_lengths_have_the_mean_of_the_training_set(count: int) -> None:
    lengths = corpora.durations(count)
    assert np.mean(lengths) == pytest.approx(5.1, abs=0.02)
    assert min(lengths) >= 2
    assert max(lengths) <= 12


def test_silero_takes_the_sound_for_speech() -> None:
    from faster_whisper.vad import get_speech_timestamps

    sound = corpora.speechlike(6.0, seed=3)
    spoken = sum(span["end"] - span["start"] for span in get_speech_timestamps(sound))
    assert spoken > 0.8 * len(sound)


def test_a_system_is_measured_in_its_own_process_and_its_texts_are_checked(standin: Path, tmp_path: Path) -> None:
    manifest = corpora.clips(tmp_path / "clips", 3)
    entry = compare.Entry("awct2, fit", "awct2", {"window": "fit"})
    result = compare.measure(entry, manifest, standin, tmp_path / "out", ["batch_size=2", "workers=0"])
    assert result["wrong_texts"] == 0
    assert result["clips"] == 3
    assert result["settings"]["window"] == "fit"
    assert min(result["wall_s"], result["load_s"], result["peak_mib"]) > 0


def test_settings_refuse_what_they_do_not_know() -> None:
    settings = changed(Settings(Path("m"), Path("o")), ["batch_size=4", "device=cuda"])
    assert (settings.batch_size, settings.device) == (4, "cuda")
    with pytest.raises(ValueError, match="threds"):
        changed(settings, ["threds=2"])


def test_processor_time_and_memory_of_a_tree_are_seen() -> None:
    start = time.process_time()
    with measure.Watch(every_s=0.01) as watch, measure.span() as work:
        while time.process_time() - start < 0.2:
            pass
    assert work.cpu_s > 0.05
    assert watch.peak_mib > 10
    assert watch.samples[-1][1].processes >= 1


def test_front_end_is_measured_stage_by_stage_and_through_workers(tmp_path: Path) -> None:
    from benchmarks import frontend

    manifest = corpora.clips(tmp_path, 10, distinct=2)
    paths = [clip.audio for clip in corpora.read_manifest(manifest)]
    figures = frontend.stages(paths[:2], rounds=1)
    assert min(figures.values()) > 0
    assert frontend.clips_per_second(paths, workers=1) > 1


def test_a_soak_sees_memory_files_and_processes(standin: Path, tmp_path: Path) -> None:
    from benchmarks import soak

    manifest = corpora.clips(tmp_path, 10, distinct=2)
    seen = soak.watched(manifest.parent / "clips", standin, workers=1)
    assert seen["done"] == 10
    assert seen["peak_mib"] > 0
    assert seen["curve"]
    assert all(len(point) == 4 for point in seen["curve"])


def _round(ours: float, theirs: float) -> dict[str, dict[str, float]]:
    common = {"audio_s": 100.0, "clips": 20, "cpu_s": 2.0, "peak_mib": 300.0, "load_s": 1.0}
    common |= {"wrong_texts": 0, "others_share": 0.01}
    return {"awct2-full": {**common, "wall_s": ours}, "fw-batched": {**common, "wall_s": theirs}}


def test_ratios_are_taken_within_a_round() -> None:
    rounds = [_round(1.0, 2.0), _round(4.0, 12.0), _round(1.0, 10.0)]
    assert compare.ratios(rounds)["awct2-full"]["fw-batched"] == 3.0
    assert compare.summary(rounds)["fw-batched"]["times_real_time"] == 10.0


def test_results_are_rendered_where_a_page_asks_for_them(tmp_path: Path) -> None:
    rounds = [_round(1.0, 2.0)]
    options = {"clips": 20, "size": "tiny", "rounds": 1}
    figures = {"systems": compare.summary(rounds), "ratios": compare.ratios(rounds)}
    store.save(tmp_path / "compare.json", options, figures)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- results: compare -->\nold\n<!-- end of results -->\nafter\n", encoding="utf-8")
    assert not render.fill(page, results=tmp_path)
    assert render.fill(page, write=False, results=tmp_path)
    text = page.read_text(encoding="utf-8")
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| awct2, full | 100.0 | 0.0100 | 50 |" in text
    render.compare_chart(json.loads((tmp_path / "compare.json").read_text(encoding="utf-8")), tmp_path / "chart.svg")
    assert "faster-whisper" in (tmp_path / "chart.svg").read_text(encoding="utf-8")


def test_committed_pages_hold_the_committed_results() -> None:
    assert all(render.fill(page, write=False) for page in render.PAGES if page.is_file())


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
        budget.command_output(["benchmarks.standins"])


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "find_spec", lambda name: None if name == "transformers" else object())
    clock = budget.Clock(minutes=1)
    part = gpu.Gpu(gpu.SMOKE, tmp_path, clock)
    part._system("hf-2", compare.Entry("transformers, batch 2", "transformers_loader"), 12)
    assert clock.skipped == {"transformers, batch 2": "transformers not installed"}


def test_loader_workers_are_as_many_as_shared_memory_holds(tmp_path: Path) -> None:
    assert gpu.loader_workers(14, 1, shared=tmp_path) == 14
    assert gpu.loader_workers(14, 2**60, shared=tmp_path) == 1
    assert gpu.loader_workers(14, 2**60, shared=tmp_path / "none") == 14


def test_the_gpu_is_watched_through_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with gpu_watch.GpuWatch() as watch:
        pass
    assert (watch.busy(1.0), watch.peak_mib) == (None, None)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '40, 1000'\necho '[N/A], [N/A]'\necho '60, 3000'\nexec /bin/sleep 60\n")
    program.chmod(0o755)
    with gpu_watch.GpuWatch() as watch:
        wait_until(lambda: len(watch.samples) == 2, 60, "nothing was seen")
    assert watch.peak_mib == 3000
    assert watch.busy(60.0) == 0.5


def test_load_is_that_of_the_busiest_stretch() -> None:
    watch = gpu_watch.GpuWatch()
    watch.samples = [(float(at), load, 0.0) for at, load in enumerate([0, 0, 10, 90, 100, 80, 0, 0])]
    assert watch.busy(2.0) == pytest.approx(0.9)
    assert watch.busy(100.0) == pytest.approx(0.35)


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


def test_two_engines_on_one_device_replace_one_that_is_killed(standin: Path, tmp_path: Path) -> None:
    clips = list(corpora.read_manifest(corpora.clips(tmp_path, 200, distinct=5)))
    figures = stations.shared(clips, standin, "cpu", "float32", kill=True)
    assert (figures["done"], figures["wrong_texts"], figures["engine_deaths"]) == (200, 0, 1)


def test_numbers_are_compared_with_the_cpu_s_in_float32(standin: Path, tmp_path: Path) -> None:
    assert set(gpu_look.encoder(standin, "cpu", "float32").values()) == {0.0}
    assert all(0 < difference < 0.5 for difference in gpu_look.encoder(standin, "cpu", "int8").values())
    seen = gpu_look.texts(tmp_path / "trained", "cpu", ["float32"], most=2)["float32"]
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
