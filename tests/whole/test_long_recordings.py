"""A long recording that is killed in its middle costs what was in flight, and comes out as if it never had been."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anime_whisper_ct2.features.mel import SAMPLE_RATE
from tests.support.commands import FAST
from tests.support.noting_command import noted_s
from tests.support.places import CORPUS, ROOT
from tests.support.processes import finished, lines, one_line, running, wait_until

MINUTES, KILLS = 40, 10
# After so many parts of it a run is killed; as many are left at the end, so that no kill comes too late.
PARTS = 2 * KILLS
# Of all that the ten of them together may cost: some 30 s, and on a machine that is busy with other work twice that.
MOST_TWICE_S = 120.0
NOTING = (sys.executable, str(ROOT / "tests" / "support" / "noting_command.py"))
# Options that let the figures be those of one process and not of the machine's cores.
ONE = ("--device", "cpu", "--cpu-threads", "1")


def talk(path: Path, minutes: float) -> Path:
    """Write lines of the sample, again and again, with pauses between them that are not digital silence."""
    chance = np.random.default_rng(7)
    clips = []
    for clip in sorted(CORPUS.rglob("*.ogg")):
        samples, rate = soundfile.read(clip, dtype="float32", always_2d=True)
        step = rate / SAMPLE_RATE
        at = np.arange(0, len(samples) - 1, step)
        clips.append(np.interp(at, np.arange(len(samples)), samples.mean(axis=1)).astype(np.float32))
    pieces: list[np.ndarray] = []
    while sum(map(len, pieces)) < minutes * 60 * SAMPLE_RATE:
        pieces.append(clips[len(pieces) // 2 % len(clips)] * chance.uniform(0.5, 1.0))
        pieces.append(chance.normal(0, 2e-4, round(SAMPLE_RATE * chance.uniform(0.8, 1.4))).astype(np.float32))
    soundfile.write(path, np.concatenate(pieces), SAMPLE_RATE)
    return path


def kept(out: Path) -> int:
    """Count the windows that are kept of recordings that are not finished."""
    return sum(path.read_bytes().count(b"\n") - 1 for path in (out / "unfinished").glob("*.jsonl"))


@pytest.mark.slow  # 40 minutes through the model, and twelve starts
def test_ten_kills_cost_a_recording_of_40_minutes_next_to_nothing(tiny_model: Path, tmp_path: Path) -> None:
    recording, out, log = talk(tmp_path / "talk.flac", MINUTES), tmp_path / "out", tmp_path / "log"
    args = ("run", recording, "-m", tiny_model, *FAST, *ONE)
    notes = [tmp_path / f"notes-{number}" for number in range(KILLS + 1)]
    status, said = finished(
        *args, "-o", tmp_path / "whole", log=log, command=NOTING, AWCT2_TEST_NOTES=str(tmp_path / "notes")
    )
    assert status == 0, said
    (line,) = lines(tmp_path / "whole")
    step = len(line["segments"]) // PARTS
    chance = random.Random(5)
    for kill in range(KILLS):
        before = kept(out)
        extra = {"AWCT2_TEST_NOTES": str(notes[kill])}
        with running(*args, "-o", out, log=log, command=NOTING, **extra) as run:
            wait_until(lambda: kept(out) >= before + step, 200, run.said)  # noqa: B023 - used at once
            time.sleep(chance.uniform(0, 0.2))
            assert run.process.poll() is None, "all was done before the last kill"
            run.kill_group()
            wait_until(lambda: not run.pids, 60, "workers outlive their parent")
        assert lines(out) == []
    status, said = finished(*args, "-o", out, log=log, command=NOTING, AWCT2_TEST_NOTES=str(notes[KILLS]))
    assert status == 0, said
    assert (out / "transcripts.jsonl").read_bytes() == (tmp_path / "whole" / "transcripts.jsonl").read_bytes()
    assert not (out / "unfinished").exists()
    assert noted_s("done", *notes) - noted_s("done", tmp_path / "notes") <= MOST_TWICE_S
    # Also of what was in the engine's hands, it is no more at each kill.
    assert noted_s("taken", *notes) - noted_s("taken", tmp_path / "notes") <= MOST_TWICE_S * KILLS
    run_ = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run_["audio_seconds"] == pytest.approx(line["duration"])
    assert run_["audio_seconds"] * KILLS / PARTS - 120 < run_["kept_seconds"] < run_["audio_seconds"]


@pytest.mark.posix("signals between processes")
@pytest.mark.slow  # minutes through the model, and three starts
@pytest.mark.parametrize("engines", [(), ("--engines", "2")], ids=["one", "two-engines"])
def test_ctrl_c_in_the_middle_of_a_recording_keeps_what_is_done(
    engines: tuple[str, ...], tiny_model: Path, tmp_path: Path
) -> None:
    recording, out, log = talk(tmp_path / "talk.flac", 6), tmp_path / "out", tmp_path / "log"
    args = ("run", recording, "-m", tiny_model, *FAST, "--device", "cpu", *engines)
    with running(*args, "-o", out, log=log) as run:
        wait_until(lambda: kept(out) >= 20, 200, run.said)
        run.signal(signal.SIGINT)
        assert run.wait(60) == 130, run.said
    assert "what is transcribed of 1 recording not finished, up to " in run.said
    assert lines(out) == []
    assert kept(out) >= 20
    # Other settings would give half a recording of each.
    status, said = finished(*args, "-o", out, "--beam-size", "2", log=log)
    assert status == 1
    one_line(said, "--overwrite")
    status, said = finished(*args, "-o", out, log=log)
    assert status == 0, said
    status, said = finished(*args, "-o", tmp_path / "whole", log=log)
    assert status == 0, said
    assert (out / "transcripts.jsonl").read_bytes() == (tmp_path / "whole" / "transcripts.jsonl").read_bytes()
