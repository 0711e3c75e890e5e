"""Four shards that ran apart and were merged equal one run, whoever starts them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.export.formats.registry import FORMATS
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import FrontendOptions, RunOptions
from anime_whisper_ct2.output.merge import merge
from anime_whisper_ct2.output.metrics import Totals
from anime_whisper_ct2.output.results import RunFolder
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.stats import run_stats
from tests.support.array_jobs import INDEXED_JOB, MERGE, SBATCH
from tests.support.files import contents
from tests.support.places import CORPUS, PYTHONPATH
from tests.support.shards import about, merged_ids

PARTS = 4


@pytest.fixture
def model(tiny_model: Path) -> ModelDir:
    return open_model_dir(tiny_model)


@pytest.fixture
def corpus(tmp_path: Path, write_tone: Callable[..., Path]) -> Path:
    for n in range(24):
        write_tone(f"corpus/{'abc'[n % 3]}/声{n}.wav", 0.3 + n / 40)
    for n in range(3):
        (tmp_path / "corpus" / f"broken{n}.ogg").write_bytes(b"OggS and no more")
    return tmp_path / "corpus"


def execute(corpus: Path, out: Path, model: ModelDir, shard: tuple[int, int] | None = None) -> Totals:
    options = RunOptions(frontend=FrontendOptions(workers=0))
    of = Corpus((str(corpus),), shard=shard)
    return CorpusRun(of, out, model, options, open_engine=lambda _m, _o: FakeEngine()).run()


def sharded(corpus: Path, out: Path, model: ModelDir) -> None:
    for number in range(PARTS):
        execute(corpus, out / f"shard-{number}", model, (number, PARTS))


def lines(path: Path) -> list[bytes]:
    return sorted(path.read_bytes().splitlines())


def test_four_shards_merged_equal_one_run(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    whole = tmp_path / "whole"
    execute(corpus, whole, model)
    sharded(corpus, tmp_path / "out", model)
    merged = merge([tmp_path / "out"], tmp_path / "out")
    assert (len(merged.parts), merged.transcribed, merged.failed, merged.notes) == (4, 24, 3, ())
    for name in ("transcripts.jsonl", "errors.jsonl"):
        assert lines(tmp_path / "out" / name) == lines(whole / name)
    one, all_ = about(whole), about(tmp_path / "out")
    same = ("settings", "inputs", "folder", "audio_column", "shard", "model", "versions", "state", "engine")
    same += ("found", "done", "resumed", "empty", "flagged", "failed")
    assert {key: all_[key] for key in same} == {key: one[key] for key in same}
    assert all_["audio_seconds"] == pytest.approx(one["audio_seconds"])
    assert [part["shard"] for part in all_["parts"]] == [[n, 4] for n in range(4)]
    assert run_stats(RunFolder(tmp_path / "out")).warnings == ()


def test_every_export_of_a_merge_has_the_bytes_of_one_run(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    execute(corpus, tmp_path / "whole", model)
    sharded(corpus, tmp_path / "parts", model)
    merge([tmp_path / "parts"], tmp_path / "out")
    for format_ in FORMATS:
        trees = []
        for run in (tmp_path / "whole", tmp_path / "out"):
            # To the same place: lists for GPT-SoVITS hold whole paths.
            Export(run, format_, tmp_path / "export").run()
            trees.append(contents(tmp_path / "export"))
            shutil.rmtree(tmp_path / "export")
        assert len(trees[0]) > 1
        assert trees[0] == trees[1], format_


@pytest.mark.posix("bash")
def test_the_lines_of_the_handbook_run_an_array_job(tiny_model: Path, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "awct2"
    command.parent.mkdir()
    command.write_text(
        f"#!{sys.executable}\nfrom anime_whisper_ct2.cli import main\nmain(prog_name='awct2')\n", encoding="utf-8"
    )
    command.chmod(0o755)
    script = tmp_path / "array.sh"
    script.write_text(SBATCH.lstrip(), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": PYTHONPATH,
        "CORPUS": str(CORPUS / "さくら"),
        "OUT": str(tmp_path / "out"),
        "MODEL": str(tiny_model),
        "SLURM_ARRAY_TASK_COUNT": str(PARTS),
    }
    for number in range(PARTS):
        task = {**environment, "SLURM_ARRAY_TASK_ID": str(number)}
        subprocess.run(["bash", str(script)], env=task, check=True, capture_output=True, timeout=120)
    done = subprocess.run(["bash", "-c", MERGE], env=environment, check=True, capture_output=True, text=True)
    expected = sorted(recording.id for recording in Corpus((str(CORPUS / "さくら"),)))
    assert sorted(merged_ids(tmp_path / "out")) == expected
    assert "4 parts joined" in done.stderr


@pytest.mark.posix("sh")
def test_the_indexed_job_of_the_handbook_gives_each_pod_its_shard(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load(INDEXED_JOB)["spec"]
    (container,) = job["template"]["spec"]["containers"]
    command = tmp_path / "awct2"
    command.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n', encoding="utf-8")
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    assert job["completions"] == PARTS
    for number in range(PARTS):
        environment = {"PATH": path, "JOB_COMPLETION_INDEX": str(number)}
        call = [*container["command"], *container["args"]]
        answer = subprocess.run(call, env=environment, capture_output=True, text=True, check=True)
        words = answer.stdout.split("\n")
        assert words[:4] == ["run", "/data/corpus", "-o", f"/data/out/shard-{number}"]
        assert words[words.index("--shard") + 1] == f"{number}/{PARTS}"


def test_an_incomplete_merge_is_completed_by_a_run_over_all(corpus: Path, tmp_path: Path, model: ModelDir) -> None:
    sharded(corpus, tmp_path / "parts", model)
    with pytest.raises(InputError, match="1 of 4 shards missing: 2/4"):
        merge([tmp_path / "parts" / f"shard-{n}" for n in (0, 1, 3)], tmp_path / "out")
    merged = merge([tmp_path / "parts" / f"shard-{n}" for n in (0, 1, 3)], tmp_path / "out", incomplete=True)
    assert "incomplete" in " ".join(merged.notes)
    assert about(tmp_path / "out")["state"] == "interrupted"
    totals = execute(corpus, tmp_path / "out", model)
    assert (totals.resumed, totals.done) == (merged.transcribed, 24 - merged.transcribed)
    execute(corpus, tmp_path / "whole", model)
    for name in ("transcripts.jsonl", "errors.jsonl"):
        assert lines(tmp_path / "out" / name) == lines(tmp_path / "whole" / name)
