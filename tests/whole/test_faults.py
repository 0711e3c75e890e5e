"""Runs that are killed, stopped, crowded out or fed to broken decoders: nothing done is lost, and the truth is told."""

from __future__ import annotations

import contextlib
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile

from tests.support.commands import FAST
from tests.support.counting_command import read_batches
from tests.support.deaths import ABORT, SEGFAULT, limited
from tests.support.places import CORPUS, ROOT
from tests.support.processes import finished, hold_to_the_truth, line_count, lines, one_line, running, texts, wait_until
from tests.support.sounds import make_clips

CLIPS = 400
KILLS = 25


def speech(folder: Path, count: int) -> Path:
    """Copy short clips of the sample, again and again."""
    folder.mkdir()
    clips = sorted(path for path in CORPUS.rglob("*.ogg") if soundfile.info(path).duration < 3.0)
    for n in range(count):
        clip = clips[n % len(clips)]
        (folder / f"{n:03}{clip.suffix}").write_bytes(clip.read_bytes())
    return folder


@pytest.mark.slow  # 27 starts of the command
def test_25_kills_at_random_moments_lose_and_repeat_nothing_but_what_was_in_flight(
    tiny_model: Path, tmp_path: Path
) -> None:
    corpus, out, log = speech(tmp_path / "corpus", CLIPS), tmp_path / "out", tmp_path / "log"
    one_thread = ("--device", "cpu", "--cpu-threads", "1")
    args = ("run", corpus, "-m", tiny_model, *FAST, "--batch-size", "1", *one_thread)
    status, said = finished(*args, "-o", tmp_path / "undisturbed", log=log)
    assert status == 0, said
    counted = (sys.executable, str(ROOT / "tests" / "support" / "counting_command.py"))
    chance = random.Random(5)
    at_work = 0
    for kill in range(KILLS):
        before, batches = line_count(out), tmp_path / f"batches-{kill}"
        with running(*args, "-o", out, log=log, command=counted, AWCT2_TEST_BATCHES=str(batches)) as run:
            if kill % 5:
                wait_until(lambda: line_count(out) > before, 120, run.said)  # noqa: B023 - used at once
                time.sleep(chance.uniform(0, 0.1))
            else:
                time.sleep(chance.uniform(0, 1.0))  # while it starts
            assert run.process.poll() is None, "all was done before the last kill"
            run.kill_group()
            wait_until(lambda: not run.pids, 60, "workers outlive their parent")
        ids = [line["id"] for line in lines(out)]
        assert len(ids) == len(set(ids))
        in_flight, windows = read_batches(batches) if batches.exists() else (0, [])
        repeated = sum(windows) - (len(ids) - before)
        assert 0 <= repeated <= sum(windows[-in_flight:])
        at_work += len(ids) > before
    assert at_work >= KILLS // 2
    before = line_count(out)
    status, said = finished(*args, "-o", out, log=log)
    assert status == 0, said
    hold_to_the_truth(out, status, done_before=before, found=CLIPS, failed=0)
    assert texts(out) == texts(tmp_path / "undisturbed")


@pytest.mark.slow  # 200 clips through the model, and the time limit
@pytest.mark.usefixtures("faulty_decoders")
@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("segfault", "WorkerDied", SEGFAULT),
        ("abort", "WorkerDied", ABORT),
        ("hang", "TimeLimit", "within 4 s"),
        pytest.param("hoard", "MemoryError", "emory", marks=limited),
    ],
)
def test_a_decoder_that_fails_in_any_way_costs_one_of_200_recordings(
    fault: str, error: str, reason: str, tiny_model: Path, tmp_path: Path
) -> None:
    corpus, out = make_clips(tmp_path / "corpus", 200, 0.2, 0.4), tmp_path / "out"
    (corpus / "100.wav").rename(corpus / f"100-{fault}.wav")
    # Memory that is taken for nothing takes its time, too.
    limit_s = 4 if fault == "hang" else 100
    args = ("run", corpus, "-m", tiny_model, *FAST, "--time-limit", limit_s, "-o", out)
    status, said = finished(*args, log=tmp_path / "log")
    assert status == 3, said
    assert "1 failed" in said
    run = hold_to_the_truth(out, status, found=200, done=199, failed=1)
    (failure,) = lines(out, "errors.jsonl")
    assert (failure["id"], failure["stage"], failure["error"]) == (f"100-{fault}.wav", "decode", error)
    assert reason in failure["message"]
    # Alone it takes about 2 s; the rest is for slow machines, and far below a hang.
    assert run["wall_seconds"] < 4 + 150


