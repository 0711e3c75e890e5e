"""Shards that ran apart come together as one run, or are refused with the reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anime_whisper_ct2.cli.merge import merge_command
from anime_whisper_ct2.corpus_run import CorpusRun
from anime_whisper_ct2.engine.fake import FakeEngine
from anime_whisper_ct2.errors import InputError, OutputError
from anime_whisper_ct2.export import Export
from anime_whisper_ct2.exporters.formats import FORMATS
from anime_whisper_ct2.journal import Journal
from anime_whisper_ct2.lines import read_lines
from anime_whisper_ct2.merge import Merged, merge
from anime_whisper_ct2.metrics import Totals
from anime_whisper_ct2.model_dir import ModelDir, open_model_dir
from anime_whisper_ct2.options import FrontendOptions, RunOptions
from anime_whisper_ct2.readers import Corpus
from anime_whisper_ct2.records import Failure, Segment, Transcript
from anime_whisper_ct2.results import RunFolder
from anime_whisper_ct2.stats import run_stats
from tests.conftest import CORPUS, HERE

# The READMEs repeat these blocks word for word.
SBATCH = r"""
#!/bin/bash
#SBATCH --job-name=awct2
#SBATCH --array=0-3
#SBATCH --gpus-per-task=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
exec awct2 run "$CORPUS" -o "$OUT/shard-$SLURM_ARRAY_TASK_ID" -m "$MODEL" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
"""
MERGE = 'awct2 merge "$OUT"'
INDEXED_JOB = r"""
apiVersion: batch/v1
kind: Job
metadata:
  name: awct2
spec:
  completionMode: Indexed
  completions: 4
  parallelism: 4
  backoffLimitPerIndex: 6
  podFailurePolicy:
    rules:
      - action: FailIndex
        onExitCodes: {containerName: awct2, operator: In, values: [2, 3]}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 60
      containers:
        - name: awct2
          image: registry.example/awct2
          resources: {limits: {nvidia.com/gpu: 1, cpu: 16, memory: 32Gi}}
          volumeMounts: [{name: data, mountPath: /data}]
          command: [sh, -c]
          args:
            - exec awct2 run /data/corpus -o "/data/out/shard-$JOB_COMPLETION_INDEX" -m /data/model
              --shard "$JOB_COMPLETION_INDEX/4"
      volumes:
        - name: data
          persistentVolumeClaim: {claimName: data}
