"""`awct2 run --ray` on two nodes: the results of a run here, whatever becomes of nodes, drivers and networks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import soundfile

from tests.support.clusters import Cluster, cluster
from tests.support.commands import awct2, refused
from tests.support.places import CORPUS, ROOT
from tests.support.processes import finished, hold_to_the_truth, line_count, lines, one_line, running, wait_until
from tests.support.remotes import s3_server

pytestmark = pytest.mark.cluster

CLIPS = 400
BUCKET = "voices"
OPTIONS = ("--window", "fit", "--no-progress")
PATIENCE_S = 200.0
# Shards of some 20 clips, so that most is still to be done when the first results are there.
SMALL_SHARDS = (
    sys.executable,
    "-c",
    "from anime_whisper_ct2.executors.cluster import ahead; "
    "ahead._FIRST_SHARD_S = ahead._LEAST_SHARD_S = ahead._MOST_SHARD_S = 10.0; "
    "from anime_whisper_ct2.cli import main; main(prog_name='awct2')",
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of 0.4 to 1.5 s in seven folders, cut from the sample."""
    folder = tmp_path_factory.mktemp("clips") / "corpus"
    voices = [
        soundfile.read(path, dtype="int16") for path in sorted(CORPUS.rglob("*.ogg")) if path.stat().st_size < 1 << 17
    ]
    random = np.random.default_rng(7)
    for number in range(CLIPS):
        samples, rate = voices[number % len(voices)]
        length = int(random.uniform(0.4, 1.5) * rate)
        start = int(random.integers(0, max(1, len(samples) - length)))
        path = folder / f"s{number % 7}" / f"{number:04d}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples[start : start + length], rate)
    return folder