@pytest.mark.slow  # a decoder hangs until its parent is gone
@pytest.mark.usefixtures("faulty_decoders")
def test_a_worker_that_hangs_does_not_outlive_a_killed_run(tiny_model: Path, tmp_path: Path) -> None:
    corpus = make_clips(tmp_path / "corpus", 20)
    (corpus / "010.wav").rename(corpus / "010-hang.wav")
    with running("run", corpus, "-m", tiny_model, *FAST, "-o", tmp_path / "out", log=tmp_path / "log") as run:
        wait_until(lambda: line_count(tmp_path / "out") >= 8, 100, run.said)
        run.kill_group()
        wait_until(lambda: not run.pids, 60, "the worker that hangs is still there")


@pytest.mark.slow  # two engines load, and hang
@pytest.mark.usefixtures("faulty_decoders")
def test_engine_processes_and_their_workers_do_not_outlive_a_killed_run(tiny_model: Path, tmp_path: Path) -> None:
    corpus, log = make_clips(tmp_path / "corpus", 20), tmp_path / "log"
    (corpus / "010.wav").rename(corpus / "010-hang.wav")
    args = ("run", corpus, "-m", tiny_model, *FAST, "--device", "cpu", "--engines", "2", "-o", tmp_path / "out")
    with running(*args, log=log) as run:
        wait_until(lambda: line_count(tmp_path / "out") >= 8, 100, run.said)
        assert len(run.pids) >= 3  # one engine may be through by now
        run.kill_group()
        wait_until(lambda: not run.pids, 60, "processes are left over")


def holder(out: Path) -> int:
    """Give the process that says it writes there, or 0."""
    with contextlib.suppress(OSError, ValueError):
        return int((out / ".holder").read_text(encoding="ascii"))
    return 0


class TestTwoRuns:
    def test_the_second_is_refused_with_the_first_ones_process(self, tiny_model: Path, tmp_path: Path) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 24), tmp_path / "out"
        args = ("run", corpus, "-m", tiny_model, "-o", out, "--batch-size", "1")
        with running(*args, log=tmp_path / "first") as first:
            wait_until(lambda: line_count(out), 120, first.said)
            # Else it might be through before the second has begun.
            first.pause()
            status, said = finished(*args, log=tmp_path / "second")
            first.go_on()
            assert status == 1
            one_line(said, f"process {first.process.pid} is writing there")
            status = first.wait()
        assert status == 0, first.said
        hold_to_the_truth(out, status, found=24, done=24)

    def test_of_two_that_start_at_once_one_works(self, tiny_model: Path, tmp_path: Path) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 16), tmp_path / "out"
        args = ("run", corpus, "-m", tiny_model, "-o", out, "--batch-size", "1")
        with running(*args, log=tmp_path / "a") as a, running(*args, log=tmp_path / "b") as b:
            wait_until(lambda: holder(out), 120, "neither has begun")
            first, second = (a, b) if holder(out) == a.process.pid else (b, a)
            # Else it might be through before the other asks.
            first.pause()
            assert second.wait() == 1, second.said
            first.go_on()
            assert first.wait() == 0, first.said
        one_line(second.said, f"process {first.process.pid} is writing there")
        hold_to_the_truth(out, 0, found=16, done=16)