"""

PARTS = 4
SETTINGS = {"model": "abc", "beam_size": 1}


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


def about(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((run / "run.json").read_text(encoding="utf-8"))
    return content


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def transcript(id_: str) -> Transcript:
    return Transcript(id_, id_, 1.0, "ja", "はい", (Segment(0.0, 1.0, "はい", -0.1, 0.0, 1.0),), (), {})


def failure(id_: str, message: str = "no") -> Failure:
    return Failure(id_, id_, "decode", "DecodeError", message)


def write_run(
    path: Path,
    ids: Sequence[str] = (),
    *,
    shard: tuple[int, int] | None = None,
    failed: Sequence[str] = (),
    inputs: Sequence[str] = ("corpus",),
    settings: dict[str, Any] | None = None,
    state: str = "finished",
    **more: Any,
) -> Path:
    """A run folder as a run leaves it, whatever it is to hold."""
    with Journal(path, settings or SETTINGS) as journal:
        journal.begin({"inputs": list(inputs), "folder": "/data", "audio_column": None, "shard": shard, **more})
        for id_ in ids:
            journal.write(transcript(id_))
        for id_ in failed:
            journal.write(failure(id_))
        figures = Totals(found=len(ids) + len(failed), done=len(ids), failed_now=len(failed)).as_dict()
        if state != "running":
            journal.finish(state, figures)
    return path


def shards(tmp_path: Path, count: int = 3, **of_the_last: Any) -> list[Path]:
    """The runs of all shards, the last one with what is said of it."""
    given: list[dict[str, Any]] = [{} for _ in range(count)]
    given[-1] = of_the_last
    return [
        write_run(tmp_path / f"part{n}", **{"ids": [f"{n}.wav"], "shard": (n, count), **more})
        for n, more in enumerate(given)
    ]


def merged_ids(out: Path, name: str = "transcripts.jsonl") -> list[str]:
    return [line["id"] for line in read_lines(out / name)]


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
            Export(run, format_, tmp_path / "export" / run.name / format_).run()
            trees.append(tree(tmp_path / "export" / run.name / format_))
        assert len(trees[0]) > 1
        assert trees[0] == trees[1], format_


def test_the_lines_of_the_readme_run_an_array_job(tiny_model: Path, tmp_path: Path) -> None:
    command = tmp_path / "bin" / "awct2"
    command.parent.mkdir()
    command.write_text(
        f"#!{sys.executable}\nfrom anime_whisper_ct2.cli import main\n"
        "from anime_whisper_ct2.cli.merge import merge_command\n"
        "main.add_command(merge_command)\nmain(prog_name='awct2')\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    script = tmp_path / "array.sh"
    script.write_text(SBATCH.lstrip(), encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE.parent / "convert")]),
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


def test_the_indexed_job_of_the_readme_gives_each_pod_its_shard(tmp_path: Path) -> None:
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


def test_the_order_in_which_shards_are_named_changes_nothing(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    merge(parts, tmp_path / "a")
    merge(parts[::-1], tmp_path / "b")
    assert merged_ids(tmp_path / "a") == ["0.wav", "1.wav", "2.wav"]
    assert (tmp_path / "a" / "transcripts.jsonl").read_bytes() == (tmp_path / "b" / "transcripts.jsonl").read_bytes()
    assert about(tmp_path / "a") == about(tmp_path / "b")


@pytest.mark.parametrize(
    ("of_the_last", "said"),
    [
        ({"settings": {**SETTINGS, "beam_size": 5}}, "beam_size is 1 and 5"),
        ({"settings": {**SETTINGS, "window": "fit"}}, "window is None and 'fit'"),
        ({"inputs": ["elsewhere"]}, "inputs is .'corpus'. in .*part0 and .'elsewhere'. in .*part2"),
        ({"exclude": ["*.ogg"]}, "exclude is None"),
        ({"shard": (1, 3)}, "both shard 1/3"),
        ({"shard": (2, 4)}, "a part of 3 and .* of 4"),
        ({"shard": None}, "part2 is no shard"),
        ({"ids": ["0.wav"]}, "both hold the recording '0.wav'"),
        ({"ids": [], "failed": ["0.wav"]}, "both hold the recording '0.wav'"),
        ({"state": "interrupted"}, "part2: not finished, .* 'interrupted'"),
        ({"state": "running"}, "part2: not finished, .* 'running'"),
    ],
)
def test_parts_that_make_no_whole_are_refused(tmp_path: Path, of_the_last: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        merge(shards(tmp_path, **of_the_last), tmp_path / "out")
    assert not (tmp_path / "out" / "transcripts.jsonl").exists()
    assert list((tmp_path / "out").glob("*.merging")) == []


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    parts = shards(tmp_path, 12)
    with pytest.raises(InputError, match="2 of 12 shards missing: 1/12, 11/12; run them"):
        merge([part for n, part in enumerate(parts) if n not in (1, 11)], tmp_path / "out")


def test_a_part_that_is_named_twice_or_holds_no_run_is_refused(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    with pytest.raises(InputError, match="named twice"):
        merge([*parts, parts[0] / ".." / "part0"], tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no run has begun there"):
        merge([*parts[:2], tmp_path / "empty"], tmp_path / "out")
    with pytest.raises(InputError, match=r"absent: no run\.json"):
        merge([*parts[:2], tmp_path / "absent"], tmp_path / "out")
    (parts[0] / "run.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(InputError, match="not what a run wrote"):
        merge(parts, tmp_path / "out")


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


def test_of_a_part_that_was_killed_the_whole_lines_count(tmp_path: Path) -> None:
    parts = shards(tmp_path, state="running", ids=["2.wav", "3.wav"], failed=["4.wav"])
    with (parts[2] / "transcripts.jsonl").open("ab") as file:
        file.write(b'{"id": "torn.wav", "au')
    (tmp_path / "later").mkdir()
    merged = merge([*parts, tmp_path / "later"], tmp_path / "out", incomplete=True)
    assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav", "3.wav"]
    run = about(tmp_path / "out")
    assert (run["found"], run["done"], run["resumed"], run["failed"]) == (5, 2, 2, 1)
    assert (merged.transcribed, merged.failed) == (4, 1)


def test_failures_that_were_made_good_are_left_out_and_of_two_the_last_stays(tmp_path: Path) -> None:
    part = write_run(tmp_path / "part", ["good.wav"], shard=(0, 1))
    with (part / "errors.jsonl").open("w", encoding="utf-8") as file:
        for id_, message in (("bad.wav", "first"), ("good.wav", "before"), ("bad.wav", "last"), ("other.wav", "")):
            file.write(
                json.dumps({"id": id_, "audio": id_, "stage": "decode", "error": "E", "message": message}) + "\n"
            )
    merge([part], tmp_path / "out")
    held = [(line["id"], line["message"]) for line in read_lines(tmp_path / "out" / "errors.jsonl")]
    assert held == [("bad.wav", "last"), ("other.wav", "")]


def test_runs_over_different_corpora_are_joined_where_they_share_no_id(tmp_path: Path) -> None:
    first = write_run(tmp_path / "first", ["b.wav"], inputs=["one"])
    second = write_run(tmp_path / "second", ["a.wav"], inputs=["two", "s3://bucket/x.tar"], folder="/elsewhere")
    merged = merge([first, second], tmp_path / "out")
    assert merged.notes == ()
    assert merged_ids(tmp_path / "out") == ["b.wav", "a.wav"]
    assert about(tmp_path / "out")["inputs"] == ["one", os.path.join("/elsewhere", "two"), "s3://bucket/x.tar"]
    with pytest.raises(InputError, match=r"both hold the recording 'b\.wav'"):
        merge([first, write_run(tmp_path / "third", ["b.wav"])], tmp_path / "out")
    assert merged_ids(tmp_path / "out") == ["b.wav", "a.wav"]


def test_names_that_are_no_utf8_survive(tmp_path: Path) -> None:
    name = os.fsdecode(b"\x83\x7b.wav")
    parts = shards(tmp_path, ids=[name])
    for part in parts:
        path = part / "run.json"
        path.write_text(json.dumps({**about(part), "inputs": [name]}), encoding="utf-8")
    merge(parts, tmp_path / "out")
    assert name in RunFolder(tmp_path / "out")
    assert RunFolder(tmp_path / "out").inputs == (name,)


def test_a_line_that_no_run_wrote_is_named(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    with (parts[1] / "transcripts.jsonl").open("ab") as file:
        file.write(b'{"text": "?"}\n')
    with pytest.raises(InputError, match=r"part1.transcripts.jsonl, line 2: not a line that a run wrote"):
        merge(parts, tmp_path / "out")


class TestOutput:
    def test_merging_again_replaces_the_merge_and_nothing_else(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        merge(parts[:2], tmp_path / "out", incomplete=True)
        (tmp_path / "out" / "export").mkdir()
        (tmp_path / "out" / "export" / "mine.txt").write_text("kept")
        merge(parts, tmp_path / "out")
        assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav"]
        assert (tmp_path / "out" / "export" / "mine.txt").read_text() == "kept"

    def test_a_run_that_is_no_merge_stays_unless_it_is_to_go(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        write_run(tmp_path / "out", ["mine.wav"])
        with pytest.raises(InputError, match=r"holds transcripts\.jsonl of a run that is no merge"):
            merge(parts, tmp_path / "out")
        assert merged_ids(tmp_path / "out") == ["mine.wav"]
        merge(parts, tmp_path / "out", overwrite=True)
        assert merged_ids(tmp_path / "out") == ["0.wav", "1.wav", "2.wav"]

    def test_a_part_is_never_replaced(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        with pytest.raises(InputError, match="part0 is one of the parts"):
            merge(parts, parts[0], overwrite=True)
        assert merged_ids(parts[0]) == ["0.wav"]

    def test_a_run_at_work_there_is_not_disturbed(self, tmp_path: Path) -> None:
        parts = shards(tmp_path)
        with Journal(tmp_path / "out", SETTINGS), pytest.raises(OutputError, match=f"process {os.getpid()} is writing"):
            merge(parts, tmp_path / "out")

    def test_a_merge_that_was_killed_says_so_and_can_be_done_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parts = shards(tmp_path)
        merge(parts[:1], tmp_path / "out", incomplete=True)
        replace, calls = Path.replace, []

        def killed(self: Path, target: Path) -> Path:
            calls.append(target.name)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return replace(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", killed)
            with pytest.raises(KeyboardInterrupt):
                merge(parts, tmp_path / "out")
        assert about(tmp_path / "out")["state"] == "running"
        assert merged_ids(tmp_path / "out") == ["0.wav"]
        merge(parts, tmp_path / "out")
        assert about(tmp_path / "out")["state"] == "finished"


class TestCommand:
    def merged(self, *args: object) -> Any:
        return CliRunner().invoke(merge_command, [str(arg) for arg in args])

    def test_a_folder_of_shards_needs_no_output(self, tmp_path: Path) -> None:
        for n in range(2):
            write_run(tmp_path / "out" / f"shard-{n}", [f"{n}.wav"], shard=(n, 2), failed=[f"{n}.ogg"])
        result = self.merged(tmp_path / "out")
        assert result.exit_code == 0, result.output
        assert result.stderr == f"2 parts joined: 2 recordings transcribed, 2 failed: {tmp_path / 'out'}\n"

    def test_other_parts_do(self, tmp_path: Path) -> None:
        result = self.merged(*shards(tmp_path))
        assert isinstance(result.exception, InputError)
        assert "-o" in str(result.exception)

    def test_what_is_to_be_known_is_said(self, tmp_path: Path) -> None:
        parts = shards(tmp_path, versions={"numpy": "9"})
        path = parts[0] / "run.json"
        path.write_text(json.dumps({**about(parts[0]), "versions": {"numpy": "8"}}), encoding="utf-8")
        result = self.merged(*parts, "-o", tmp_path / "out")
        assert "Note: the parts were made with different versions of numpy: 8, 9." in result.stderr
        assert self.merged(*parts, "-o", tmp_path / "out", "-q").stderr == ""


def test_the_answer_names_the_parts_in_their_order(tmp_path: Path) -> None:
    parts = shards(tmp_path)
    assert merge(parts[::-1], tmp_path / "out") == Merged(tmp_path / "out", tuple(parts), 3, 0)
