"""Runs on a Ray cluster are compared line by line and seen with every process of theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the benchmarks' own extra draws the charts")

from anime_whisper_ct2.readers import Corpus
from benchmarks import million
from benchmarks.gpu.budget import command_output
from benchmarks.ray_overhead import compare_lines, whole_span


def test_texts_that_differ_or_lines_that_are_missing_void_the_comparison(tmp_path: Path) -> None:
    for name, text in (("local", "あ"), ("ray", "い")):
        (tmp_path / name).mkdir()
        lines = json.dumps({"id": "a", "text": text}) + "\n"
        (tmp_path / name / "transcripts.jsonl").write_text(lines, encoding="utf-8")
    compare_lines(tmp_path / "local", tmp_path / "local", 1)
    with pytest.raises(RuntimeError, match="texts are others"):
        compare_lines(tmp_path / "local", tmp_path / "ray", 1)
    with pytest.raises(RuntimeError, match="1 lines of 1 recordings, and there are 2"):
        compare_lines(tmp_path / "local", tmp_path / "ray", 2)


def test_the_million_is_links_to_real_clips_and_the_drivers_bits_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(million.corpora, "DISTINCT", 3)
    corpus, bytes_each = million.links(tmp_path, 1_005)
    listed = list(Corpus((str(corpus),)))
    assert len(listed) == 1_005
    assert {Path(str(each.audio)).stat().st_ino for each in listed} == {
        path.stat().st_ino for path in (tmp_path / "originals" / "clips").rglob("*.ogg")
    }
    assert bytes_each > 5_000
    figures = million.alone([str(corpus)], tmp_path / "out")
    assert figures["recordings"] == 1_005
    assert min(figures.values()) > 0
    with (tmp_path / "out" / "transcripts.jsonl").open("rb") as file:
        assert sum(1 for _ in file) == 1_005


@pytest.mark.posix("/proc")
def test_processor_time_of_a_process_that_nobody_waits_for_is_seen() -> None:
    work = "import time\nwhile time.process_time() < 1.0: pass"
    # It is there until the other has ended, and never asks what that used.
    careless = "import signal, subprocess, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    careless += "subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE).stdout.read()"
    with whole_span() as seen:
        subprocess.run([sys.executable, "-c", careless, work], check=True)
    assert seen.cpu_s > 0.3


@pytest.mark.cluster
def test_a_run_on_a_cluster_is_watched_to_its_end(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="an extra")
    out = tmp_path / "results" / "million.json"
    sizes = ["--recordings", "3000", "--without", "cluster_few", "alone"]
    command_output(["benchmarks.million", *sizes, "--temp", str(tmp_path), "--out", str(out)], timeout_s=540)
    parts = json.loads(out.read_text(encoding="utf-8"))["parts"]
    assert [parts[name]["recordings"] for name in ("cluster", "local")] == [3_000, 3_000]
    assert 0 < parts["cluster"]["first_line_s"] <= parts["cluster"]["command_s"]
    assert parts["cluster"]["driver_peak_mib"]["private"] > 30
