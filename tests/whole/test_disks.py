"""Disks that are full, read-only or gone: one line says so, and the same command goes on when that is mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soundfile

from tests.support.commands import FAST
from tests.support.processes import finished, hold_to_the_truth, line_count, lines, one_line, running, texts, wait_until
from tests.support.sounds import make_clips, tone

pytestmark = pytest.mark.posix("mounts, limits of file size, signals between processes")
CLIPS = 150
Mount = Callable[[str], Path]


def _mount(*args: str) -> bool:
    return subprocess.run(["mount", *args], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Mount]:
    """Mount a small disk of its own: `disk("size=2m")`."""
    path = tmp_path / "disk"

    def mount(options: str) -> Path:
        path.mkdir(exist_ok=True)
        if not (
            os.geteuid() == 0 and shutil.which("mount") and _mount("-t", "tmpfs", "-o", options, "tmpfs", str(path))
        ):
            pytest.skip("a disk of its own needs the rights to mount one")
        return path

    yield mount
    while os.path.ismount(path):
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def wordy(tmp_path: Path) -> Path:
    """A manifest whose rows say so much that 150 lines of results are about 3 MB."""
    clips = make_clips(tmp_path / "clips", 10, 0.3, 0.5)
    rows = (
        {"audio": f"{clips}/{n % 10:03}.wav", "id": f"clip-{n:03}", "notes": f"{n:04}" * 5_000} for n in range(CLIPS)
    )
    path = tmp_path / "wordy.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def begin(model: Path, out: Path, corpus: Path) -> tuple[object, ...]:
    return ("run", corpus, "-m", model, "-o", out, *FAST)


class TestFull:
    def test_a_disk_of_2_mb_ends_the_run_in_one_line_and_with_more_room_it_goes_on(
        self, tiny_model: Path, tmp_path: Path, wordy: Path, disk: Mount
    ) -> None:
        log, undisturbed, out = tmp_path / "log", tmp_path / "undisturbed", disk("size=2m") / "out"
        status, said = finished(*begin(tiny_model, undisturbed, wordy), log=log)
        assert status == 0, said
        for _ in range(2):  # and once more changes nothing
            status, said = finished(*begin(tiny_model, out, wordy), log=log)
            assert status == 1
            one_line(said, str(out), "No space left on device", "run the same command again")
            assert "transcribed" not in said
        before = line_count(out)
        assert 0 < before < CLIPS
        assert json.loads((out / "run.json").read_text(encoding="utf-8"))["state"] != "finished"
        assert _mount("-o", "remount,size=16m", str(out.parent))
        status, said = finished(*begin(tiny_model, out, wordy), log=log)
        assert status == 0, said
        hold_to_the_truth(out, status, done_before=before, found=CLIPS)
        assert texts(out) == texts(undisturbed)
        assert {entry.name for entry in out.iterdir()} == {entry.name for entry in undisturbed.iterdir()}

    def test_a_disk_without_any_room_is_named_before_anything_else(
        self, tiny_model: Path, tmp_path: Path, wordy: Path, disk: Mount
    ) -> None:
        out = disk("size=1m") / "out"
        (out.parent / "ballast").write_bytes(bytes((1 << 20) - 8192))
        status, said = finished(*begin(tiny_model, out, wordy), log=tmp_path / "log")
        assert status == 1
        one_line(said, str(out), "No space left on device")
        (out.parent / "ballast").unlink()
        assert _mount("-o", "remount,size=16m", str(out.parent))
        status, said = finished(*begin(tiny_model, out, wordy), log=tmp_path / "log")
        assert status == 0, said
        hold_to_the_truth(out, status, found=CLIPS)

    def test_a_limit_on_the_size_of_a_file(self, tiny_model: Path, tmp_path: Path, wordy: Path) -> None:
        """What a quota does, without the rights to mount a disk."""
        import resource

        out, log = tmp_path / "out", tmp_path / "log"
        with running(*begin(tiny_model, out, wordy), log=log) as run:
            resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
            status = run.wait()
        assert status == 1
        one_line(run.said, str(out), "cannot be written")
        before = line_count(out)
        assert 0 < before < CLIPS
        hold_to_the_truth(out, status, state="failed")
        status, said = finished(*begin(tiny_model, out, wordy), log=log)
        assert status == 0, said
        hold_to_the_truth(out, status, done_before=before, found=CLIPS)


class TestGone:
    def test_a_read_only_output(self, tiny_model: Path, tmp_path: Path, disk: Mount) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 3), disk("size=2m") / "out"
        assert _mount("-o", "remount,ro", str(out.parent))
        status, said = finished(*begin(tiny_model, out, corpus), log=tmp_path / "log")
        assert status == 1
        one_line(said, str(out), "Read-only file system")

    def test_results_on_a_disk_that_became_read_only(self, tiny_model: Path, tmp_path: Path, disk: Mount) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 3), disk("size=2m") / "out"
        assert finished(*begin(tiny_model, out, corpus), log=tmp_path / "log")[0] == 0
        soundfile.write(corpus / "new.wav", tone(0.5), 16_000)
        assert _mount("-o", "remount,ro", str(out.parent))
        status, said = finished(*begin(tiny_model, out, corpus), log=tmp_path / "log")
        assert status == 1
        one_line(said, str(out), "Read-only file system")
        hold_to_the_truth(out, 0, done=3, state="finished")

    @pytest.mark.slow  # the folder is looked for every five seconds
    @pytest.mark.parametrize("way", ["unmounted", "renamed", "removed"])
    def test_an_output_that_vanishes_stops_the_run(
        self, way: str, tiny_model: Path, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        root = request.getfixturevalue("disk")("size=2m") if way == "unmounted" else tmp_path
        corpus, out, log = make_clips(tmp_path / "corpus", 400), root / "out", tmp_path / "log"
        args = ("run", corpus, "-m", tiny_model, "-o", out, "--window", "full", "--batch-size", "2")
        with running(*args, log=log) as run:
            wait_until(lambda: line_count(out), 120, run.said)
            # Held until the next look is due: else a fast machine might do all the rest before that.
            run.signal(signal.SIGSTOP)
            if way == "unmounted":
                subprocess.run(["umount", "-l", str(root)], check=True)
            elif way == "renamed":
                out.rename(tmp_path / "elsewhere")
            else:
                shutil.rmtree(out)
            time.sleep(5.5)
            run.signal(signal.SIGCONT)
            status = run.wait(60)
        assert status == 1
        one_line(run.said, str(out), "gone", "the same command")
        assert not out.exists(), "something was written where the folder had been"
        if way == "renamed":
            (tmp_path / "elsewhere").rename(out)
            before = line_count(out)
            with running(*args, log=log) as run:
                wait_until(lambda: line_count(out) > before, 120, run.said)
                run.signal(signal.SIGTERM)
                assert run.wait(60) == 130
            assert len({line["id"] for line in lines(out)}) == line_count(out)
