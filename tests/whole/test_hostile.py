"""Hostile files and names: each ends in a transcript or a named error, in bounded memory, and nothing gets out."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from anime_whisper_ct2.export.formats.registry import FORMATS
from tests.support import hostile
from tests.support.commands import FAST
from tests.support.hostile_containers import make_containers
from tests.support.places import CORPUS
from tests.support.processes import PeakMemory, Running, finished, hold_to_the_truth, lines, one_line, running

GIGABYTE = 10**9
# As on two cores: each worker more is memory more.
SMALL = ("--device", "cpu", "--cpu-threads", "2", "--workers", "1")


@dataclass(frozen=True, slots=True)
class Attack:
    """What was given to a run, and what came of it. Nothing below `root` may change but `out`."""

    root: Path
    out: Path
    run: Running
    status: int
    peak_bytes: int
    fates: dict[str, str]
    before: dict[str, object]


def snapshot(root: Path, *left_out: Path) -> dict[str, object]:
    """Give what is in a folder: the kind, size and time of every entry."""
    found: dict[str, object] = {}
    skipped = {os.fspath(path) for path in left_out}
    for at, folders, files in os.walk(root):
        folders[:] = [name for name in folders if os.path.join(at, name) not in skipped]
        for name in (*folders, *files):
            path = os.path.join(at, name)
            if path not in skipped:
                status = os.lstat(path)
                found[path] = (status.st_mode, 0 if name in folders else (status.st_size, status.st_mtime_ns))
    return found


def attack(root: Path, inputs: list[str], model: Path, fates: dict[str, str]) -> Attack:
    """Run over hostile inputs from a folder of its own, watched."""
    for name in ("stand", "temporary"):
        (root / name).mkdir(exist_ok=True)
    out, log = root / "out", root / "log"
    log.touch()
    before = snapshot(root, out, log)
    args = ("run", *inputs, "-m", model, "-o", out, *FAST, *SMALL, "--time-limit", "20", "-v")
    with running(*args, log=log, cwd=root / "stand", TMPDIR=str(root / "temporary")) as run, PeakMemory(run) as memory:
        status = run.wait(900)
    return Attack(root, out, run, status, memory.peak_bytes, fates, before)


@pytest.fixture(scope="module")
def usual_peak_bytes(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """What a run over harmless clips takes, the model with it."""
    root = tmp_path_factory.mktemp("usual")
    args = ("run", CORPUS / "その他", "-m", tiny_model, "-o", root / "out", *FAST, *SMALL)
    with running(*args, log=root / "log") as run, PeakMemory(run) as memory:
        assert run.wait() == 0
    return memory.peak_bytes


@pytest.fixture(scope="module")
def files(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Attack:
    """A run over a folder of hostile files."""
    root = tmp_path_factory.mktemp("files")
    # Where the run stands, which is where FFmpeg would look.
    secret = root / "stand" / "secret.wav"
    secret.parent.mkdir()
    secret.write_bytes(hostile.good(2.0))
    fates = hostile.make_audio(root / "audio", f"{root}/pwned", str(secret))
    return attack(root, [f"{root}/audio"], tiny_model, fates)


@pytest.fixture(scope="module")
def containers(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Attack:
    """A run over hostile tars, tables and lists, all at once."""
    root = tmp_path_factory.mktemp("containers")
    inputs = make_containers(root / "containers", root)
    return attack(root, [path for path in inputs if not path.endswith(".txt")], tiny_model, {})


ATTACKS = pytest.mark.parametrize("name", ["files", "containers"])


@pytest.mark.slow  # hours of silence are decoded
class TestHostile:
    def test_each_file_ends_in_a_transcript_or_a_named_error(self, files: Attack) -> None:
        assert len(files.fates) >= 100
        done = {line["id"] for line in lines(files.out)}
        failed = {line["id"] for line in lines(files.out, "errors.jsonl")}
        ends = {
            id_: "both" if id_ in done & failed else "text" if id_ in done else "error" if id_ in failed else "unlisted"
            for id_ in files.fates
        }
        allowed = {hostile.EITHER: {"text", "error"}}
        wrong = {id_: end for id_, end in ends.items() if end not in allowed.get(files.fates[id_], {files.fates[id_]})}
        assert not wrong, files.run.said
        assert done | failed <= files.fates.keys()

    def test_each_row_and_member_ends_in_a_transcript_or_a_named_error(self, containers: Attack) -> None:
        done = {line["id"] for line in lines(containers.out)}
        failed = {line["id"]: line["error"] for line in lines(containers.out, "errors.jsonl")}
        unsafe = {id_ for id_, error in failed.items() if error == "UnsafeName"}
        assert len(unsafe) == 4
        assert {f"names.tar/{name}.wav" for name in ("link", "hard", "pipe", "device")} <= failed.keys()
        assert {"bomb.tar.gz/bomb.wav", "huge.tar/huge.wav"} <= failed.keys()
        assert {"noise.tar", "noise.parquet", "cut.parquet"} <= failed.keys()
        assert {"pipe", "program"} <= failed.keys()
        assert {"names.tar/twice.wav", "huge.tar/first.wav", "good", "depth.tar/30000.wav"} <= done
        assert len(done) + len(failed) > 60

    @ATTACKS
    def test_the_figures_are_true(self, name: str, request: pytest.FixtureRequest) -> None:
        at: Attack = request.getfixturevalue(name)
        hold_to_the_truth(at.out, at.status, state="finished")
        assert "Traceback" not in at.run.said

    @ATTACKS
    def test_memory_stays_under_a_gigabyte_beyond_the_model(
        self, name: str, usual_peak_bytes: int, request: pytest.FixtureRequest
    ) -> None:
        at: Attack = request.getfixturevalue(name)
        assert at.peak_bytes - usual_peak_bytes < GIGABYTE

    @ATTACKS
    def test_nothing_is_written_outside_the_output(self, name: str, request: pytest.FixtureRequest) -> None:
        at: Attack = request.getfixturevalue(name)
        assert snapshot(at.root, at.out, at.root / "log") == at.before
        assert {entry.name for entry in at.out.iterdir()} >= {"transcripts.jsonl", "errors.jsonl", "run.json"}

    @ATTACKS
    def test_results_are_strict_json_that_any_reader_takes(self, name: str, request: pytest.FixtureRequest) -> None:
        at: Attack = request.getfixturevalue(name)

        def refuse(constant: str) -> None:
            pytest.fail(f"{constant} is no JSON")

        for file in ("transcripts.jsonl", "errors.jsonl"):
            for line in (at.out / file).read_bytes().split(b"\n")[:-1]:
                json.loads(line.decode("utf-8"), parse_constant=refuse)

    @pytest.mark.parametrize("format_", FORMATS)
    @ATTACKS
    def test_every_export_succeeds_or_refuses_in_one_line(
        self, name: str, format_: str, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        at: Attack = request.getfixturevalue(name)
        export = tmp_path / "export" / format_
        status, said = finished("export", at.out, format_, "-o", export, log=tmp_path / "log", cwd=tmp_path)
        assert "Traceback" not in said
        if status:
            assert status in (1, 2)
            one_line(said)
        assert export.exists() != bool(status)
        assert {entry.name for entry in tmp_path.iterdir()} <= {"export", "log"}
        assert snapshot(at.root, at.out, at.root / "log") == at.before
        if format_ == "csv":
            assert status == 0
            inert(export / "transcripts.csv")

    def test_clips_are_cut_of_what_can_be_read_again(self, files: Attack, tmp_path: Path) -> None:
        given = ("export", files.out, "hf", "-o", tmp_path / "hf", "--clips", tmp_path / "clips")
        status, said = finished(*given, log=tmp_path / "log", cwd=tmp_path)
        assert status in (0, 3), said
        assert "Traceback" not in said
        assert {entry.name for entry in tmp_path.iterdir()} <= {"hf", "clips", "log"}
        assert snapshot(files.root, files.out, files.root / "log") == files.before


def inert(path: Path) -> None:
    """Assert that a spreadsheet computes nothing of a table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.reader(file):
            for cell in row:
                number = cell.removeprefix("-").replace(".", "", 1).isdigit()
                assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")), cell
