"""The probe says where a GPU's numbers are wrong, and loses nothing that it has measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from benchmarks.gpu import probe
from benchmarks.gpu.plan import SMOKE


def test_a_part_of_the_probe_that_fails_leaves_the_others_and_time_that_is_over_is_named() -> None:
    written: list[Any] = []

    def good(_: Any) -> Iterator[probe.Figure]:
        yield "good.1", {"ms": 1.0}
        yield "good.2", {"ms": 2.0}

    def bad(_: Any) -> Iterator[probe.Figure]:
        yield "bad.1", {"ms": 3.0}
        raise RuntimeError("CUDA failed\nwith error")

    bench: Any = None
    probe.go_through(bench, {"good": good, "bad": bad, "later": good}, 60, written.append)
    assert [line["name"] for line in written] == ["good.1", "good.2", "bad.1", "bad", "good.1", "good.2"]
    assert written[3]["error"] == "RuntimeError: CUDA failed with error"
    written.clear()
    probe.go_through(bench, {"good": good, "bad": bad}, -1, written.append)
    assert written == [{"name": "good", "error": "no time left"}, {"name": "bad", "error": "no time left"}]


def test_what_a_probe_wrote_before_it_was_killed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "probe.jsonl"
    assert probe.figures_of(path) == {}
    path.write_text('{"name": "a", "ms": 1}\n{"name": "b", "ms": 2}\n{"name": "c", "m', encoding="utf-8")
    assert probe.figures_of(path) == {"a": {"ms": 1}, "b": {"ms": 2}}


def test_the_probe_holds_numbers_against_the_cpu_s_in_float32(standin: Path) -> None:
    bench = probe.bench_of(SMOKE, standin, "tiny", "cpu", "float32")
    parts = {name: probe.PARTS[name] for name in ("difference", "precision", "torch", "handed_over")}
    written: list[Any] = []
    probe.go_through(bench, parts, 600, written.append)
    found = {line.pop("name"): line for line in written}
    assert not [name for name, line in found.items() if "error" in line]
    assert set(found["difference.ctranslate2"]["float32"].values()) == {0.0}
    assert all(0 < apart < 0.5 for apart in found["precision.int8"]["difference"].values())
    assert all(apart < 1e-5 for apart in found["torch.float32"]["difference"].values())
    assert all(1e-4 < apart < 0.02 for apart in found["torch.bfloat16"]["difference"].values())
    assert found["handed_over"]["equal"]


def test_rows_that_are_wrong_from_some_batch_on_are_counted(standin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = probe.bench_of(replace(SMOKE, copies=(1, 4, 5)), standin, "tiny", "cpu", "float32")
    from benchmarks.gpu import stock_probes

    real = stock_probes.encoded

    def overflowing(model: Any, features: Any) -> Any:
        output = real(model, features)
        if len(output) == 4:
            output[2, 7] = float("nan")
        if len(output) == 5:
            output[3:] += 1.0
        return output

    monkeypatch.setattr(stock_probes, "encoded", overflowing)
    found = dict(stock_probes.rows(bench))
    assert [(found[name]["wrong_rows"], found[name]["first_wrong"]) for name in ("rows.1", "rows.4", "rows.5")] == [
        (0, None),
        (1, 2),
        (2, 3),
    ]
    json.dumps(found, allow_nan=False)