@pytest.mark.posix("signals between processes")
class TestSignals:
    @pytest.mark.slow  # a long recording through the model, twice
    @pytest.mark.parametrize("engines", [(), ("--device", "cpu", "--engines", "2")], ids=["one", "two-engines"])
    def test_sigterm_with_a_long_recording_in_flight(
        self, engines: tuple[str, ...], tiny_model: Path, tmp_path: Path, write_tone: Callable[..., Path]
    ) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 60), tmp_path / "out"
        write_tone("corpus/000-long.wav", 10 * 60.0)
        args = ("run", corpus, "-m", tiny_model, "-o", out, "--segment", "off", "--batch-size", "4", *FAST, *engines)
        with running(*args, log=tmp_path / "log") as run:
            wait_until(lambda: line_count(out), 120, run.said)
            run.signal(signal.SIGTERM)
            assert run.wait(60) == 130, run.said
        assert "the same command goes on from here" in run.said
        hold_to_the_truth(out, 130, failed=0)
        before = line_count(out)
        assert 0 < before < 61
        status, said = finished(*args, log=tmp_path / "log")
        assert status == 0, said
        hold_to_the_truth(out, status, done_before=before, found=61)
        assert texts(out)["000-long.wav"][1][-1][1] == 10 * 60.0

    def test_a_second_one_stops_at_once_and_loses_no_line(self, tiny_model: Path, tmp_path: Path) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 200), tmp_path / "out"
        # Batches of 64 windows of 30 s, so that what is in flight takes its time.
        args = ("run", corpus, "-m", tiny_model, "-o", out, "--batch-size", "64")
        with running(*args, log=tmp_path / "log") as run:
            wait_until(lambda: line_count(out), 120, run.said)
            run.signal(signal.SIGINT)
            wait_until(lambda: "once more to stop at once" in run.said, 60, run.said)
            before = line_count(out)
            run.signal(signal.SIGINT)
            assert run.wait(30) == 130
        assert "Every finished line is kept" in run.said
        assert len(lines(out)) >= before
        with running(*args, "--window", "full", log=tmp_path / "log") as again:
            wait_until(lambda: line_count(out) > before, 120, again.said)

    @pytest.mark.slow  # the patience with what is in flight
    def test_a_batch_that_takes_longer_than_the_patience_is_left_to_the_next_run(
        self, tiny_model: Path, tmp_path: Path
    ) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 800), tmp_path / "out"
        # Batches that take far longer than 8 s, of recordings in the order of their listing. So many that those in
        # flight are of one size: a small one, as at the end of a corpus, would be done before those ahead of it.
        one = ("--device", "cpu", "--cpu-threads", "1", "--workers", "1", "--window", "full", "--no-retry")
        args = ("run", corpus, "-m", tiny_model, "-o", out, "--batch-size", "120", *one)
        with running(*args, log=tmp_path / "log") as run:
            # The first batches are small.
            wait_until(lambda: line_count(out) >= 200, 400, run.said)
            run.signal(signal.SIGTERM)
            assert run.wait(20) == 130, run.said
        assert "the same command goes on from here" in run.said
        hold_to_the_truth(out, 130, state="interrupted")
        before = line_count(out)
        status, said = finished(*args, "--limit", before + 1, log=tmp_path / "log")
        assert status == 0, said
        hold_to_the_truth(out, status, done_before=before, done=1)

    def test_one_that_comes_while_the_model_loads(self, tiny_model: Path, tmp_path: Path) -> None:
        corpus, out = make_clips(tmp_path / "corpus", 20), tmp_path / "out"
        with running("run", corpus, "-m", tiny_model, "-o", out, *FAST, log=tmp_path / "log") as run:
            wait_until((out / ".holder").exists, 120, run.said)
            run.signal(signal.SIGTERM)
            assert run.wait(60) == 130, run.said
