"""What is timed on a GPU can be stopped, is named where it is not installed, and speaks in half precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import compare, systems
from benchmarks.gpu import budget, steps
from benchmarks.gpu.plan import SMOKE
from benchmarks.measures import corpora, standins
from benchmarks.systems import Settings


def test_a_system_that_is_stopped_gives_the_figures_of_what_it_did(standin: Path, tmp_path: Path) -> None:
    corpora.clips(tmp_path / "clips", 600, distinct=5)
    command = ["benchmarks.systems.awct2", "--manifest", str(tmp_path / "clips" / "manifest.jsonl")]
    command += ["--model", str(standin), "--out", str(tmp_path / "out"), "--set", "window=full", "limit_s=1.5"]
    budget.command_output(command, timeout_s=120)
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    lines = (tmp_path / "out" / "transcripts.jsonl").read_text(encoding="utf-8").splitlines()
    assert 0 < result["clips"] < 600
    assert [json.loads(line)["text"] for line in lines] == [standins.TEXT] * result["clips"]
    assert result["audio_s"] == pytest.approx(5.1 * result["clips"], rel=0.8)
    assert 0 <= result["notes"]["engine_waits"] <= 1


def test_a_system_that_cannot_be_stopped_refuses_a_limit(tmp_path: Path) -> None:
    endless: Any = object()
    with pytest.raises(ValueError, match="endless cannot be stopped in the middle"):
        systems.run("endless", endless, Settings(tmp_path, tmp_path / "out", limit_s=1.0), [])
    assert not (tmp_path / "out").exists()


def test_a_peer_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "find_spec", lambda name: None if name == "transformers" else object())
    clock = budget.Clock(minutes=1)
    part = steps.Gpu(SMOKE, tmp_path, clock)
    part._system("hf-2", compare.Entry("transformers, batch 2", "transformers_loader"), "transformers", "transformers")
    assert clock.skipped == {"transformers, batch 2": "transformers not installed"}


def test_a_stand_in_in_half_precision_says_the_same(tmp_path: Path) -> None:
    import ctranslate2
    import numpy as np

    standins.make("tiny", tmp_path, quantization="float16", half=True)
    size = standins.SIZES["tiny"]
    assert (tmp_path / "checkpoint" / "model.safetensors").stat().st_size < 2.2 * size.parameters
    model = ctranslate2.models.Whisper(str(tmp_path / "converted"), compute_type="float32")
    window = ctranslate2.StorageView.from_array(np.zeros((1, 128, 768), np.float32))
    (result,) = model.generate(window, [standins.prompt_ids(size)], beam_size=1)
    assert result.sequences_ids[0] == standins.emitted_ids(size.text_tokens)


# Every part in a process of its own, torch among them: a minute on two cores. The parts by themselves are tested above.
