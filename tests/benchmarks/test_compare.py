"""Each system is measured by itself and asked the same; ratios are taken within a round."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks import compare, render
from benchmarks.measures import corpora
from benchmarks.report import store
from benchmarks.systems import Settings, changed


@pytest.mark.posix("/proc")
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


def _round(ours: float, theirs: float) -> dict[str, dict[str, float]]:
    common = {"audio_s": 100.0, "clips": 20, "cpu_s": 2.0, "peak_mib": 300.0, "load_s": 1.0}
    common |= {"wrong_texts": 0, "others_share": 0.01}
    return {"awct2-full": {**common, "wall_s": ours}, "fw-batched": {**common, "wall_s": theirs}}


def test_ratios_are_taken_within_a_round() -> None:
    rounds = [_round(1.0, 2.0), _round(4.0, 12.0), _round(1.0, 10.0)]
    assert compare.ratios(rounds)["awct2-full"]["fw-batched"] == 3.0
    assert compare.summary(rounds)["fw-batched"]["times_real_time"] == 10.0


@pytest.mark.posix("/proc")
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
