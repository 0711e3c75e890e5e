"""The benchmarks measure what they say: equal work for every system, equal corpora on every machine."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import compare, corpora, measure, render, standins, store
from benchmarks.systems import Settings, changed


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
    with measure.Watch(every_s=0.01) as watch, measure.span() as work:
        sum(number * number for number in range(2_000_000))
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


@pytest.mark.slow
def test_the_gpu_part_runs_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    from benchmarks.oom import command_output

    command_output(["benchmarks.gpu", "--smoke", "--temp", str(tmp_path)], timeout_s=540)
    report = json.loads((tmp_path / "gpu-smoke.json").read_text(encoding="utf-8"))
    assert report["skipped"] == {}
    assert {"awct2-full", "awct2-fit", "fw-batched", "hf-2"} <= set(report["systems"])
    assert report["out_of_memory"]["done"] == report["out_of_memory"]["found"]
    assert report["out_of_memory"]["memory_halvings"] > 0
    assert {"engine", "overhead-full", "overhead-fit"} <= set(report)