@pytest.fixture(scope="module")
def truth(corpus: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run here gives."""
    out = tmp_path_factory.mktemp("here") / "out"
    result = awct2("run", corpus, "-m", tiny_model, "-o", out, *OPTIONS)
    assert result.returncode == 0, result.stderr
    return by_name(out)


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[Any, dict[str, str]]]:
    """An S3 server's filesystem, and the environment in which processes find it."""
    with s3_server() as system:
        system.mkdir(BUCKET)
        env = {
            "AWS_ENDPOINT_URL": system.client_kwargs.get("endpoint_url") or system.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield system, env


@pytest.fixture(scope="module")
def ray(s3: tuple[Any, dict[str, str]]) -> Iterator[Cluster]:
    """Two nodes of two declared cores each, which find the S3 server; those under test leave it so."""
    with cluster(2, 2, **s3[1]) as started:
        started.env.update(s3[1])
        yield started


def by_name(out: Path) -> dict[str, Any]:
    """Give what a run says of each clip, but for what it is called; each once."""
    said = lines(out)
    named = {
        Path(line["id"]).stem: {key: value for key, value in line.items() if key not in ("id", "audio", "meta")}
        for line in said
    }
    assert len(named) == len(said)
    return named


def nearly(said: Any) -> Any:
    """Give what equals the same with other last decimals: batches of another size, as nodes have them, move these."""
    if isinstance(said, dict):
        return {key: nearly(value) for key, value in said.items()}
    if isinstance(said, list):
        return [nearly(value) for value in said]
    return pytest.approx(said, abs=2e-4) if isinstance(said, float) else said


def command(ray: Cluster, model: Path, out: object, *inputs: object) -> list[object]:
    return ["run", *inputs, "-m", model, "-o", out, "--ray", ray.address, *OPTIONS]


def is_tidy(out: Path) -> bool:
    """Whether nothing but results is left."""
    return not {path.name for path in out.iterdir()} - {"transcripts.jsonl", "errors.jsonl", "run.json", ".lock"}


def test_a_folder_ends_in_the_transcripts_of_a_run_here(
    ray: Cluster, corpus: Path, tiny_model: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "parts").mkdir(parents=True)
    (out / "parts" / "of-a-driver-that-was-killed.probe").touch()
    status, said = finished(*command(ray, tiny_model, out, corpus), log=tmp_path / "log", **ray.env)
    assert status == 0, said
    assert by_name(out) == nearly(truth)
    run = hold_to_the_truth(out, status, state="finished", found=CLIPS, done=CLIPS, engines_lost=0)
    assert sum(node["done"] for node in run["nodes"].values()) == CLIPS
    assert is_tidy(out)
    assert "400 of 400 recordings transcribed" in said


def test_containers_end_in_the_same_transcripts_and_other_commands_read_them(
    ray: Cluster, corpus: Path, tiny_model: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    """A plain tar is split by member; a compressed one and a table go to their nodes whole."""
    clips = sorted(corpus.rglob("*.flac"), key=lambda path: path.name)
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, mode, held in (("plain.tar", "w", clips[:200]), ("packed.tar.gz", "w:gz", clips[200:300])):
        with tarfile.open(folder / name, mode) as tar:  # type: ignore[call-overload] # modes are literals there
            for clip in held:
                tar.add(clip, clip.name)
    rows = [{"audio": {"bytes": clip.read_bytes(), "path": clip.name}} for clip in clips[300:]]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), folder / "table.parquet")
    out = tmp_path / "out"
    status, said = finished(*command(ray, tiny_model, out, folder), log=tmp_path / "log", **ray.env)
    assert status == 0, said
    hold_to_the_truth(out, status, state="finished", found=CLIPS, done=CLIPS)
    # Rows of a table may go by their numbers.
    found, known = (
        sorted(each.values(), key=lambda one: (one["duration"], one["text"], repr(one["segments"])))
        for each in (by_name(out), truth)
    )
    assert found == nearly(known)
    assert is_tidy(out)
    for read in (["stats", out], ["export", out, "txt", "-o", tmp_path / "all"]):
        result = awct2(*read)
        assert result.returncode == 0, result.stderr
    assert sum(path.is_file() for path in (tmp_path / "all").rglob("*.txt")) == CLIPS
    status, said = finished(*command(ray, tiny_model, out, folder), log=tmp_path / "log", **ray.env)
    assert status == 0, said
    hold_to_the_truth(out, status, done_before=CLIPS, done=0, resumed=CLIPS)


def test_an_output_behind_a_url_is_held_by_one_run_stopped_and_gone_on_with(
    ray: Cluster, corpus: Path, tiny_model: Path, truth: dict[str, Any], tmp_path: Path, s3: tuple[Any, dict[str, str]]
) -> None:
    system, url = s3[0], f"s3://{BUCKET}/runs/one"
    run = command(ray, tiny_model, url, corpus)
    with running(*run, log=tmp_path / "first", command=SMALL_SHARDS, **ray.env) as first:
        wait_until(lambda: parts_in(system, url), PATIENCE_S, "no part was written")
        # Else it might be through before the second has begun.
        with ray.paused():
            second, said = finished(*run, log=tmp_path / "second", **ray.env)
            assert second == 1
            one_line(said, "is writing there", f"process {first.process.pid} on ")
            first.signal(signal.SIGTERM)
        assert first.wait(PATIENCE_S) == 130, first.said
    download(system, url, tmp_path / "first-out")
    before = line_count(tmp_path / "first-out")
    hold_to_the_truth(tmp_path / "first-out", 130, state="interrupted", done=before)
    assert before > 0
    status, said = finished(*run, log=tmp_path / "log", **ray.env)
    assert status == 0, said
    download(system, url, tmp_path / "out")
    assert by_name(tmp_path / "out") == nearly(truth)
    hold_to_the_truth(tmp_path / "out", status, done_before=before, state="finished", resumed=before)
    status, said = finished(*run, log=tmp_path / "log", **ray.env)
    assert (status, "400 of 400 recordings are transcribed already" in said) == (0, True), said
    assert sorted(names_in(system, url)) == ["errors.jsonl", "run.json", "transcripts.jsonl"]
    result = awct2("stats", url, **ray.env)
    assert result.returncode == 0, result.stderr


def test_a_node_is_killed_and_another_joins(
    ray: Cluster, corpus: Path, tiny_model: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_ = command(ray, tiny_model, out, corpus)
    with running(*run_, log=tmp_path / "log", command=SMALL_SHARDS, **ray.env) as run:
        wait_until(lambda: line_count(out) > 50, PATIENCE_S, "no results")
        # Else the other engine might be through before the loss is seen.
        with ray.paused():
            ray.remove()
            wait_until(lambda: "was lost" in run.said, PATIENCE_S, "nobody missed it")
        ray.add(2)
        assert run.wait() == 0, run.said
        assert "Traceback" not in run.said
    assert by_name(out) == nearly(truth)
    hold_to_the_truth(out, 0, state="finished", found=CLIPS, done=CLIPS, engines_lost=1)
    assert is_tidy(out)


def test_a_driver_that_was_killed_is_gone_on_with(
    ray: Cluster, corpus: Path, tiny_model: Path, truth: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run = command(ray, tiny_model, out, corpus)
    with running(*run, log=tmp_path / "first", command=SMALL_SHARDS, **ray.env) as first:
        wait_until(lambda: line_count(out) > 50, PATIENCE_S, "no results")
        first.kill_group()
    before = len(lines(out))
    status, said = finished(*run, log=tmp_path / "log", **ray.env)
    assert status == 0, said
    assert by_name(out) == nearly(truth)
    figures = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert (figures["state"], figures["found"], figures["failed"]) == ("finished", CLIPS, 0)
    assert figures["resumed"] >= before
    assert figures["resumed"] + figures["done"] == CLIPS
    assert is_tidy(out)


def test_a_run_that_is_stopped_ends_soon_and_says_so(
    ray: Cluster, corpus: Path, tiny_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_ = command(ray, tiny_model, out, corpus)
    with running(*run_, log=tmp_path / "log", command=SMALL_SHARDS, **ray.env) as run:
        wait_until(lambda: line_count(out), PATIENCE_S, "no results")
        run.signal(signal.SIGTERM)
        assert run.wait(60.0) == 130, run.said
        assert "Interrupted: the same command goes on from here." in run.said
    hold_to_the_truth(out, 130, state="interrupted")
    # Other settings would mix two kinds of text.
    other = awct2(*command(ray, tiny_model, out, corpus), "--beam-size", 2, **ray.env)
    refused(other, 1, "--beam-size was 1, is 2", "--overwrite")


def test_recordings_that_are_no_audio_fail(ray: Cluster, corpus: Path, tiny_model: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "corpus", tmp_path / "out"
    shutil.copytree(corpus / "s0", folder)
    for number in range(3):
        (folder / f"broken-{number}.flac").write_bytes(os.urandom(2_000))
    status, said = finished(*command(ray, tiny_model, out, folder), log=tmp_path / "log", **ray.env)
    assert status == 3, said
    hold_to_the_truth(out, status, state="finished", failed=3)
    assert {line["error"] for line in lines(out, "errors.jsonl")} == {"DecodeError"}


def test_a_cluster_without_gpus_is_none_for_cuda(ray: Cluster, corpus: Path, tiny_model: Path, tmp_path: Path) -> None:
    said = awct2(*command(ray, tiny_model, tmp_path / "out", corpus), "--device", "cuda", **ray.env)
    refused(said, 2, "the Ray cluster has no GPU", "--num-gpus")


def test_nodes_without_the_package_or_with_another_version_are_left_out(
    corpus: Path, tiny_model: Path, tmp_path: Path
) -> None:
    absent, old = tmp_path / "absent", tmp_path / "old"
    (absent / "anime_whisper_ct2").mkdir(parents=True)
    (absent / "anime_whisper_ct2" / "__init__.py").write_text(
        """raise ModuleNotFoundError("No module named 'anime_whisper_ct2'")\n""", encoding="ascii"
    )
    shutil.copytree(ROOT / "anime_whisper_ct2", old / "anime_whisper_ct2")
    (old / "anime_whisper_ct2" / "_version.py").write_text('__version__ = "0.0.1"\n', encoding="ascii")
    with cluster() as ray:
        run = command(ray, tiny_model, tmp_path / "out", corpus / "s0")
        # Elsewhere: Ray has nodes look for modules in the folder that a command was started in, too.
        options: dict[str, Any] = {"log": tmp_path / "log", "cwd": tmp_path, **ray.env}
        for folder, why in ((absent, "there is no anime-whisper-ct2"), (old, "anime-whisper-ct2 is 0.0.1 there and")):
            ray.add(2, PYTHONPATH=str(folder))
            status, said = finished(*run, **options)
            assert status == 1
            one_line(said, "no node of the Ray cluster can take part", why, "install")
            if folder is absent:
                ray.remove()
        ray.add(2)
        status, said = finished(*run, **options)
        assert status == 0, said
        assert "is left out: anime-whisper-ct2 is 0.0.1 there and" in said


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["corpus", "--ray", "127.0.0.1:9"], ["nobody answers at 127.0.0.1:9", "ray start --head"]),
        (["corpus", "--ray", "corpus/"], ["'corpus/' is no address", "name INPUTs before --ray"]),
        (["--ray", "corpus/"], ["'corpus/' is no address", "name INPUTs before --ray"]),
        (["corpus", "--ray", "--gpus", "0"], ["--gpus has no effect: with --ray"]),
        (["corpus", "--ray", "--device", "cpu", "--engines", "2"], ["--engines has no effect: with --ray"]),
        (["corpus", "--ray-cpus", "2"], ["--ray-cpus has no effect: it is for --ray"]),
        (["corpus", "--ray", "-o", "-"], ["--ray needs a folder for the output"]),
        (["corpus", "-o", "s3://voices/out"], ["an output behind a URL is for --ray"]),
        (["corpus", "--ray", "-o", "https://example.org/out"], ["nothing can be written to a web server"]),
    ],
)
def test_mistakes_are_refused_in_one_line(
    corpus: Path, tiny_model: Path, tmp_path: Path, arguments: list[str], parts: list[str]
) -> None:
    given = [str(corpus) if argument == "corpus" else argument for argument in arguments]
    out = [] if "-o" in given else ["-o", tmp_path / "out"]
    result = awct2("run", *given, *out, "-m", tiny_model)
    refused(result, 2, *parts)


def test_without_ray_the_extra_is_named(corpus: Path, tiny_model: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ray.py").write_text("raise ImportError\n", encoding="ascii")
    code = (
        f"import sys; sys.path.insert(0, {str(hidden)!r}); "
        "from anime_whisper_ct2.cli import main; main(prog_name='awct2')"
    )
    status, said = finished(
        *("run", corpus, "-m", tiny_model, "-o", tmp_path / "out", "--ray"),
        log=tmp_path / "log",
        command=[sys.executable, "-c", code],
    )
    assert status == 2
    one_line(said, 'pip install "ray[data]"')


def names_in(system: Any, url: str) -> list[str]:
    system.invalidate_cache()
    return [name.removeprefix(url.removeprefix("s3://") + "/") for name in system.find(url)]


def parts_in(system: Any, url: str) -> bool:
    return any(name.endswith(".json") for name in names_in(system, url) if name.startswith("parts/"))


def download(system: Any, url: str, folder: Path) -> None:
    folder.mkdir()
    for name in ("transcripts.jsonl", "errors.jsonl", "run.json"):
        system.get_file(f"{url}/{name}", str(folder / name))
